"""Actors that are left when the program has ended, though nobody will ever end them.

Ray counts handles. So does the simulator, by Python's own counts, and what is left is found as Python finds garbage
that holds itself: of all references to what an actor's handles share, subtract those from the state of actors; if some
are left, the driver, a call under way or a value has a handle.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Mapping
from sys import getrefcount
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from simactors.core.refs import ActorRef, ObjectRef
from simactors.exceptions import LeakedActorError
from simactors.sim.actor import SharedRef, SimActor, is_at_work
from simactors.sim.cluster import Process
from simactors.sim.lifecycle import State

# What leads from an actor's state to everything else: its code, and the simulator.
_NOT_STATE = (
    type,
    ModuleType,
    FunctionType,
    BuiltinFunctionType,
    CodeType,
    ObjectRef,
    ActorRef,
    SimActor,
    Process,
)
_MOST_OBJECTS = 1_000_000
_MOST_TOLD = 10


class Leaks:
    """The actors of one run, by when and where they were made."""

    def __init__(self) -> None:
        self._places: dict[SimActor, str] = {}
        self._dropped: dict[SimActor, None] = {}

    def made(self, actor: SimActor, place: str) -> None:
        """A new actor; `place` is the line that made it."""
        self._places[actor] = place

    def dropped(self, actor: SimActor) -> None:
        """Its last handle is gone: it ends by itself, or is detached."""
        self._dropped[actor] = None

    def check(self) -> None:
        """Raise `LeakedActorError` if an actor is left; the program has ended."""
        living = [actor for actor in self._places if actor.state is not State.DEAD]
        detached = [actor for actor in living if actor.owner is None]
        if detached:
            first = detached[0]
            raise LeakedActorError(
                f"{first} is detached, and alive when the program has ended: on Ray it goes on for ever. End it with "
                f"`kill` when it is no longer needed, or don't detach it.{self._told(detached)}"
            )
        leaked = _unreachable(living, self._dropped)
        if leaked:
            raise LeakedActorError(
                f"{leaked[0]} is alive when the program has ended, and only the state of actors has handles to it that "
                "nobody can reach either: they keep one another alive for ever. Let one of them forget the other's "
                f"handle, or end it with `kill`.{self._told(leaked)}"
            )

    def _told(self, actors: list[SimActor]) -> str:
        """Who else, and where they were made; the first one last, for that is the place of the failure."""
        lines = [f"{actor} was made at\n{self._places[actor]}" for actor in actors[:_MOST_TOLD]]
        if len(actors) > _MOST_TOLD:
            lines.append(f"and {len(actors) - _MOST_TOLD} more")
        return "\n" + "\n".join(reversed(lines))


def _unreachable(living: list[SimActor], dropped: Mapping[SimActor, None]) -> list[SimActor]:
    """Those that only unreachable actors can reach."""
    holdings = {actor: _Holding(actor) for actor in living}
    shared = {actor: ref for holding in holdings.values() for actor, ref in holding.refs.items()}
    for holding in holdings.values():
        holding.refs.clear()
    inside = {actor: sum(h.handles.get(actor, 0) for h in holdings.values()) for actor in shared}
    ours = {None: object()}
    count_of_ours = getrefcount(ours[None])
    suspects = [
        actor
        for actor in living
        if actor in shared
        and not is_at_work(actor.process)
        and getrefcount(shared[actor]) - count_of_ours == inside[actor]
    ]
    reached = _closure(
        (actor for actor in living if actor not in suspects and actor not in dropped), holdings
    )
    left = _without_chains([actor for actor in suspects if actor not in reached], holdings)
    # Who is in a circle comes first: the others are only kept by it.
    return sorted(left, key=lambda actor: actor not in _closure(holdings[actor].handles, holdings))


def _closure(roots: Iterable[SimActor], holdings: Mapping[SimActor, _Holding]) -> dict[SimActor, None]:
    """The roots, and all that can be reached from them."""
    reached: dict[SimActor, None] = {}
    todo = list(roots)
    while todo:
        actor = todo.pop()
        if actor not in reached:
            reached[actor] = None
            todo += holdings[actor].handles if actor in holdings else ()
    return reached


def _without_chains(actors: list[SimActor], holdings: Mapping[SimActor, _Holding]) -> list[SimActor]:
    """Without those that end by themselves, because whoever has handles to them does."""
    while True:
        held = [actor for actor in actors if any(actor in holdings[other].handles for other in actors)]
        if held == actors:
            return held
        actors = held


class _Holding:
    """What the state of one actor holds.

    Attributes:
        handles: how often it refers to what the handles of an actor share.
        refs: that.
    """

    def __init__(self, actor: SimActor) -> None:
        self.handles: dict[SimActor, int] = {}
        self.refs: dict[SimActor, SharedRef] = {}
        self._seen: dict[_Same, None] = {}
        creation = actor.creation
        self._walk([actor.instance, None if creation is None else creation.arguments])
        self._seen.clear()

    def _walk(self, todo: list[Any]) -> None:
        while todo and len(self._seen) < _MOST_OBJECTS:
            found = todo.pop()
            if isinstance(found, SharedRef):
                actor: Any = found.entry
                self.handles[actor] = self.handles.get(actor, 0) + 1
                self.refs[actor] = found
            elif (
                not isinstance(found, _NOT_STATE) and gc.is_tracked(found) and _Same(found) not in self._seen
            ):
                self._seen[_Same(found)] = None
                todo += gc.get_referents(found)


class _Same:
    """A key that is equal to itself only, whatever the user's objects say of theirs."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def __hash__(self) -> int:
        return object.__hash__(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self._value is other._value

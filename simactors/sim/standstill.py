"""Says who waits for what when nothing can run any more: the text of a `DeadlockError`.

Only reads. Code waits for calls; a call waits for the code that runs it, for its turn at an actor, for its arguments,
or for resources that somebody holds. Where this leads back to where it began, that is the circle, and it is told first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any

from simactors.core.resources import quantities_of
from simactors.sim.fiber import innermost_frame
from simactors.sim.invocation import Invocation, StoredObject
from simactors.sim.locks import Taken
from simactors.sim.objects import Several
from simactors.sim.placement import Claim, Grant, Placement
from simactors.sim.threads import Ending, SimThread, of_waiter
from simactors.sim.waiting import Waiter

_OURS = ("simactors", "greenlet", "simpy")
_MOST_TOLD = 50

_Link = tuple[Waiter, str]
"""Code that waits, and how what it waits for leads to the next code that does."""


def explain(blocked: Sequence[Waiter], placement: Placement) -> str:
    """Who waits, the longest first, and what cannot be placed; if they wait in a circle, that first."""
    living = [waiter for waiter in blocked if not waiter.process.dead]
    picture = _Picture(living, placement)
    cycle = picture.cycle()
    lines = []
    if cycle:
        lines.append(f"a circle of {len(cycle)}:" if len(cycle) > 1 else "it waits for itself:")
        for waiter, because in cycle:
            lines.append(f"{_code(waiter)}{because}{_user_line(innermost_frame(waiter.fiber))}")
    in_cycle = dict(cycle)
    others = [waiter for waiter in living if waiter not in in_cycle]
    if cycle and others:
        lines.append("besides:")
    for waiter in others[:_MOST_TOLD]:
        because = picture.because(waiter)
        lines.append(f"{_code(waiter)}{because}{_user_line(innermost_frame(waiter.fiber))}")
    if len(others) > _MOST_TOLD:
        lines.append(f"  and {len(others) - _MOST_TOLD} more")
    return "\n".join(lines)


class _Picture:
    """Who waits for whom at the moment of the standstill."""

    def __init__(self, living: Sequence[Waiter], placement: Placement) -> None:
        self._living = living
        self._waiter_of: dict[
            Any, Waiter
        ] = {}  # by thread; of a main thread, by process; and by the call in a pool
        for waiter in reversed(living):
            thread = of_waiter(waiter)
            self._waiter_of[waiter.process if thread is None else thread] = waiter
            if thread is not None and thread.call is not None:
                self._waiter_of[thread.call] = waiter
        self._claims = placement.waiting
        self._held = list(placement.held)

    def cycle(self) -> list[_Link]:
        """The first circle that there is; empty if there is none."""
        done: dict[Waiter, None] = {}
        for start in self._living:
            found = self._circle_from(start, done)
            if found:
                return found
        return []

    def _circle_from(self, start: Waiter, done: dict[Waiter, None]) -> list[_Link]:
        """Follow what waits for what, in depth; not by recursion: such chains are thousands long."""
        path: dict[Waiter, str] = {start: ""}  # how each leads to the next
        open_ends = [self._next(start)]
        while open_ends:
            following, because = next(open_ends[-1], (None, ""))
            last = next(reversed(path))
            if following is None:
                open_ends.pop()
                done[last] = None
                del path[last]
                continue
            path[last] = because
            if following in path:
                links = list(path.items())
                return links[list(path).index(following) :]
            if following not in done:
                path[following] = ""
                open_ends.append(self._next(following))
        return []

    def because(self, waiter: Waiter) -> str:
        """What some code waits for, and why that does not come."""
        reasons = [reason for state in awaited(waiter) for reason in [self._obstacle(state)] if reason]
        return f" waits for {waiter.why}" + "".join(f",\n    which {reason}" for reason in reasons[:3])

    def _next(self, waiter: Waiter) -> Iterator[_Link]:
        for state in awaited(waiter):
            obstacle = self._obstacle(state)
            because = f" waits for {state}" + (f",\n    which {obstacle}" if obstacle else "")
            for runner in self._in_the_way(state):
                following = self._waiter_of.get(runner)
                if following is not None:
                    yield following, because
        thread = _thread_in_the_way(waiter)
        if thread is not None:
            following = self._waiter_of.get(thread if thread.kind != "main" else thread.process)
            if following is not None:
                yield following, f" waits for {waiter.why}"

    def _in_the_way(self, state: Any) -> Iterator[Any]:
        """What must go on before `state` can become ready: processes, and calls that run in a pool of threads."""
        call = state.call if isinstance(state, StoredObject) else state
        if not isinstance(call, Invocation):
            return
        claim = self._claim_of(call)
        if claim is not None:
            for grant in self._holders(claim):
                yield grant.holder.process
        elif any(_is_open(ref) for ref in call.refs):
            for ref in call.refs:
                if _is_open(ref):
                    yield from self._in_the_way(ref.entry)
        elif call in self._waiter_of:
            yield call
        elif call.process is not None:
            yield call.process
        elif call.actor is not None:
            yield call.actor.process

    def _obstacle(self, state: Any) -> str:
        """Why `state` does not become ready, in words."""
        call = state.call if isinstance(state, StoredObject) else state
        if not isinstance(call, Invocation):
            return ""
        claim = self._claim_of(call)
        if claim is not None:
            return self._want(claim)
        waits = [str(ref.entry) for ref in call.refs if _is_open(ref)]
        if waits:
            return f"waits for its argument {', '.join(waits[:3])}"
        lanes = None if call.actor is None else call.actor.lanes
        if lanes is not None and call in lanes.under_way:
            return ""  # it runs, beside others
        if call.actor is not None and call.actor.current is not call and call.function is not None:
            current = call.actor.current
            if isinstance(current, Invocation):
                return f"waits for its turn at {call.actor}, which runs {current}"
            return f"has been sent to {call.actor}, which is {call.actor.state.value}"
        return ""

    def _claim_of(self, call: Invocation) -> Claim | None:
        holders = (call, call.actor) if call.actor is not None else (call,)
        return next((claim for claim in self._claims if claim.holder in holders), None)

    def _want(self, claim: Claim) -> str:
        wanted = quantities_of(claim.request.to_place)
        held = [f"{grant.holder} ({quantities_of(grant.amounts)})" for grant in self._holders(claim)]
        if not held:
            return f"needs {wanted}, and no node has that"
        more = f" and {len(held) - 3} more" if len(held) > 3 else ""
        return f"needs {wanted}, held by {', '.join(held[:3])}{more}"

    def _holders(self, claim: Claim) -> list[Grant]:
        """Who holds something of what is wanted."""
        names = [name for name, _ in claim.request.to_place]
        return [g for g in self._held if any(name in names for name, units in g.amounts if units > g.lent)]


def awaited(waiter: Waiter) -> list[Any]:
    """The states that code waits for."""
    why: Any = waiter.why
    if isinstance(why, Several):
        return [state for state in why.pending if state.outcome is None]
    return [why] if isinstance(why, StoredObject | Invocation) else []


def _is_open(ref: Any) -> bool:
    return ref.entry.outcome is None


def _thread_in_the_way(waiter: Waiter) -> SimThread | None:
    """Who has the lock that code waits for, or is the thread that it waits for."""
    why: Any = waiter.why
    if isinstance(why, Taken):
        return why.holder
    return why.thread if isinstance(why, Ending) else None


def _code(waiter: Waiter) -> str:
    """The code that waits: its process, and the thread, or the call that runs there."""
    process: Any = waiter.process
    thread = of_waiter(waiter)
    if thread is not None:
        return f"  {process.label} ({thread})"
    call = running_call(waiter)
    return f"  {process.label}" if call is None else f"  {process.label} ({call})"


def running_call(waiter: Waiter) -> Invocation | None:
    """The call whose code waits; None if it is no call's."""
    process: Any = waiter.process
    thread = of_waiter(waiter)
    if thread is not None and thread.kind != "main":
        return thread.call  # type: ignore[no-any-return]  # our own
    call = process.task or (None if process.actor is None else process.actor.current)
    return call if isinstance(call, Invocation) else None


def _user_line(frame: FrameType | None) -> str:
    while frame is not None:
        module: str = frame.f_globals.get("__name__", "")
        if module.partition(".")[0] not in _OURS:
            code = frame.f_code
            return f'\n    at File "{code.co_filename}", line {frame.f_lineno}, in {code.co_name}'
        frame = frame.f_back
    return ""

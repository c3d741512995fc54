"""What stands where at one moment of a run: actors, what is under way, who waits. For debuggers.

Only reads, and runs no code of the user's: whoever wants to see a value gets the object itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NamedTuple

from simactors.core.events import Record
from simactors.core.resources import GRAIN, quantities_of
from simactors.sim import standstill
from simactors.sim.actor import SimActor, is_at_work
from simactors.sim.cluster import Process
from simactors.sim.config import NS
from simactors.sim.fiber import innermost_frame
from simactors.sim.invocation import Invocation, StoredObject
from simactors.sim.machine import Machine
from simactors.sim.nodes import Node
from simactors.sim.offer import Offer
from simactors.sim.trace import Trouble
from simactors.sim.waiting import Waiter


class ActorView(NamedTuple):
    """One living actor.

    Attributes:
        name: its own, or its class and rank: ``Account#1``.
        label: what traces call it: ``actor-3``.
        waiting: how many calls wait for their turn.
        running: the calls that run, as ``Account.add #12``.
        instance: the user's object; None before its constructor has returned.
    """

    name: str
    label: str
    class_name: str
    state: str
    node: str
    waiting: int
    running: tuple[str, ...]
    instance: Any


class NodeView(NamedTuple):
    """One machine, up or down.

    Attributes:
        total: what it has, by resource; 0 of everything once it is down.
        reserved: what actors and tasks hold of it.
        used: what is in use: cores that work, as `SimConfig.service_times` say; of all else, what code holds that runs.
    """

    name: str
    total: dict[str, float]
    reserved: dict[str, float]
    used: dict[str, float]


class QueueView(NamedTuple):
    """The calls that wait at the living actors of one class.

    Attributes:
        actors: how many of them there are.
        waiting: calls at all of them together.
        longest: calls at the one with the most.
    """

    class_name: str
    actors: int
    waiting: int
    longest: int


class Ahead(NamedTuple):
    """Something that will happen, or could happen next.

    Attributes:
        what: see `Offer.name`; where latencies are drawn, without its number.
        call: of which call, as ``Account.add #12``; empty if of none.
        earliest_s: when it can happen, in virtual seconds; where latencies are drawn, when it will.
        latest_s: when it must have happened.
    """

    what: str
    call: str
    earliest_s: float
    latest_s: float


class Suspended(NamedTuple):
    """Code that waits.

    Attributes:
        process: whose it is, as traces name it.
        call: what runs there; empty for the driver's own code.
        why: what it waits for.
        frame: where it stands still.
    """

    process: str
    call: str
    why: str
    frame: FrameType | None


class Inspection:
    """One run, to be looked at.

    Invariant: nothing here changes the run, and no object of the user's outlives the answer that it is in.
    """

    def __init__(self, machine: Machine) -> None:
        machine.actors.is_ranked = True  # so that there are names; nothing else follows from it
        if machine.trace.troubles is None:
            machine.trace.troubles = []
        self._machine = machine
        self._kernel = machine.kernel

    @property
    def now_ns(self) -> int:
        """Virtual nanoseconds since the start."""
        return self._kernel.now_ns

    @property
    def steps(self) -> int:
        """How many steps have begun."""
        return self._kernel.steps

    def look_before_steps(self, look: Callable[[Any], None] | None) -> None:
        """See `Kernel.look_before_steps`; `described` says what the step is."""
        self._kernel.look_before_steps(look)

    @property
    def actors(self) -> list[ActorView]:
        """Those whose processes have not ended, the oldest first."""
        return [self._view(p.actor) for p in self._machine.cluster.processes if p.actor is not None]

    @property
    def queues(self) -> list[QueueView]:
        """Who waits at actors, by class, in the order in which these were first used."""
        lengths: dict[str, list[int]] = {}
        for process in self._machine.cluster.processes:
            if process.actor is not None:
                lengths.setdefault(process.actor.cls.interface.class_name, []).append(_waiting(process.actor))
        return [QueueView(name, len(found), sum(found), max(found)) for name, found in lengths.items()]

    @property
    def nodes(self) -> list[NodeView]:
        """All machines, the oldest first."""
        running: dict[str, dict[str, int]] = {}
        for process in self._machine.cluster.processes:
            if process.grant is not None and is_at_work(process):
                uses = running.setdefault(process.node.label, {})
                for name, units in process.grant.amounts:
                    uses[name] = uses.get(name, 0) + units
        return [_node_view(node, running.get(node.label, {})) for node in self._machine.nodes.all]

    def place_of(self, label: str) -> tuple[str, str] | None:
        """The name of a living process, by what traces call it, and its node; None if there is none."""
        for process in self._machine.cluster.processes:
            if process.label == label:
                name = label if process.actor is None else self._machine.names.name(process)
                return name, process.node.label
        return None

    def actor(self, name: str) -> ActorView | None:
        """The living one that is called so, in either way."""
        return next((view for view in self.actors if name in (view.name, view.label)), None)

    @property
    def suspended(self) -> list[Suspended]:
        """Code that waits, the longest first."""
        living = [waiter for waiter in self._kernel.blocked if not waiter.process.dead]
        return [
            Suspended(
                waiter.process.label,
                str(standstill.running_call(waiter) or ""),
                str(waiter.why),
                innermost_frame(waiter.fiber),
            )
            for waiter in living
        ]

    @property
    def blocked(self) -> str:
        """Who waits for what, and why that does not come, in words."""
        return standstill.explain(self._kernel.blocked, self._machine.placement)

    @property
    def ahead(self) -> list[Ahead]:
        """What could happen next, the dullest first, and then what is due later."""
        offers = self._kernel.offers
        if offers is not None:
            return [self.described(offer) for offer in offers.pending]
        now_ns = self._kernel.now_ns
        ready = [self._drawn(step, now_ns) for step in self._kernel.ready]
        return ready + [self._drawn(step, time_ns) for time_ns, step in self._kernel.due]

    def described(self, step: Any) -> Ahead:
        """A step that `look_before_steps` has told."""
        if not isinstance(step, Offer):
            return self._drawn(step, self._kernel.now_ns)
        return Ahead(step.name, _call(step.step), step.earliest_ns / NS, step.latest_ns / NS)

    def _drawn(self, step: Any, time_ns: int) -> Ahead:
        kind, source, target, what = self._machine.names.describe(step)
        place = source if source == target else f"{source}>{target}"
        return Ahead(f"{kind} {place} {what}".rstrip(), _call(step), time_ns / NS, time_ns / NS)

    def last_records(self, count: int) -> list[Record]:
        """At most `count` of the last trace records, oldest first."""
        return self._machine.trace.last(count)

    @property
    def troubles(self) -> list[Trouble]:
        """What has gone wrong so far, in order; it grows while the run goes on."""
        return self._machine.trace.troubles or []

    def callers(self, call: Invocation) -> list[FrameType]:
        """The frames of all code that waits for `call`, across processes: the outermost first."""
        found: list[FrameType] = []
        seen: list[Invocation] = []
        current: Invocation | None = call
        while current is not None and current not in seen:
            seen.append(current)
            waiter = self._waiter_for(current)
            if waiter is None:
                break
            found = [*_outwards(innermost_frame(waiter.fiber))][::-1] + found
            current = standstill.running_call(waiter)
        return found

    def frame_of(self, name: str) -> FrameType | None:
        """Where code of the process stands still that steps name so; None if none does."""
        for waiter in self._kernel.blocked:
            process: Any = waiter.process
            if not process.dead and self._machine.names.name(process) == name:
                return innermost_frame(waiter.fiber)
        return None

    def _waiter_for(self, call: Invocation) -> Waiter | None:
        for waiter in self._kernel.blocked:
            if any(_call_of(state) is call for state in standstill.awaited(waiter)):
                return waiter
        return None

    def _view(self, actor: SimActor) -> ActorView:
        process: Process = actor.process
        lanes = actor.lanes
        running = [str(actor.current)] if isinstance(actor.current, Invocation) else []
        if lanes is not None:
            running += [str(call) for call in lanes.under_way]
        return ActorView(
            name=self._machine.names.name(process),
            label=process.label,
            class_name=actor.cls.interface.class_name,
            state=actor.state.value,
            node=process.node.label,
            waiting=_waiting(actor),
            running=tuple(running),
            instance=actor.instance,
        )


def _waiting(actor: SimActor) -> int:
    """How many calls wait for their turn."""
    waiting = len(actor.mailbox or ())
    if actor.lanes is not None:
        waiting += sum(len(lane.waiting) for lane in actor.lanes.by_group.values())
    return waiting


def _node_view(node: Node, running: dict[str, int]) -> NodeView:
    if not node.up:
        return NodeView(node.label, {}, {}, {})
    total = quantities_of(node.pool.total.items())
    reserved = {name: quantity - node.pool.free[name] / GRAIN for name, quantity in total.items()}
    used = {**dict.fromkeys(total, 0.0), **quantities_of(running.items())}
    if "CPU" in total:
        used["CPU"] = min(float(node.cores.users), total["CPU"]) if node.cores is not None else 0.0
    return NodeView(node.label, total, reserved, used)


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _call(step: Any) -> str:
    return str(step) if isinstance(step, Invocation) else ""


def _call_of(state: Any) -> Any:
    return state.call if isinstance(state, StoredObject) else state

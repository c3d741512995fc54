"""Connections that break under a call: requests and replies that get lost, calls that are made again too early, or
that arrive late.

A lost message is never simply gone: whoever waits for it meets an error, or makes the call again if it may.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from simactors import exceptions
from simactors.core.fault_plan import DelayCall, FailCall
from simactors.core.outcome import Outcome
from simactors.sim.actors import Actors
from simactors.sim.answers import lost_actor, out_of_reach
from simactors.sim.config import NS
from simactors.sim.invocation import Invocation
from simactors.sim.kernel import Kernel
from simactors.sim.network import Network
from simactors.sim.rules import happens
from simactors.sim.tasks import Tasks
from simactors.sim.trace import Trace


class Sightings:
    """Which calls the faults of one kind hit, when they are sent.

    Whether a call is hit is decided when it is first sent, and for those that are hit at random at every attempt.
    """

    def __init__(self, kernel: Kernel, faults: Sequence[FailCall | DelayCall], kind: str) -> None:
        self._kernel = kernel
        self._faults = faults
        self._kind = kind
        self._seen = [0] * len(faults)

    def hits(self, invocation: Invocation) -> list[int]:
        """The indices of the faults that hit a call which is being sent; to be asked once for each sending."""
        # All are asked, even behind one that has hit: the count of one must not depend on another.
        return [
            index
            for index, fault in enumerate(self._faults)
            if fnmatchcase(invocation.label, fault.call) and self._hits(index, fault, invocation)
        ]

    def _hits(self, index: int, fault: FailCall | DelayCall, invocation: Invocation) -> bool:
        sent_s = self._kernel.now_ns / NS
        if sent_s < fault.at_s or (fault.for_s is not None and sent_s >= fault.at_s + fault.for_s):
            return False
        if fault.nth is None:
            kind = fault.lost if isinstance(fault, FailCall) else self._kind
            return happens(self._kernel.choices, f"fault {index} {kind} {fault.call}", fault.probability)
        if invocation.extra is not None and invocation.extra.attempt:
            return False  # a call is one call, however often it is made
        self._seen[index] += 1
        return self._seen[index] == fault.nth


class LateCalls:
    """The `DelayCall` faults of one run."""

    def __init__(self, kernel: Kernel, trace: Trace, faults: Sequence[DelayCall]) -> None:
        self._kernel = kernel
        self._meet = trace.meet
        self._faults = faults
        self._sightings = Sightings(kernel, faults, "delay")

    def late_ns(self, invocation: Invocation) -> int:
        """See `Network.delay_calls`."""
        if invocation.function is None or _is_ghost(invocation):
            return 0
        hits = [self._faults[index] for index in self._sightings.hits(invocation)]
        late = sum(round(fault.by_s * NS) for fault in hits)
        if late:
            row = (self._kernel.now_ns, "fault", invocation.id, invocation.caller.label)
            self._meet((*row, f"delay of {invocation.label} by {late / NS:g} s"), faults=hits)
        return late


class BrokenConnections:
    """The `FailCall` faults of one run."""

    def __init__(
        self,
        kernel: Kernel,
        trace: Trace,
        network: Network,
        actors: Actors,
        tasks: Tasks,
        faults: Sequence[FailCall],
    ) -> None:
        self._kernel = kernel
        self._meet = trace.meet
        self._network = network
        self._actors = actors
        self._tasks = tasks
        self._faults = faults
        self._sightings = Sightings(kernel, faults, "")
        self._doomed: dict[Invocation, FailCall] = {}  # calls whose reply will be lost

    def fails(self, invocation: Invocation) -> bool:
        """See `Network.break_connections`."""
        if invocation.function is None or _is_ghost(invocation):
            return False
        broken = None
        for index in self._sightings.hits(invocation):
            fault = self._faults[index]
            if fault.lost == "reply":
                self._doomed[invocation] = fault
            else:
                broken = broken or fault
        if broken is None:
            return False
        self._doomed.pop(invocation, None)
        self._note(broken, invocation)
        if broken.lost == "late":
            self._send_ghost(invocation)
        elif invocation.actor is None:
            self._tasks.crash(invocation, "the connection to it broke")
            return True
        self._give_up(invocation, "the connection to its worker broke")
        return True

    def loses_reply(self, invocation: Invocation) -> bool:
        """See `Network.break_connections`."""
        if _is_ghost(invocation):
            return True
        fault = self._doomed.pop(invocation, None)
        if fault is None:
            return False
        self._note(fault, invocation)
        self._give_up(invocation, "its answer was lost")
        return True

    def _give_up(self, invocation: Invocation, why: str) -> None:
        """The caller finds its connection broken."""
        if invocation.actor is None:
            self._tasks.lose_answer(invocation, exceptions.WorkerCrashedError, why)
        else:
            text = out_of_reach(invocation.actor)
            told = lost_actor(exceptions.ActorUnavailableError, invocation.actor, text)
            self._actors.lost(invocation, told)

    def _send_ghost(self, invocation: Invocation) -> None:
        """Let the call arrive and run, though its caller has given it up."""
        ghost = _ghost_of(invocation)
        process = invocation.process
        if process is not None and process.task is invocation:
            process.task = ghost
        assert ghost.link is not None
        self._network.send(ghost.link, ghost)

    def _note(self, fault: FailCall, invocation: Invocation) -> None:
        label = invocation.caller.label
        what = f"{fault.lost} of {invocation.label}" if fault.lost != "late" else f"late {invocation.label}"
        row = (self._kernel.now_ns, "fault", invocation.id, label, f"broken connection: {what}")
        self._meet(row, faults=(fault,))


def _is_ghost(invocation: Invocation) -> bool:
    return invocation.extra is not None and invocation.extra.is_ghost


def _ghost_of(invocation: Invocation) -> Invocation:
    """A second object for the same call: it is run like it, but nobody hears what it comes to."""
    ghost = Invocation(invocation.id, invocation.label, invocation.caller, invocation.arguments)
    for name in ("process", "actor", "handle", "function", "link", "then"):
        setattr(ghost, name, getattr(invocation, name))
    extra = ghost.particulars()
    extra.is_ghost = True
    if invocation.extra is not None:
        for name in ("num_returns", "options", "request", "group", "is_dynamic", "attempt"):
            setattr(extra, name, getattr(invocation.extra, name))
        if invocation.extra.stream is not None:
            extra.stream = _Unheard()
    return ghost


class _Unheard:
    """The stream of a ghost: it takes every item, and nobody gets it."""

    sent = 0

    def arrive(self, index: int, outcome: Outcome) -> None:
        pass

    def may_yield(self, produced: int) -> bool:
        return True

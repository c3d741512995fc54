"""What the steps of an explored run are called, so that a plan means the same in a run that went another way.

Names are made of what a user knows: an actor's name or its class and rank, a task's function and rank, the method that
is called. Which worker a task runs in, and all ids, depend on the order of everything else, and stand in no name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from simactors.sim.actor import SimActor
from simactors.sim.cluster import Process
from simactors.sim.invocation import Invocation
from simactors.sim.offer import CLUSTER, Description
from simactors.sim.offers import Offers
from simactors.sim.waiting import Timer, Waiter

_new = tuple.__new__  # without the frame of a constructor: this runs for every message


class Names:
    """Describes steps.

    Args:
        replied: what happens to a call that comes home with its reply; what has taken its place since is in `replied`,
            too.
        started: what happens to a call whose turn has come at its actor.
    """

    def __init__(self, replied: Callable[[Invocation], None], started: Callable[[Invocation], None]) -> None:
        self.replied: tuple[Callable[[Invocation], None], ...] = (replied,)
        self._started = started
        self._touch: Callable[[str], None] = lambda _: None
        self._tasks: dict[Invocation, str] = {}
        self._callers: dict[Invocation, str] = {}
        self._actors: dict[SimActor, str] = {}
        self._counts: dict[str, int] = {}

    def serve(self, offers: Offers) -> None:
        """Let `offers` ask here."""
        offers.describe, offers.awaited, offers.name = self.describe, self.awaited, self.name
        self._touch = offers.touch

    def describe(self, step: Any) -> Description:
        """See `Offers`."""
        if isinstance(step, Invocation):
            return self._message(step)
        if isinstance(step, Waiter):
            name = self.name(step.process)  # type: ignore[arg-type]  # the kernel's word for ours
            return Description("resume", name, name, "")
        if isinstance(step, Timer):
            if step.call is not None:
                place = self.name(step.process)  # type: ignore[arg-type]  # as above
                return Description(step.kind, self.name(step.call.caller), place, step.call.label)
            name = CLUSTER if step.process is None else self.name(step.process)  # type: ignore[arg-type]
            return Description(step.kind, name, name, step.what)
        return Description("step", CLUSTER, CLUSTER, type(step).__name__)

    def awaited(self, step: Any) -> Iterable[Any]:
        """See `Offers`."""
        if isinstance(step, Invocation):
            if type(step.arguments) is tuple or step.then in self.replied:  # no refs among them, as mostly
                return ()
            return [ref.entry for ref in step.refs]
        if isinstance(step, Waiter):
            return getattr(step.why, "pending", None) or (step.why,)
        return ()

    def name(self, process: Process) -> str:
        """What a process is called."""
        actor = process.actor
        if actor is None:
            return process.label if process.task is None else self._task(process.task)
        name = self._actors.get(actor)
        if name is None:
            extra = actor.extra
            is_named = extra.name is not None
            name = str(extra.name[1]) if is_named else f"{actor.cls.interface.class_name}#{extra.rank}"
            self._actors[actor] = name
        return name

    def _message(self, call: Invocation) -> Description:
        caller = self._callers.get(call)
        if caller is None:  # as it is called now: a worker may run another task when the reply comes
            caller = self._callers[call] = self.name(call.caller)
        actor, then = call.actor, call.then
        there = self._task(call) if actor is None else self._actors.get(actor) or self.name(actor.process)
        if then in self.replied:
            return _new(Description, ("reply", there, caller, call.label))
        if then == self._started:
            return _new(Description, ("turn", there, there, call.label))
        kind = "call" if call.function is not None else "create"
        return _new(Description, (kind, caller, there, call.label))

    def _task(self, call: Invocation) -> str:
        """What a task is called: by its rank among those of its function, in the order in which they were sent."""
        name = self._tasks.get(call)
        if name is None:
            self._touch(f"rank of {call.label}")
            rank = self._counts[call.label] = self._counts.get(call.label, 0) + 1
            name = self._tasks[call] = f"{call.label}#{rank}"
        return name

"""One simulated actor: its state, and nothing that happens to it.

`actors.py` says how it lives and dies, `turns.py` which of its calls runs when.
"""

from __future__ import annotations

import contextvars
from collections import deque
from collections.abc import Callable
from typing import Any

from simactors.core import calls
from simactors.core.concurrency import concurrency_of
from simactors.core.outcome import Failure
from simactors.core.refs import ActorRef
from simactors.sim.cluster import Link, Process
from simactors.sim.invocation import Invocation
from simactors.sim.lanes import Lanes, group_of
from simactors.sim.lifecycle import Event, State, next_state
from simactors.sim.offers import Offers

BUSY: Any = "not to be called directly"
"""Stands in `current` where no call may start at once: several run side by side, or the process is stopped."""


class SharedRef(ActorRef):
    """What all handles of an actor share, and calls under way hold; only `get_actor` gives others.

    It tells when the last of them is gone itself, for a weak reference to each would take more memory than it does.

    Args:
        gone: called then, with the actor; in the middle of whatever dropped the last handle.
    """

    __slots__ = ("_gone",)

    def __init__(self, actor: SimActor, gone: Callable[[SimActor], None]) -> None:
        super().__init__(actor, actor.cls.interface)
        self._gone = gone

    def __del__(self) -> None:
        actor: Any = self.entry
        self._gone(actor)


class Particulars:
    """What only some actors have.

    Attributes:
        name: its (namespace, name).
        restarts: how many are left; negative for no limit.
        was_restarted: this is not its first incarnation.
        rank: how many actors of its class were made before it, and itself: ``Account#2`` is the second; counted only
            where a fault plan may ask for it.
        is_ordered: calls that wait for their arguments hold back later ones of the same caller.
        holders: links whose first call waits for a ref; what they hold fails when it dies.
        awaiting: calls that wait for refs and hold nobody back; they fail then, too.
        stuck: calls that have arrived and wait for one that never comes; see `gaps.py`.
        max_pending_calls: how many unanswered calls each process may have with it; -1 for no limit.
        max_task_retries: how often its calls may be run again, unless a method says otherwise.
    """

    __slots__ = (
        "awaiting",
        "holders",
        "is_ordered",
        "max_pending_calls",
        "max_task_retries",
        "name",
        "rank",
        "restarts",
        "stuck",
        "was_restarted",
    )

    def __init__(self) -> None:
        self.name: tuple[str, str] | None = None
        self.restarts = 0
        self.was_restarted = False
        self.rank = 0
        self.is_ordered = True
        self.holders: list[Link] = []
        self.awaiting: dict[Invocation, None] = {}
        self.stuck: dict[Invocation, None] = {}
        self.max_pending_calls = -1
        self.max_task_retries = 0


_NOTHING_PARTICULAR = Particulars()


class SimActor:
    """One actor.

    Invariant: of a plain actor, `current` is the only invocation whose code may run or be suspended in its process; of
    a concurrent one, `lanes` knows them, and `current` is `BUSY`.

    Attributes:
        mailbox: calls that have arrived and wait for their turn; None while there are none.
        death: what later calls are answered with; set when it dies.
        context: the context variables of its process, which one call leaves to the next; None if none is set.
        process: of the present incarnation.
        creation: the call of the constructor, as long as it may have to be run (again).
        owner: the process that made it, and with which it ends; None for a detached actor.
        lanes: only of a concurrent actor.
        extra: what only some actors have, to be read; `particulars` is to be written to.
    """

    __slots__ = (
        "cls",
        "context",
        "creation",
        "current",
        "death",
        "extra",
        "id",
        "instance",
        "lanes",
        "mailbox",
        "owner",
        "process",
        "state",
    )

    def __init__(self, number: int, cls: calls.ActorClass, process: Process, owner: Process | None) -> None:
        self.id = number
        self.owner = owner
        self.cls = cls
        self.process = process
        process.actor = self
        self.state = State.UNREADY
        self.instance: Any = None
        self.current: Invocation | None = None
        self.mailbox: deque[Invocation] | None = None
        self.death: Failure | None = None
        self.context: contextvars.Context | None = None
        self.creation: Invocation | None = None
        self.lanes: Lanes | None = None
        self.extra = _NOTHING_PARTICULAR

    def particulars(self) -> Particulars:
        """Its own `extra`; the others share one."""
        if self.extra is _NOTHING_PARTICULAR:
            self.extra = Particulars()
        return self.extra

    def step(self, event: Event) -> State:
        """Go to the state after `event`; returns the one before."""
        before = self.state
        self.state = next_state(f"actor-{self.id}", before, event)
        return before

    @property
    def session(self) -> object:
        """See `core.refs.OfSession`."""
        return self.process.backend

    @property
    def has_lanes(self) -> bool:
        """Whether calls run side by side in it, or will as soon as it is constructed: some may be there before."""
        if self.lanes is not None or self.creation is None:
            return self.lanes is not None
        return concurrency_of(self.cls.interface, self.creation.options) is not None

    def fails_during_restart(self, call: Invocation) -> bool:
        """As on Ray, a call without retries fails while its actor starts anew, but waits while no node takes it."""
        if self.state is not State.RESTARTING or call.retries != 0:
            return False
        return self.process.grant is not None and not self.process.halted

    def __str__(self) -> str:
        return f"actor-{self.id} ({self.cls.interface.class_name})"


def starts_apart(offers: Offers, actor: SimActor, call: Invocation) -> bool:
    """Whether a call that has arrived is to start in a step of its own, though it could at once; see `Slack`.

    Then its arrival changes nothing but who waits, and its order with what runs there does not matter. Otherwise this
    notes that it does.
    """
    process = actor.process
    is_special = call.extra is not None and call.extra.group is not None
    is_reachable = actor.death is None and call.process is process and not process.halted
    if not is_reachable or is_special or actor.state is State.RESTARTING:
        offers.touch_process(process)
    elif actor.lanes is not None:
        lane = actor.lanes.lane(group_of(call))
        if lane is None or call.id >= lane.limit or actor.state is not State.ALIVE:
            offers.touch_process(process)  # else it is never full: there are not so many calls
    elif not offers.keeps_turns_apart:
        offers.touch_process(process)
    else:
        return actor.state is State.ALIVE and actor.current is None
    return False


def is_at_work(process: Process) -> bool:
    """Whether a call is under way in a worker's or an actor's process."""
    actor: SimActor | None = process.actor
    if actor is None:
        return process.task is not None
    if actor.lanes is not None:
        return bool(actor.lanes.under_way)
    return actor.current is not None and actor.current is not BUSY

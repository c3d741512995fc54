"""Simulated actors: their lifecycle, their mailbox, one call at a time.

Not how calls reach them (`calls.py`) nor how code runs (`executor.py`).
"""

from __future__ import annotations

import contextvars
import enum
from collections import deque
from typing import Any

from simactors import exceptions
from simactors.core import calls
from simactors.core.outcome import Failure, Outcome, failure
from simactors.sim import executor
from simactors.sim.cluster import Cluster, Process
from simactors.sim.invocation import Invocation
from simactors.sim.kernel import Kernel
from simactors.sim.network import Network
from simactors.sim.trace import Trace


class State(enum.Enum):
    """Where an actor is in its life."""

    PENDING = "pending creation"
    ALIVE = "alive"
    DEAD = "dead"


class Event(enum.Enum):
    """What can happen to an actor's life."""

    CONSTRUCTED = "its constructor returned"
    CONSTRUCTOR_RAISED = "its constructor raised"
    EXITED = "it asked to end"
    KILLED = "somebody killed it"
    CRASHED = "its process ended"
    OWNER_DIED = "the process that created it ended"


LIFECYCLE: dict[tuple[State, Event], State] = {
    (State.PENDING, Event.CONSTRUCTED): State.ALIVE,
    (State.PENDING, Event.CONSTRUCTOR_RAISED): State.DEAD,
    (State.PENDING, Event.EXITED): State.DEAD,
    (State.PENDING, Event.KILLED): State.DEAD,
    (State.PENDING, Event.CRASHED): State.DEAD,
    (State.PENDING, Event.OWNER_DIED): State.DEAD,
    (State.ALIVE, Event.EXITED): State.DEAD,
    (State.ALIVE, Event.KILLED): State.DEAD,
    (State.ALIVE, Event.CRASHED): State.DEAD,
    (State.ALIVE, Event.OWNER_DIED): State.DEAD,
    (State.DEAD, Event.KILLED): State.DEAD,  # killing twice is fine
    (State.DEAD, Event.OWNER_DIED): State.DEAD,
}
"""The lifecycle: a pair that is not here can't happen, and raises."""


class SimActor:
    """One actor.

    Invariant: `current` is the only invocation whose code may run or be suspended in the actor's process.

    Attributes:
        mailbox: calls that have arrived and wait for their turn; None while there are none.
        death: what later calls are answered with; set when it dies.
        context: the context variables of its process, which one call leaves to the next.
    """

    __slots__ = (
        "cls",
        "context",
        "cpus",
        "current",
        "death",
        "id",
        "instance",
        "mailbox",
        "max_task_retries",
        "name",
        "process",
        "state",
    )

    def __init__(self, number: int, cls: calls.ActorClass, process: Process) -> None:
        self.id = number
        self.cls = cls
        self.process = process
        process.actor = self
        self.state = State.PENDING
        self.instance: Any = None
        self.current: Invocation | None = None
        self.mailbox: deque[Invocation] | None = None
        self.death: Failure | None = None
        self.context: contextvars.Context | None = None
        self.cpus = 0.0
        self.max_task_retries = 0
        self.name: tuple[str, str] | None = None

    def next_state(self, event: Event) -> State:
        """The state after `event`."""
        try:
            return LIFECYCLE[self.state, event]
        except KeyError:
            raise exceptions.InternalError(
                f"actor-{self.id} is {self.state.value}, so that {event.value} can't happen"
            ) from None


class Actors:
    """All actors of one run."""

    def __init__(self, kernel: Kernel, trace: Trace, cluster: Cluster, network: Network) -> None:
        self._kernel = kernel
        self._trace_add = trace.add
        self._cluster = cluster
        self._network = network
        self._names: dict[tuple[str, str], SimActor] = {}
        self._start = self.start  # bound once: stored in every queued call
        self._arrive = self.arrive

    def register(self, actor: SimActor, name: tuple[str, str]) -> None:
        """Give an actor a (namespace, name); the caller has looked that it is free."""
        actor.name = name
        self._names[name] = actor

    def named(self, name: tuple[str, str]) -> SimActor | None:
        """The living actor of that (namespace, name)."""
        return self._names.get(name)

    def arrive(self, invocation: Invocation) -> None:
        """A call reaches its actor."""
        actor: SimActor = invocation.actor
        invocation.process = actor.process
        if actor.death is not None:
            self._network.fail(invocation, actor.death)
        elif actor.current is None and actor.state is State.ALIVE:
            self.start(invocation)
        else:
            if actor.mailbox is None:
                actor.mailbox = deque()
            actor.mailbox.append(invocation)

    def construct(self, invocation: Invocation) -> None:
        """Run an actor's constructor; `invocation` carries its arguments."""
        actor: SimActor = invocation.actor
        invocation.process = actor.process
        if actor.death is not None:
            return
        actor.current = invocation
        self._trace_add((self._kernel.now_ns, "start", invocation.id, actor.process.label, invocation.label))
        actor.context = executor.context_of(actor.process)
        try:
            actor.instance = executor.execute(invocation, actor.context, actor.cls.cls)
        except executor.FATAL:
            raise
        except (calls.ActorExit, SystemExit):
            self.end(actor, Event.EXITED, "it called exit_actor() or sys.exit() in its constructor")
        except BaseException as error:  # the user's code may raise anything
            self.fail_creation(invocation, executor.failure_of(invocation, error))
        else:
            if not actor.process.dead:
                actor.state = actor.next_state(Event.CONSTRUCTED)
                actor.current = None
                if actor.mailbox:
                    self._take_next(actor, actor.mailbox)

    def start(self, invocation: Invocation) -> None:
        """Run a call whose turn it is."""
        actor: SimActor = invocation.actor
        if actor.death is not None:
            return  # it was answered when the actor died
        actor.current = invocation
        label = actor.process.label
        self._trace_add((self._kernel.now_ns, "start", invocation.id, label, invocation.label))
        assert actor.context is not None
        try:
            method = actor.cls.bind(actor.instance, invocation.function)
            value = executor.execute(invocation, actor.context, method)
        except executor.FATAL:
            raise
        except (calls.ActorExit, SystemExit):
            self.end(actor, Event.EXITED, "it called exit_actor() or sys.exit()")
            return
        except BaseException as error:  # the user's code may raise anything
            if invocation.may_retry(error) and not actor.process.dead:
                self._retry(invocation)
                return
            kind = "raise"
            reply: tuple[Outcome, ...] = (executor.failure_of(invocation, error),) * invocation.num_returns
        else:
            kind = "return"
            reply = executor.outcomes_of(invocation, value)
        if actor.process.dead:
            return
        self._trace_add((self._kernel.now_ns, kind, invocation.id, label, invocation.label))
        self._network.reply(invocation, reply)
        actor.current = None
        if actor.mailbox:
            self._take_next(actor, actor.mailbox)

    def _retry(self, invocation: Invocation) -> None:
        """Send a call that raised once more; as on Ray, it comes after those that were sent meanwhile."""
        actor: SimActor = invocation.actor
        assert invocation.link is not None
        invocation.retries -= 1
        invocation.then = self._arrive
        row = (self._kernel.now_ns, "raise", invocation.id, actor.process.label, invocation.label)
        self._trace_add(row)
        self._network.send(invocation.link, invocation)
        actor.current = None
        if actor.mailbox:
            self._take_next(actor, actor.mailbox)

    def end(self, actor: SimActor, event: Event, why: str) -> None:
        """End an actor's process: running and queued calls fail, its name is free, its children end too."""
        before, actor.state = actor.state, actor.next_state(event)
        if before is State.DEAD:
            return
        process = actor.process
        text = (
            f"{exceptions.RayActorError.default}\n\tclass_name: {actor.cls.interface.class_name}\n"
            f"\tactor_id: actor-{actor.id}\n\tpid: {process.pid}\nThe actor is dead because {why}."
        )
        self._bury(actor, failure(exceptions.ActorDiedError(text)), why)

    def fail_creation(self, invocation: Invocation, why: Failure) -> None:
        """The constructor raised, or never ran because one of its arguments failed."""
        actor: SimActor = invocation.actor
        if actor.process.dead:
            return
        actor.state = actor.next_state(Event.CONSTRUCTOR_RAISED)
        death = exceptions.ActorDiedError(
            f"The actor died because of an error raised in its creation task, {why.error()}"
        )
        self._bury(actor, failure(death), "its constructor failed")

    def _bury(self, actor: SimActor, death: Failure, why: str) -> None:
        process = actor.process
        self._trace_add((self._kernel.now_ns, "die", actor.id, process.label, why))
        actor.death = death
        self._cluster.end_process(process)
        if actor.name is not None:
            del self._names[actor.name]
        if actor.cpus:
            self._cluster.release(actor.cpus)
        current, actor.current = actor.current, None
        if current is not None and current in self._kernel.ready:
            self._kernel.ready.remove(current)  # its turn had come, but it had not started
        if current is not None and current.function is not None:  # not its constructor
            self._network.fail(current, death)
        mailbox, actor.mailbox = actor.mailbox, None
        for invocation in mailbox or ():
            self._network.fail(invocation, death)
        for child in process.children or ():
            self.end(child, Event.OWNER_DIED, f"its owner {process.label} is dead")

    def _take_next(self, actor: SimActor, mailbox: deque[Invocation]) -> None:
        """The next call's turn has come."""
        following = actor.current = mailbox.popleft()
        following.then = self._start
        self._kernel.ready.append(following)

"""Simulated actors: their lifecycle, their mailbox, one call at a time.

Not how calls reach them (`calls.py`) nor how code runs (`executor.py`).
"""

from __future__ import annotations

import contextvars
import functools
import weakref
from collections import deque
from types import FunctionType
from typing import Any

from simactors import exceptions
from simactors.core import calls
from simactors.core.outcome import Failure, failure
from simactors.core.refs import ActorRef
from simactors.sim import executor
from simactors.sim.cluster import Cluster, Link, Process
from simactors.sim.invocation import Invocation
from simactors.sim.kernel import Kernel
from simactors.sim.lifecycle import Event, State, next_state
from simactors.sim.network import Network
from simactors.sim.trace import Trace


class _Watch(weakref.ref[ActorRef]):
    """Knows of which actor it watches the handles."""

    __slots__ = ("actor",)
    actor: SimActor


class SimActor:
    """One actor.

    Invariant: `current` is the only invocation whose code may run or be suspended in the actor's process.

    Attributes:
        mailbox: calls that have arrived and wait for their turn; None while there are none.
        death: what later calls are answered with; set when it dies.
        context: the context variables of its process, which one call leaves to the next; None if none is set.
        process: of the present incarnation.
        creation: the call of the constructor, as long as it may have to be run (again).
        has_begun: its constructor has been run, or begun, once.
        holders: links whose first call waits for a ref; what they hold fails when it dies. None while there are none.
        owner: the process that made it, and with which it ends.
        restarts: how many are left; negative for no limit.
        watch: tells when the last handle is gone.
        max_pending_calls: how many unanswered calls each process may have with it; -1 for no limit.
        max_task_retries: how often its calls may be run again, unless a method says otherwise.
    """

    __slots__ = (
        "cls",
        "context",
        "cpus",
        "creation",
        "current",
        "death",
        "has_begun",
        "holders",
        "id",
        "instance",
        "mailbox",
        "max_pending_calls",
        "max_task_retries",
        "name",
        "owner",
        "process",
        "restarts",
        "state",
        "watch",
    )

    def __init__(self, number: int, cls: calls.ActorClass, process: Process, owner: Process) -> None:
        self.id = number
        self.owner = owner
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
        self.creation: Invocation | None = None
        self.has_begun = False
        self.holders: list[Link] | None = None
        self.restarts = 0
        self.max_pending_calls = -1
        self.max_task_retries = 0
        self.name: tuple[str, str] | None = None
        self.watch: _Watch | None = None

    def step(self, event: Event) -> State:
        """Go to the state after `event`; returns the one before."""
        before = self.state
        self.state = next_state(f"actor-{self.id}", before, event)
        return before

    def trim(self) -> None:
        """Let go of what an actor needs no more once it is constructed: most do nothing for long."""
        if self.context is not None and len(self.context) == 1:
            self.context = None  # it only says who is running
        if self.restarts == 0:
            self.creation = None  # never run again: what its arguments hold may go, as on Ray


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
        self._handles_gone = self._out_of_scope

    def register(self, actor: SimActor, name: tuple[str, str]) -> None:
        """Give an actor a (namespace, name); the caller has looked that it is free."""
        actor.name = name
        self._names[name] = actor

    def named(self, name: tuple[str, str]) -> SimActor | None:
        """The living actor of that (namespace, name)."""
        return self._names.get(name)

    def watch(self, actor: SimActor, handles: ActorRef) -> None:
        """End `actor` once `handles` is gone.

        All handles share it and calls under way hold it; only `get_actor` gives others.
        """
        actor.watch = _Watch(handles, self._handles_gone)
        actor.watch.actor = actor

    def _out_of_scope(self, watch: weakref.ref[ActorRef]) -> None:
        # This runs in the middle of whatever dropped the last handle: nothing is done here but remember it. When that
        # happens repeats from run to run, because cycles are collected at fixed steps only.
        actor = watch.actor  # type: ignore[attr-defined]  # a `_Watch`, see above
        if actor.death is None and not self._kernel.closing:
            self._kernel.ready.append(_LastHandleDropped(self, actor))

    def arrive(self, invocation: Invocation) -> None:
        """A call reaches its actor."""
        actor: SimActor = invocation.actor
        invocation.process = actor.process
        if actor.death is not None:
            self._network.fail(invocation, actor.death)
        elif actor.current is None and actor.state is State.ALIVE:
            self.start(invocation)
        elif actor.state is State.RESTARTING and invocation.retries == 0:
            self._network.fail(invocation, _unavailable(actor, "its process ended"))
        else:
            self._queue(invocation)

    def _arrive_again(self, invocation: Invocation) -> None:
        """A call that was lost with a process reaches its actor once more; unlike others, it waits for a restart."""
        actor: SimActor = invocation.actor
        if actor.state is State.RESTARTING:
            invocation.process = actor.process
            self._queue(invocation)
        else:
            self.arrive(invocation)

    def _queue(self, invocation: Invocation) -> None:
        actor: SimActor = invocation.actor
        if actor.mailbox is None:
            actor.mailbox = deque()
        actor.mailbox.append(invocation)

    def construct(self, invocation: Invocation, process: Process) -> None:
        """Run an actor's constructor in `process`; `invocation` carries its arguments."""
        actor: SimActor = invocation.actor
        if actor.death is not None or actor.process is not process:
            return  # it died before it began, perhaps to start again in another process
        invocation.process = process
        actor.has_begun = True
        actor.current = invocation
        self._trace_add((self._kernel.now_ns, "start", invocation.id, actor.process.label, invocation.label))
        actor.context = executor.context_of(actor.process)
        try:
            actor.instance = executor.construct(invocation, actor.context, actor.cls.cls)
        except executor.FATAL:
            raise
        except (calls.ActorExit, SystemExit):
            if actor.process.dead:
                return
            self.end(actor, Event.EXITED, "it called exit_actor() or sys.exit() in its constructor")
        except BaseException as error:  # the user's code may raise anything
            self.fail_creation(invocation, executor.failure_of(invocation, error))
        else:
            if not actor.process.dead:
                actor.step(Event.CONSTRUCTED)
                actor.current = None
                actor.trim()
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
        context = actor.context or _new_context(actor)
        try:
            attribute = actor.cls.attributes[invocation.function]
            # A plain function needs no bound method in between; see `ActorClass.bind` for the others.
            plain = type(attribute) is FunctionType
            method = attribute if plain else actor.cls.bind(actor.instance, invocation.function)
            instance = (actor.instance,) if plain else ()
            reply = executor.execute(invocation, context, method, *instance)
        except executor.FATAL:
            raise
        except (calls.ActorExit, SystemExit):
            if not actor.process.dead:
                self.end(actor, Event.EXITED, "it called exit_actor() or sys.exit()")
            return
        except BaseException as error:  # the user's code may raise anything
            if invocation.may_retry(error) and not actor.process.dead:
                self._retry(invocation)
                return
            kind = "raise"
            reply = (executor.failure_of(invocation, error),) * invocation.num_returns
        else:
            kind = "return"
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
        if actor.step(event) is not State.DEAD:
            text = _describe(exceptions.ActorDiedError.default, actor, f"The actor is dead because {why}.")
            self._bury(actor, failure(exceptions.ActorDiedError(text)), why)

    def crash(self, actor: SimActor, why: str) -> None:
        """An actor's process ended unasked: start it again if it has restarts left, else it is dead."""
        if actor.state is State.DEAD:
            return
        if actor.restarts == 0:
            self.end(actor, Event.CRASHED, why)
            return
        actor.step(Event.RESTARTED)
        actor.restarts -= 1
        unanswered = self._end_process(actor, why)
        unavailable = _unavailable(actor, why)
        for invocation in unanswered:
            if invocation.retries == 0:
                self._network.fail(invocation, unavailable)
            else:
                invocation.retries -= 1
                invocation.then = self._resend
                self._network.send_home(invocation)
        actor.process = process = self._cluster.start_process(f"actor-{actor.id}")
        process.actor = actor
        creation = actor.creation
        if creation is None or not actor.has_begun:
            return  # it is still on its way, and will find the new process
        assert creation.link is not None
        self._network.notify(creation.link, functools.partial(self.construct, creation, process))

    def retire(self, actor: SimActor) -> None:
        """Nobody has a handle any more: the actor ends as soon as the runtime has noticed."""
        link = self._network.link(actor.owner, actor.id)
        why = "all references to it are gone"
        self._network.notify(link, functools.partial(self.end, actor, Event.OUT_OF_SCOPE, why))

    def _resend(self, invocation: Invocation) -> None:
        """The caller has noticed that its call was lost with the process, and makes it again."""
        assert invocation.link is not None
        if not invocation.caller.dead:
            invocation.then = self._arrive_again
            row = (self._kernel.now_ns, "retry", invocation.id, invocation.caller.label, invocation.label)
            self._trace_add(row)
            self._network.send(invocation.link, invocation)

    def fail_creation(self, invocation: Invocation, why: Failure) -> None:
        """The constructor raised, or never ran because one of its arguments failed."""
        actor: SimActor = invocation.actor
        if actor.process.dead:
            return
        actor.step(Event.CONSTRUCTOR_RAISED)
        death = exceptions.ActorDiedError(
            f"The actor died because of an error raised in its creation task, {why.error()}"
        )
        self._bury(actor, failure(death), "its constructor failed")

    def _bury(self, actor: SimActor, death: Failure, why: str) -> None:
        actor.death = death
        unanswered = self._end_process(actor, why)
        if actor.name is not None:
            del self._names[actor.name]
        if actor.cpus:
            self._cluster.release(actor.cpus)
        for link in actor.holders or ():
            held, link.held = link.held, None
            unanswered += held or ()
        for invocation in unanswered:
            if invocation.function is not None:  # not its constructor
                self._network.fail(invocation, death)
        actor.creation = None  # its arguments may hold handles
        if actor.owner.children is not None:
            actor.owner.children.pop(actor, None)

    def _end_process(self, actor: SimActor, why: str) -> list[Invocation]:
        """End the present process and what it created; returns the calls that it leaves unanswered."""
        process = actor.process
        self._trace_add((self._kernel.now_ns, "die", actor.id, process.label, why))
        self._cluster.end_process(process)
        actor.instance = actor.context = None  # handles that it held are dropped with it
        current, actor.current = actor.current, None
        mailbox, actor.mailbox = actor.mailbox, None
        if current is not None and current in self._kernel.ready:
            self._kernel.ready.remove(current)  # its turn had come, but it had not started
        for child in list(process.children or ()):
            self.end(child, Event.OWNER_DIED, f"its owner {process.label} is dead")
        running = [] if current is None or current.function is None else [current]  # not its constructor
        return [*running, *(mailbox or ())]

    def _take_next(self, actor: SimActor, mailbox: deque[Invocation]) -> None:
        """The next call's turn has come."""
        following = actor.current = mailbox.popleft()
        following.then = self._start
        self._kernel.ready.append(following)


class _LastHandleDropped:
    """A step: the runtime is told that nobody can call an actor any more."""

    __slots__ = ("_actor", "_actors")

    def __init__(self, actors: Actors, actor: SimActor) -> None:
        self._actors = actors
        self._actor = actor

    def then(self, _: object) -> None:
        if self._actor.death is None:
            self._actors.retire(self._actor)


def _new_context(actor: SimActor) -> contextvars.Context:
    actor.context = context = executor.context_of(actor.process)
    return context


def _unavailable(actor: SimActor, why: str) -> Failure:
    text = _describe(exceptions.ActorUnavailableError.default, actor, f"The actor restarts because {why}.")
    return failure(exceptions.ActorUnavailableError(text))


def _describe(first: str, actor: SimActor, last: str) -> str:
    return (
        f"{first}\n\tclass_name: {actor.cls.interface.class_name}\n\tactor_id: actor-{actor.id}\n"
        f"\tpid: {actor.process.pid}\n{last}"
    )

"""From ``.remote()`` to the answer: submitting tasks, calls and creations, resolving ref arguments, retrying.

Not the mailbox (`actors.py`) and not running code (`executor.py`).
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable
from typing import Any

from simactors import exceptions
from simactors.core import calls
from simactors.core.current import running
from simactors.core.options import PLAIN_METHOD, MethodOptions
from simactors.core.outcome import Failure, dependency_failure, failure
from simactors.core.refs import ActorRef, ObjectRef
from simactors.sim import demands, executor
from simactors.sim.actors import Actors, SimActor
from simactors.sim.cluster import Cluster, Link, Process
from simactors.sim.invocation import OWNER_DIED, Invocation, StoredObject, outcome_of
from simactors.sim.kernel import Kernel
from simactors.sim.lifecycle import Event
from simactors.sim.network import Network
from simactors.sim.objects import Objects, check_session
from simactors.sim.trace import Trace

_running = running.get  # bound once: asked for every call
_TASK_POOL = 0  # the id that stands for the workers in `Process.links`


class Calls:
    """Everything a simulated process can ask to be run.

    Args:
        caller: gives the process whose code runs now.
    """

    def __init__(
        self,
        kernel: Kernel,
        trace: Trace,
        cluster: Cluster,
        network: Network,
        objects: Objects,
        actors: Actors,
        caller: Callable[[], Process],
    ) -> None:
        self._caller = caller
        self._sendable: set[calls.Function | calls.ActorClass] = set()
        self._kernel = kernel
        self._cluster = cluster
        self._network = network
        self._objects = objects
        self._actors = actors
        self._workers = 0
        self._trace_add = trace.add
        self._arrive = actors.arrive  # bound once: stored in every call

    def submit_method(self, call: calls.MethodCall) -> list[ObjectRef[Any]]:
        """See `Backend.submit_method`."""
        caller: Process = _running() or self._caller()  # type: ignore[assignment]  # what our executor put there
        actor_ref, method, args, kwargs, options = call
        actor: Any = actor_ref.entry
        if type(actor) is not SimActor or actor.process.backend is not caller.backend:
            actor = self.our_actor(actor_ref, caller)
        if options is not PLAIN_METHOD or method.is_generator:
            demands.check_method(method, options)
        label = method.label
        arguments = calls.pack_arguments(label, args, kwargs)
        if type(arguments) is not tuple:
            _check_refs(caller, arguments)
        link = caller.links.get(actor.id) or self._network.link(caller, actor.id)
        if actor.max_pending_calls > 0:
            _check_pending(link, actor.max_pending_calls, label)
        objects = self._objects
        number = objects.ids = objects.ids + 1
        invocation = Invocation(number, label, caller, arguments)
        self._trace_add((self._kernel.now_ns, "call", number, caller.label, label))
        invocation.actor = actor
        invocation.handle = actor_ref
        invocation.function = method.name
        invocation.then = self._arrive
        invocation.link = link
        if link.pending is not None:
            link.pending.append(invocation)
        if options is not PLAIN_METHOD or method.is_generator:
            self._apply(options, invocation)
        elif actor.max_task_retries:
            invocation.retries = actor.max_task_retries
        if link.closed:
            self._network.fail(invocation, actor.death or _killed(actor))
        elif link.held is None and (type(arguments) is tuple or not invocation.refs):
            self._network.send(link, invocation)
        else:
            self._hold(link, invocation)
        return [ObjectRef(invocation)] if options is PLAIN_METHOD else _refs(invocation)

    def our_actor(self, actor: ActorRef, caller: Process) -> SimActor:
        """What stands behind a handle.

        Raises:
            RuntimeError: it belongs to another session.
        """
        entry = actor.entry
        if type(entry) is not SimActor or entry.process.backend is not caller.backend:
            raise RuntimeError(f"{actor} belongs to another session, which is over or on another backend")
        return entry

    def submit_task(self, call: calls.TaskCall) -> list[ObjectRef[Any]]:
        """See `Backend.submit_task`."""
        caller = self._caller()
        function, args, kwargs, options = call
        demands.check_task(function.spec, options)
        if function not in self._sendable:
            demands.check_sendable("function", function.function)
            self._sendable.add(function)
        label = function.spec.label
        arguments = calls.pack_arguments(label, args, kwargs)
        _check_refs(caller, arguments)
        invocation = self._invocation("call", label, caller, arguments)
        invocation.function = function
        invocation.options = options
        invocation.retries = options.max_retries
        invocation.cpus = 1.0 if options.num_cpus is None else float(options.num_cpus)
        invocation.link = self._network.link(caller, _TASK_POOL)
        self._add_returns(invocation, options.num_returns)
        states = [ref.entry for ref in invocation.refs]
        self._objects.when_ready(states, functools.partial(self._request, invocation))  # type: ignore[arg-type]
        return _refs(invocation)

    def create_actor(self, creation: calls.Creation, name: tuple[str, str] | None) -> ActorRef:
        """Start an actor; `name` is its free (namespace, name)."""
        caller = self._caller()
        cls, args, kwargs, options = creation
        if cls not in self._sendable:
            demands.check_sendable("actor class", cls.cls)
            self._sendable.add(cls)
        label = cls.constructor.label
        arguments = calls.pack_arguments(label, args, kwargs)
        _check_refs(caller, arguments)
        invocation = self._invocation("create", label, caller, arguments)
        process = self._cluster.start_process(f"actor-{invocation.id}")
        actor = SimActor(invocation.id, cls, process, caller)
        actor.creation = invocation
        actor.restarts = options.max_restarts
        actor.max_task_retries = options.max_task_retries
        actor.max_pending_calls = options.max_pending_calls
        if name is not None:
            self._actors.register(actor, name)
        if caller.children is None:
            caller.children = {}
        caller.children[actor] = None
        invocation.actor = actor
        invocation.options = options
        invocation.then = self._place
        invocation.cpus = 1.0 if options.num_cpus is None else float(options.num_cpus)
        invocation.link = self._network.link(caller, actor.id)
        if invocation.refs:
            self._hold(invocation.link, invocation)
        else:
            self._network.send(invocation.link, invocation)
        actor_ref = ActorRef(actor, cls.interface)
        self._actors.watch(actor, actor_ref)
        return actor_ref

    def kill(self, actor: SimActor, *, no_restart: bool) -> None:
        """End an actor's process as soon as the message gets there.

        If it is for good, the caller's own later calls fail without being sent.
        """
        caller = self._caller()
        self._trace_add((self._kernel.now_ns, "kill", actor.id, caller.label, actor.process.label))
        link = self._network.link(caller, actor.id)
        why = "it was killed by `ray.kill`"
        if no_restart:
            link.closed = True
            self._network.notify(link, functools.partial(self._actors.end, actor, Event.KILLED, why))
        else:
            self._network.notify(link, functools.partial(self._actors.crash, actor, why))

    def _invocation(
        self, kind: str, label: str, caller: Process, arguments: calls.Arguments | tuple[Any, ...]
    ) -> Invocation:
        invocation = Invocation(self._objects.next_id(), label, caller, arguments)
        self._trace_add((self._kernel.now_ns, kind, invocation.id, caller.label, label))
        return invocation

    def _apply(self, options: MethodOptions, invocation: Invocation) -> None:
        """What a call of a method needs beyond the plain case."""
        self._add_returns(invocation, options.num_returns)
        if options.retry_exceptions:
            invocation.options = options
        retries = options.max_task_retries
        invocation.retries = invocation.actor.max_task_retries if retries is None else retries

    def _add_returns(self, invocation: Invocation, num_returns: int | str) -> None:
        if num_returns == 1:
            return
        assert isinstance(num_returns, int)  # see `demands.check_method`
        invocation.num_returns = num_returns
        label = invocation.label
        invocation.more = tuple(
            StoredObject(self._objects.next_id(), f"{label}[{index}]", invocation.caller)
            for index in range(1, num_returns)
        )

    # Ref arguments

    def _hold(self, link: Link, invocation: Invocation) -> None:
        """Keep a call back until its refs are ready, and every later call on this link behind it."""
        if link.held is not None:
            link.held.append(invocation)
            return
        link.held = deque([invocation])
        holders = invocation.actor.holders = invocation.actor.holders or []
        if link not in holders:
            holders.append(link)
        self._release(link)

    def _release(self, link: Link) -> None:
        """Send the held calls whose turn it is."""
        while link.held:  # looked at anew each time: an actor that dies here takes what is held with it
            held = link.held
            invocation: Invocation = held[0]
            states: list[Any] = [ref.entry for ref in invocation.refs]
            if any(state.outcome is None for state in states):
                self._objects.when_ready(states, functools.partial(self._release, link))
                return
            held.popleft()
            failed = OWNER_DIED if invocation.caller.dead else _failed_dependency(invocation)
            if failed is None:
                self._network.send(link, invocation)
            elif invocation.function is None:  # a creation
                self._actors.fail_creation(invocation, failed)
            else:
                self._network.fail(invocation, failed)
            if not held:
                link.held = None
                invocation.actor.holders.remove(link)

    # Tasks

    def _request(self, invocation: Invocation) -> None:
        """The arguments of a task are ready: ask for a worker."""
        failed = OWNER_DIED if invocation.caller.dead else _failed_dependency(invocation)
        if failed is not None:
            self._network.fail(invocation, failed)
            return
        self._cluster.claim(invocation.cpus, functools.partial(self._lease, invocation))

    def _lease(self, invocation: Invocation) -> None:
        """The CPUs are there: send the task to a worker."""
        assert invocation.link is not None
        self._workers += 1
        invocation.process = self._cluster.start_process(f"worker-{self._workers}")
        invocation.then = self._run_task
        self._network.send(invocation.link, invocation)

    def _run_task(self, invocation: Invocation) -> None:
        process = invocation.process
        assert process is not None
        label = process.label
        process.task = invocation
        process.cpus = invocation.cpus
        self._trace_add((self._kernel.now_ns, "start", invocation.id, label, invocation.label))
        try:
            context = executor.context_of(process)
            reply = executor.execute(invocation, context, invocation.function.function)
        except executor.FATAL:
            raise
        except (SystemExit, calls.ActorExit):
            if process.dead:
                return
            self.crash_task(invocation, "it called sys.exit()")
            return
        except BaseException as error:  # the user's code may raise anything
            if process.dead:
                return
            self._trace_add((self._kernel.now_ns, "raise", invocation.id, label, invocation.label))
            if self._retry(invocation, error):
                return
            reply = (executor.failure_of(invocation, error),) * invocation.num_returns
        else:
            if process.dead:
                return
            self._trace_add((self._kernel.now_ns, "return", invocation.id, label, invocation.label))
        self._finish_task(invocation)
        self._network.reply(invocation, reply)

    def crash_task(self, invocation: Invocation, why: str) -> None:
        """The process of a running task ended: run it again, or give up."""
        process = invocation.process
        assert process is not None
        self._trace_add((self._kernel.now_ns, "die", invocation.id, process.label, why))
        self._finish_task(invocation)
        self._cluster.end_process(process)
        for child in list(process.children or ()):
            self._actors.end(child, Event.OWNER_DIED, f"its owner {process.label} is dead")
        if invocation.retries != 0:
            invocation.retries -= 1
            self._request(invocation)
            return
        text = (
            f"The worker died unexpectedly while executing this task: {invocation.label} in "
            f"{process.where}; {why}."
        )
        self._network.fail(invocation, failure(exceptions.WorkerCrashedError(text)))

    def _retry(self, invocation: Invocation, error: BaseException) -> bool:
        """Start a task that raised once more, if its options say so."""
        if not invocation.may_retry(error):
            return False
        invocation.retries -= 1
        self._finish_task(invocation)
        self._request(invocation)
        return True

    def _finish_task(self, invocation: Invocation) -> None:
        process = invocation.process
        assert process is not None
        process.task = None
        self._cluster.retire(process)
        self._cluster.release(process.cpus)
        process.cpus = 0.0

    # Actors

    def _place(self, invocation: Invocation) -> None:
        """A creation has arrived: find CPUs for the actor."""
        self._cluster.claim(invocation.cpus, functools.partial(self._construct, invocation))

    def _construct(self, invocation: Invocation) -> None:
        actor: SimActor = invocation.actor
        if invocation.options.num_cpus is None or actor.death is not None:
            # As on Ray, an actor that names no CPUs needs one to be placed and none to live.
            self._cluster.release(invocation.cpus)
        else:
            actor.cpus = invocation.cpus
        self._actors.construct(invocation, actor.process)


def _check_refs(caller: Process, arguments: calls.Arguments | tuple[Any, ...]) -> None:
    """Refuse refs of another session, which would be waited for for ever."""
    if isinstance(arguments, calls.Arguments):
        check_session(caller, [ref.entry for ref in arguments.refs])  # type: ignore[misc]  # our own entries


def _check_pending(link: Link, limit: int, label: str) -> None:
    """Raise `PendingCallsLimitExceeded` if the caller has `limit` unanswered calls already."""
    link.pending = [call for call in link.pending or () if call.outcome is None]
    if len(link.pending) >= limit:
        raise exceptions.PendingCallsLimitExceeded(
            f"{label} could not be submitted because {limit} calls are pending already. This limit can be "
            "adjusted with the `max_pending_calls` actor option."
        )


def _refs(invocation: Invocation) -> list[ObjectRef[Any]]:
    if invocation.num_returns == 0:
        return []
    return [ObjectRef(invocation), *(ObjectRef(state) for state in invocation.more)]


def _failed_dependency(invocation: Invocation) -> Failure | None:
    for ref in invocation.refs:
        outcome = outcome_of(ref.entry)  # type: ignore[arg-type]  # our own entry
        if isinstance(outcome, Failure):
            return dependency_failure(invocation.label, outcome.error())
    return None


def _killed(actor: SimActor) -> Failure:
    name = actor.cls.interface.class_name
    text = f"{exceptions.RayActorError.default}\n\tclass_name: {name}\n\tactor_id: actor-{actor.id}\n"
    return failure(exceptions.ActorDiedError(f"{text}The actor is dead because it was killed by `ray.kill`."))

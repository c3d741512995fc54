"""From ``.remote()`` to the message: submitting tasks, calls and creations, holding them until their refs are ready.

Not the mailbox (`turns.py`), not the life of actors (`actors.py`) or tasks (`tasks.py`), not running code.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from simactors import exceptions
from simactors.core import calls, requests
from simactors.core.concurrency import concurrency_of
from simactors.core.current import running
from simactors.core.options import PLAIN_METHOD, ActorOptions, MethodOptions, TaskOptions
from simactors.core.outcome import Failure
from simactors.core.refs import ActorRef, ObjectRef, foreign
from simactors.sim import demands, pending
from simactors.sim.actor import SimActor
from simactors.sim.actors import Actors
from simactors.sim.answers import lost_actor
from simactors.sim.cluster import Cluster, Link, Process
from simactors.sim.executor import current_call
from simactors.sim.exports import Exports
from simactors.sim.gaps import Gaps
from simactors.sim.holding import Holding
from simactors.sim.invocation import OWNER_DIED, Invocation, StoredObject, check_packed, check_session
from simactors.sim.kernel import Kernel
from simactors.sim.lifecycle import Event
from simactors.sim.network import Network
from simactors.sim.objects import Objects
from simactors.sim.streams import Stream
from simactors.sim.tasks import Tasks, failed_dependency
from simactors.sim.trace import Trace

_running = running.get  # bound once: asked for every call
_TASK_POOL = 0  # the id that stands for the workers in `Process.links`


class Calls:
    """Everything a simulated process can ask to be run.

    Args:
        arrive: what happens to a call that reaches its actor.
        gaps: what cancelled calls leave behind; None: nothing.
        caller: gives the process whose code runs now.
        driver: the same where that can only be the driver's.

    Attributes:
        holding: calls that wait for their refs.
    """

    def __init__(
        self,
        kernel: Kernel,
        trace: Trace,
        cluster: Cluster,
        network: Network,
        objects: Objects,
        actors: Actors,
        tasks: Tasks,
        arrive: Callable[[Invocation], None],
        gaps: Gaps | None,
        exports: Exports,
        caller: Callable[[], Process],
        driver: Callable[[], Process],
    ) -> None:
        self._exports = exports
        self._caller = caller
        self._driver = driver
        self._kernel = kernel
        self._cluster = cluster
        self._network = network
        self._objects = objects
        self._actors = actors
        self._tasks = tasks
        self._trace_add = trace.add
        self._arrive = arrive  # stored in every call
        self._gaps = gaps
        self.holding = Holding(objects, self._send_or_fail)

    def submit_method(self, call: calls.MethodCall) -> list[ObjectRef[Any]]:
        """See `Backend.submit_method`."""
        driver, trace_add = self._driver, self._trace_add
        caller: Process = _running() or driver()  # type: ignore[assignment]  # what our executor put there
        actor_ref, method, args, kwargs, options = call
        actor: Any = actor_ref.entry
        if type(actor) is not SimActor or actor.process.backend is not caller.backend:
            actor = self.our_actor(actor_ref, caller)
        label = method.label
        arguments = calls.pack_arguments(label, args, kwargs)
        is_flat = type(arguments) is tuple  # no refs in it
        if not is_flat:
            _check_refs(caller, arguments)
        link = caller.links.get(actor.id) or self._network.link(caller, actor.id)
        objects = self._objects
        number = objects.ids = objects.ids + 1
        invocation = Invocation(
            number, label, caller, arguments, link, actor, actor_ref, method.name, self._arrive
        )
        extra = actor.extra
        if extra.max_pending_calls > 0:
            pending.count(link, extra.max_pending_calls, invocation)
        trace_add((self._kernel.now_ns, "call", number, caller.known_label or caller.label, label))
        if options is not PLAIN_METHOD:
            self._apply(options, invocation)
        elif extra.max_task_retries:
            invocation.particulars().retries = extra.max_task_retries
        if caller.task is not None or caller.actor is not None:
            _adopt_in(caller, invocation)
        if link.closed:
            self._network.fail(invocation, actor.death or _killed(actor))
        elif is_flat or not invocation.refs:
            if link.held is None or not extra.is_ordered:
                invocation.process = actor.process
                self._network.send(link, invocation)
            else:
                link.held.append(invocation)
        else:
            self._wait_for_refs(link, invocation)
        return [ObjectRef(invocation)] if options is PLAIN_METHOD else _refs(invocation)

    def our_actor(self, actor: ActorRef, caller: Process) -> SimActor:
        """What stands behind a handle.

        Raises:
            RuntimeError: it belongs to another session.
        """
        entry = actor.entry
        if type(entry) is not SimActor or entry.process.backend is not caller.backend:
            raise foreign(actor)
        return entry

    def submit_task(self, call: calls.TaskCall) -> list[ObjectRef[Any]]:
        """See `Backend.submit_task`."""
        caller = self._caller()
        function, args, kwargs, options = call
        demands.check_task(function.spec, options)
        variables = demands.variables_of(options.runtime_env, caller)
        self._exports.add(function)
        label = function.spec.label
        arguments = calls.pack_arguments(label, args, kwargs)
        _check_refs(caller, arguments)
        invocation = self._invocation("call", options.name or label, caller, arguments)
        invocation.label = label
        invocation.function = function
        extra = invocation.particulars()
        extra.options = options
        extra.retries = options.max_retries
        extra.request = requests.of_task(options, captured(caller))
        extra.variables = variables
        invocation.link = self._network.link(caller, _TASK_POOL)
        self._add_returns(options, invocation)
        _adopt(running_call(caller), invocation)
        self._tasks.submit(invocation)
        return _refs(invocation)

    def create_actor(self, creation: calls.Creation, name: tuple[str, str] | None) -> ActorRef:
        """Start an actor; `name` is its free (namespace, name)."""
        caller = self._caller()
        cls, args, kwargs, options = creation
        variables = demands.variables_of(options.runtime_env, caller)
        concurrency = concurrency_of(cls.interface, options)
        self._exports.add(cls)
        label = cls.constructor.label
        arguments = calls.pack_arguments(label, args, kwargs)
        _check_refs(caller, arguments)
        invocation = self._invocation("create", label, caller, arguments)
        is_detached = options.lifetime == "detached"
        # Until it is placed, it is where it would be lost: with its owner, or with the cluster itself.
        home = self._network.head if is_detached else caller.node
        process = self._cluster.start_process(None, home)
        actor = SimActor(invocation.id, cls, process, None if is_detached else caller)
        actor.creation = invocation
        _describe(actor, options, is_ordered=concurrency is None and not options.allow_out_of_order_execution)
        self._actors.enrol(actor)
        if name is not None:
            self._actors.register(actor, name)
        invocation.actor = actor
        invocation.then = self._actors.place
        extra = invocation.particulars()
        extra.options = options
        extra.request = requests.of_actor(options, captured(caller))
        extra.variables = variables
        link = invocation.link = self._network.link(caller, actor.id)
        if not is_detached:
            link.child = actor
        if invocation.refs:
            self.holding.hold(link, invocation)
        else:
            self._send_creation(invocation)
        return self._actors.first_handle(actor)

    def tell_taken(self, call: Invocation) -> None:
        """Let the code that yields know how many items have been taken, if it waits for that."""
        stream = call.stream
        if stream.limit is not None and call.process is not None:
            assert call.link is not None
            taken = stream.taken
            hear = functools.partial(stream.hear, taken)
            self._network.notify(call.link, call.caller.node, call.process.node, hear)

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
            self._actors.free_name(actor)  # at once: who keeps the names hears of it before the actor does
            end = functools.partial(self._actors.end, actor, Event.KILLED, why)
        else:
            end = functools.partial(self._actors.crash, actor, why, is_wanted=True)
        self._network.notify(link, caller.node, actor.process.node, end)

    def _invocation(
        self, kind: str, label: str, caller: Process, arguments: calls.Arguments | tuple[Any, ...]
    ) -> Invocation:
        invocation = Invocation(self._objects.next_id(), label, caller, arguments)
        self._trace_add((self._kernel.now_ns, kind, invocation.id, caller.label, label))
        return invocation

    def _apply(self, options: MethodOptions, invocation: Invocation) -> None:
        """What a call of a method needs beyond the plain case."""
        self._add_returns(options, invocation)
        extra = invocation.particulars()
        if options.retry_exceptions or options.name:
            extra.options = options
        extra.group = options.concurrency_group
        retries = options.max_task_retries
        extra.retries = invocation.actor.extra.max_task_retries if retries is None else retries

    def _add_returns(self, options: MethodOptions | TaskOptions, invocation: Invocation) -> None:
        """Make the states of all its refs, or the stream that stands for them."""
        num_returns, extra = options.num_returns, invocation.particulars()
        if num_returns == "dynamic":
            extra.is_dynamic = True
        elif num_returns == "streaming":
            limit = options._generator_backpressure_num_objects
            objects = self._objects
            extra.stream = Stream(
                invocation,
                None if limit is None or limit < 0 else limit,
                objects.next_id,
                objects.arrived,
                self._kernel.soon,
            )
        elif num_returns != 1:
            assert isinstance(num_returns, int)
            extra.num_returns = num_returns
            caller, label = invocation.caller, invocation.label
            extra.more = tuple(
                StoredObject(
                    self._objects.next_id(), f"{label}[{index}]", caller, None, invocation, index + 1
                )
                for index in range(1, num_returns)
            )

    # Ref arguments

    def _wait_for_refs(self, link: Link, invocation: Invocation) -> None:
        if invocation.actor.extra.is_ordered:
            self.holding.hold(link, invocation)
        else:
            states: Any = [ref.entry for ref in invocation.refs]
            invocation.actor.particulars().awaiting[invocation] = None
            self._objects.when_ready(states, functools.partial(self._wait_no_longer, invocation))

    def _wait_no_longer(self, invocation: Invocation) -> None:
        if invocation.actor.extra.awaiting.pop(invocation, self) is None:  # else it has failed with its actor
            self._send_or_fail(invocation)

    def is_sent(self, call: Invocation) -> bool:
        """Whether it has been sent to an actor, and its turn has not come."""
        return call.then is self._arrive and call.process is not None

    def take_back(self, call: Invocation) -> bool:
        """Let a call not arrive that is on its way; whether it was."""
        return bool(self._kernel.take_off(lambda event: event is call))

    def _send_or_fail(self, invocation: Invocation) -> None:
        """The arguments of a call are ready."""
        if invocation.is_canceled:
            return  # it was answered then
        failed = OWNER_DIED if invocation.caller.dead else failed_dependency(invocation)
        assert invocation.link is not None
        if failed is None and invocation.function is None:
            self._send_creation(invocation)
        elif failed is None:
            invocation.process = invocation.actor.process
            self._network.send(invocation.link, invocation)
        elif invocation.function is None:
            self._actors.fail_creation(invocation, failed)
        elif self._gaps is not None and invocation.actor.death is None:
            self._gaps.fail(invocation, failed)
        else:
            # As on Ray: to an actor that is known to be dead nothing is sent, whatever became of the arguments.
            self._network.fail(invocation, invocation.actor.death or failed)

    def _send_creation(self, invocation: Invocation) -> None:
        assert invocation.link is not None
        if invocation.actor.death is None:
            invocation.actor.step(Event.DEPENDENCIES_READY)
            self._network.send(invocation.link, invocation)


def running_call(process: Process) -> Invocation | None:
    """The call whose code runs now in `process`."""
    if process.task is not None:
        return process.task  # type: ignore[no-any-return]  # what `tasks.py` put there
    if process.actor is None:
        return None
    current = process.actor.current
    return current if isinstance(current, Invocation) else current_call.get()


def captured(process: Process) -> requests.Bundle | None:
    """The placement group that what this process starts belongs to, unless it says otherwise."""
    grant = process.grant
    if grant is None or grant.bundle is None or not grant.captures:
        return None
    return requests.Bundle(grant.bundle[0], -1)


def _adopt(parent: Invocation | None, child: Invocation) -> None:
    """Remember who made a call: who cancels one, cancels the other, too."""
    if parent is None:
        return
    extra = parent.particulars()
    if extra.children is None:
        extra.children = []
    extra.children.append(child)


def _adopt_in(caller: Process, child: Invocation) -> None:
    """As `_adopt`, for a call of a method: those of plain actors are too many to be remembered."""
    if caller.task is not None or caller.actor.lanes is not None:
        _adopt(running_call(caller), child)


def _check_refs(caller: Process, arguments: calls.Arguments | tuple[Any, ...]) -> None:
    """Refuse refs of another session, which would be waited for for ever."""
    if isinstance(arguments, calls.Arguments):
        check_session(caller, arguments.refs)
        check_packed(caller, arguments.packed)


def _describe(actor: SimActor, options: ActorOptions, *, is_ordered: bool) -> None:
    """Note what the options of an actor say, if that is not what most say."""
    said = (options.max_restarts, options.max_task_retries, options.max_pending_calls, is_ordered)
    if said != (0, 0, -1, True):
        extra = actor.particulars()
        extra.restarts, extra.max_task_retries, extra.max_pending_calls, extra.is_ordered = said


def _refs(invocation: Invocation) -> list[ObjectRef[Any]]:
    if invocation.num_returns == 0:
        return []
    first: ObjectRef[Any] = ObjectRef(invocation)
    if invocation.stream is not None:
        invocation.stream.watch(first)
    more = () if invocation.extra is None else invocation.extra.more
    return [first, *(ObjectRef(state) for state in more)]


def _killed(actor: SimActor) -> Failure:
    name = actor.cls.interface.class_name
    text = f"{exceptions.RayActorError.default}\n\tclass_name: {name}\n\tactor_id: actor-{actor.id}\n"
    return lost_actor(
        exceptions.ActorDiedError, actor, f"{text}The actor is dead because it was killed by `ray.kill`."
    )

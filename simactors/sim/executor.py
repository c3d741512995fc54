"""Runs user code as a simulated process and turns how it ended into outcomes.

Not when: actors and tasks decide that. This is the only place of the simulator where user code is called.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import itertools
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from typing import Any

from simactors.core import calls, codec
from simactors.core.concurrency import DEFAULT_GROUP
from simactors.core.current import running
from simactors.core.outcome import Failure, Outcome, Value, task_failure
from simactors.core.refs import DynamicObjectRefGenerator, ObjectRef
from simactors.exceptions import SpinningError, TaskCancelledError
from simactors.sim.cluster import Process, context_of
from simactors.sim.fiber import SimulationEnded
from simactors.sim.intercept import interrupts, tracing
from simactors.sim.invocation import FIRST_ITEM, Invocation, StoredObject
from simactors.sim.kernel import Kernel
from simactors.sim.loop import SimLoop
from simactors.sim.memory import Memory
from simactors.sim.network import Network
from simactors.sim.objects import Objects
from simactors.sim.stores import Stores
from simactors.sim.streams import Producer
from simactors.sim.threads import run_as
from simactors.sim.work import ServiceTimes

SMALL_ATOMS = codec.ATOMS - {str, bytes}
"""Results of these types need no copy and no place in an object store."""

_REPORT_NS = 50_000
"""At most so long does it take to hand on an item of an async generator."""

current_call: contextvars.ContextVar[Invocation | None] = contextvars.ContextVar(
    "simactors_current_call", default=None
)
"""The call whose code runs, where a process runs several side by side."""


class Executor:
    """Calls the user's functions.

    What is called raises comes out as it is; see `failure_of`. All of it happens on the running greenlet and as the
    invocation's process: rebuilding arguments and packing results runs the user's code, too.

    Args:
        services: how long code takes.
        memory: how much memory it takes; None if nothing says.
    """

    def __init__(
        self,
        kernel: Kernel,
        network: Network,
        objects: Objects,
        stores: Stores,
        services: ServiceTimes,
        memory: Memory | None,
    ) -> None:
        self._kernel = kernel
        self._network = network
        self._objects = objects
        self._stores = stores
        self._services = services
        self._memory = memory
        self._until_reported = kernel.jitter("report", _REPORT_NS)

    def execute(
        self,
        invocation: Invocation,
        context: contextvars.Context,
        function: Callable[..., Any],
        *instance: Any,
    ) -> tuple[Outcome, ...]:
        """Call `function` with fresh copies of the invocation's arguments, and pack what it returns.

        Args:
            instance: of an actor, if `function` is a method that takes it first; nothing otherwise.
        """
        try:
            return context.run(self._call_and_pack, invocation, function, *instance)
        except KeyboardInterrupt as error:
            raise own_interrupt(invocation, error) from error

    def construct(self, invocation: Invocation, context: contextvars.Context, cls: type) -> Any:
        """Make an actor's instance, as `execute` calls a function; an ``async`` constructor is run to its end."""
        lanes = invocation.actor.lanes
        try:
            if lanes is None or not lanes.is_async:
                return context.run(self._call, invocation, cls)
            loop = lanes.loop_of(DEFAULT_GROUP, self._kernel, invocation.process)
            return run_as(loop.thread, lambda: self._construct_async(invocation, context, cls, loop))
        except KeyboardInterrupt as error:
            raise own_interrupt(invocation, error) from error

    def _construct_async(
        self, invocation: Invocation, context: contextvars.Context, cls: type, loop: SimLoop
    ) -> Any:
        initialize = inspect.getattr_static(cls, "__init__")
        if not inspect.iscoroutinefunction(initialize):
            return context.run(self._call, invocation, cls)
        instance: Any = cls.__new__(cls)  # type: ignore[call-overload]  # the user's class
        coroutine = context.run(self._call, invocation, initialize, instance)
        context.run(loop.run_until_complete, coroutine)
        return instance

    def pack(self, invocation: Invocation, value: Any) -> tuple[Outcome, ...]:
        """What a call returned, as outcomes."""
        # Not the invocation's process: the call may have been made again elsewhere meanwhile.
        process: Any = running.get()
        if inspect.isgenerator(value) and invocation.num_returns > 1:
            return self._first_items(invocation, process, value)
        packed = calls.pack_results(value, invocation.num_returns)
        return tuple(self._stores.stored(process, one, invocation.label) for one in packed)

    async def run_coroutine(
        self, invocation: Invocation, function: Callable[..., Any], *instance: Any
    ) -> tuple[Outcome, ...]:
        """As `execute`, on the event loop of an async actor."""
        current_call.set(invocation)
        value = self._call(invocation, function, *instance)
        if invocation.extra is not None and (invocation.extra.stream or invocation.extra.is_dynamic):
            return await self._drain_async(invocation, value)
        if inspect.iscoroutinefunction(function):  # as on Ray, what a plain method returns is not awaited
            value = await value
        return self.pack(invocation, value)

    def _call_and_pack(
        self, invocation: Invocation, function: Callable[..., Any], *instance: Any
    ) -> tuple[Outcome, ...]:
        value = self._call(invocation, function, *instance)
        if invocation.extra is not None and (invocation.extra.stream or invocation.extra.is_dynamic):
            return self._drain(invocation, value)
        return self.pack(invocation, value)

    def _call(self, invocation: Invocation, function: Callable[..., Any], *instance: Any) -> Any:
        process, arguments = invocation.process, invocation.arguments
        assert process is not None
        if tracing.collector is not None:
            function = tracing.followed(function)
        if type(arguments) is tuple:
            self._work(process, invocation)
            return function(*instance, *arguments)
        values = [self._stores.obtain(process, ref.entry).unwrap() for ref in invocation.refs]  # type: ignore[arg-type]
        args, kwargs = arguments.unpack(values)  # type: ignore[union-attr]  # no tuple, see above
        self._work(process, invocation)
        return function(*instance, *args, **kwargs)

    def _work(self, process: Process, invocation: Invocation) -> None:
        """What the config says that the code takes."""
        if self._memory is not None:
            self._memory.begin(process, invocation)
        self._services.spend(process, process.node, invocation.label)

    # Generators

    def _drain(self, invocation: Invocation, generator: Generator[Any, Any, Any]) -> tuple[Outcome, ...]:
        """Run a generator to its end, and send its items home as they come."""
        process = invocation.process
        assert process is not None
        sink = self._sink(invocation)
        is_dynamic = invocation.extra is not None and invocation.extra.is_dynamic
        try:
            for item in generator if is_dynamic else calls.streamed(generator):
                sink.send(self._stores.stored(process, codec.pack(item), invocation.label))
                sink.wait(process)
                if invocation.extra is not None and invocation.extra.is_told:
                    break
        except FATAL:
            raise
        except Exception as error:  # the user's code may raise anything; it becomes the last item
            if invocation.may_retry(error):
                raise
            sink.send(failure_of(invocation, error))
        return sink.finish()

    async def _drain_async(
        self, invocation: Invocation, items: AsyncGenerator[Any, Any]
    ) -> tuple[Outcome, ...]:
        if not hasattr(items, "__aiter__"):
            return self._drain(invocation, items)  # type: ignore[arg-type]  # a plain generator, on the loop
        process = invocation.process
        assert process is not None
        sink = self._sink(invocation)
        is_first = True
        try:
            while True:
                try:
                    item = await calls.following(items, is_first=is_first)
                except StopAsyncIteration:
                    break
                is_first = False
                sink.send(self._stores.stored(process, codec.pack(item), invocation.label))
                await self._reported(process)
                while not sink.may_go_on:
                    taken = asyncio.Event()
                    sink.when_taken(taken.set)
                    await taken.wait()
        except FATAL:
            raise
        except Exception as error:  # as in `_drain`
            if invocation.may_retry(error):
                raise
            sink.send(failure_of(invocation, error))
        return sink.finish()

    async def _reported(self, process: Process) -> None:
        """Wait until an item has been handed on: on Ray by another thread, and other coroutines go on meanwhile."""
        done = asyncio.Event()
        self._kernel.timer(self._until_reported(), done.set, process)
        await done.wait()

    def _first_items(
        self, invocation: Invocation, process: Process, items: Iterator[Any]
    ) -> tuple[Outcome, ...]:
        """As many items as the call has refs; if the generator raises, those before have their values."""
        outcomes: list[Outcome] = []
        try:
            for item in itertools.islice(items, invocation.num_returns):
                outcomes.append(self._stores.stored(process, codec.pack(item), invocation.label))
        except FATAL:
            raise
        except Exception as error:  # the user's code may raise anything
            missing = invocation.num_returns - len(outcomes)
            return (*outcomes, *[failure_of(invocation, error)] * missing)
        if len(outcomes) < invocation.num_returns:
            raise ValueError(
                f"Task returned {len(outcomes)} objects, but num_returns={invocation.num_returns}."
            )
        return tuple(outcomes)

    def _sink(self, invocation: Invocation) -> Producer | _Collector:
        assert invocation.extra is not None
        if invocation.extra.is_dynamic:
            return _Collector(self._objects, invocation)
        return Producer(self._kernel, self._network, invocation)


class _Collector:
    """Takes the items of a dynamic generator: they are all sent home together, as refs."""

    may_go_on = True

    def __init__(self, objects: Objects, invocation: Invocation) -> None:
        self._objects = objects
        self._invocation = invocation
        self._refs: list[ObjectRef[Any]] = []

    def send(self, outcome: Outcome) -> None:
        call = self._invocation
        label = f"{call.label}[{len(self._refs)}]"
        lost = call.particulars().remade.pop(len(self._refs), None)
        if lost is not None:
            self._objects.arrived(lost, outcome)
        position = len(self._refs) + FIRST_ITEM
        state = StoredObject(self._objects.next_id(), label, call.caller, outcome, call, position)
        self._refs.append(ObjectRef(state))

    def wait(self, process: Process) -> None:
        pass

    def when_taken(self, action: Callable[[], Any]) -> None:
        pass

    def finish(self) -> tuple[Outcome, ...]:
        return (Value(codec.encode(DynamicObjectRefGenerator(self._refs))),)


def own_interrupt(invocation: Invocation, error: KeyboardInterrupt) -> BaseException:
    """Ctrl-C ends the run; a KeyboardInterrupt that the code raised itself is its cancellation, as on Ray."""
    if interrupts.was_pressed():
        return error
    return TaskCancelledError(f"Task: {invocation} was cancelled.")


def failure_of(invocation: Invocation, error: BaseException) -> Failure:
    """What to answer for a call that raised `error`."""
    process = invocation.process
    assert process is not None
    # As that process: pickling the error runs the user's code, and its classes may be the process's own.
    failure = context_of(process).run(task_failure, invocation.label, error, process.where)
    for tell in listeners:
        tell(invocation, error, failure)
    return failure


listeners: list[Callable[[Invocation, BaseException, Failure], None]] = []
"""Whom to tell of each failure while its exception is still under way, with all its frames: debuggers."""


# Never an outcome: these end the whole run, whoever's code was running.
FATAL = (SimulationEnded, KeyboardInterrupt, SpinningError)

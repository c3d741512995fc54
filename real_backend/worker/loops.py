"""`Loops`: the event loops of an async actor, and its calls on them.

Loaded in async actors only: `asyncio` takes as long to load as a third of this package.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import Any

from real_backend.client.running import CallsHere, Running, current
from real_backend.messages import Call, Failed, Reply
from real_backend.worker.execution import Answer, Execution
from real_backend.worker.lane import Construction, Job, Owner
from real_backend.worker.producing import Producer
from real_backend.worker.strays import Strays
from simactors import exceptions
from simactors.core import calls, codec
from simactors.core.calls import ActorExit


class Loops:
    """What the event loops of one actor have in common."""

    def __init__(self, owner: Owner, execution: Execution, here: CallsHere) -> None:
        self._owner = owner
        self._execution = execution
        self._here = here

    def lane(self, group: str, limit: int) -> _Loop:
        """The loop of a concurrency group."""
        return _Loop(
            f"AsyncIO Thread: {group or 'default'}",
            limit,
            self._begin,
            self._owner.ended,
            self._execution.strays,
        )

    def _begin(self, lane: _Loop, job: Job, *, waited: bool) -> None:
        self._execution.strays.end()
        running = self._owner.begin(*job)
        loop = asyncio.get_running_loop()
        tasks: list[asyncio.Task[None]] = []
        # Cancelled from another thread, it hears of it on its loop, after a round: by then its task is there, and has
        # begun. One that is cancelled before its first step would never run, and so never answer.
        running.stop = lambda: loop.call_soon_threadsafe(loop.call_soon, lambda: tasks and tasks[0].cancel())
        self._here.begin(running)
        if running.is_canceled and waited:
            self._here.end(running)
            self._owner.answered(running, self._execution.canceled_before(running))
            lane.finished()
            return
        # As on Ray: what only the loop has kept waiting runs to its end, and does not hear that it is cancelled.
        unaware, running.is_canceled = running.is_canceled, False
        if unaware:
            running.stop = None
        tasks.append(loop.create_task(self._coroutine(lane, job, running, unaware=unaware)))

    async def _coroutine(self, lane: _Loop, job: Job, running: Running, *, unaware: bool) -> None:
        """A call from its start to its answer; nothing that the user's code raises leaves it."""
        current.set(running)
        answer: Answer | None = None
        code: object = None
        try:
            answer = await self._run(running, job.message, self._owner.method(job.message.method))
            if unaware:
                answer = self._execution.as_canceled(running, answer)
        except SystemExit as error:
            code = error.code
        self._here.end(running)
        if answer is None:
            self._owner.exits(running, code)
        else:
            self._owner.answered(running, answer)
        lane.finished()

    async def _run(self, running: Running, message: Call, method: Callable[..., Any]) -> Answer:
        """`Execution.run` on an event loop; a plain method blocks it."""
        execution = self._execution
        execution.before(running)
        try:
            args, kwargs = execution.arguments(message)
            value = method(*args, **kwargs)
            if isinstance(running.num_returns, str) and hasattr(value, "__aiter__"):
                answer = await self._drain(running, value)
            else:
                # As on Ray, what a plain method returns is not awaited.
                if inspect.iscoroutinefunction(method):
                    value = await value
                execution.strays.end()
                answer = execution.finish(running, value)
        except SystemExit as error:
            execution.strays.end(error)
            raise
        except exceptions.AsyncioActorExit as error:
            if running.leaves:
                raise ActorExit from error
            answer = execution.failed(running, error)
        except asyncio.CancelledError:
            answer = self._canceled(running)
        except BaseException as error:  # the user's code runs here
            answer = execution.failed(running, error)
        execution.after(running)
        return self._canceled(running) if running.is_canceled else answer

    def _canceled(self, running: Running) -> Failed:
        error = exceptions.TaskCancelledError(f"Task: {running.label} was cancelled.")
        return self._execution.failed(running, error)

    async def _drain(self, running: Running, items: AsyncGenerator[Any, Any]) -> Answer:
        producer = self._execution.producer(running)
        try:
            while True:
                try:
                    item = await calls.following(items, is_first=producer.produced == 0)
                except StopAsyncIteration:
                    break
                self._execution.strays.end()
                producer.send(codec.pack(item, by_value=True))
                await asyncio.sleep(0)  # on Ray another thread sends it, and other coroutines go on meanwhile
                await _room(producer)
        except Exception as error:  # the user's code runs here; it becomes the last item
            return self._execution.interrupted(running, producer.produced, error)
        finally:
            producer.close()
        return Reply(running.id, (producer.produced,))


async def _room(producer: Producer) -> None:
    """Wait until enough items have been taken for the next one."""
    if producer.may_go_on():
        return
    event, loop = asyncio.Event(), asyncio.get_running_loop()
    producer.wake = lambda: loop.call_soon_threadsafe(event.set)
    try:
        if not producer.may_go_on():  # it may have been heard of meanwhile
            await event.wait()
    finally:
        producer.wake = None


class _Loop:
    """The event loop of a concurrency group, in a thread of its own as on Ray.

    What its methods note is noted on that thread only, except `unfinished`.
    """

    def __init__(
        self,
        name: str,
        limit: int,
        begin: Callable[..., None],
        ended: Callable[[], None],
        strays: Strays,
    ) -> None:
        self._limit = limit
        self._strays = strays
        self._begin = begin
        self._ended = ended
        self._is_closed = False
        self._waiting: deque[Job] = deque()
        self._running = 0
        self._put = 0
        self._finished = 0
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    @property
    def unfinished(self) -> int:
        return self._put - self._finished

    def put(self, job: Job) -> None:
        self._put += 1
        self._loop.call_soon_threadsafe(self._arrive, job)

    def construct(self, cls: type, call: Callable[[Any], Any], done: Callable[[], None]) -> Construction:
        construction = Construction()
        self._loop.call_soon_threadsafe(
            lambda: self._loop.create_task(self._construct(construction, cls, call, done))
        )
        return construction

    async def _construct(
        self, construction: Construction, cls: type, call: Callable[[Any], Any], done: Callable[[], None]
    ) -> None:
        try:
            construction.instance = await _made(cls, call)
        except BaseException as error:  # the user's code runs here
            construction.error = error
        self._strays.end(construction.error)
        construction.is_over = True
        done()

    def finished(self) -> None:
        """A call has ended: there is room."""
        self._running -= 1
        self._forget(1)
        if self._waiting and not self._is_closed:
            self._start(self._waiting.popleft(), waited=True)

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._loop.call_soon_threadsafe(self._drop_waiting)

    def _drop_waiting(self) -> None:
        count = len(self._waiting)
        self._waiting.clear()
        self._forget(count)

    def _forget(self, count: int) -> None:
        self._finished += count
        self._ended()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        while True:
            try:
                self._loop.run_forever()
            except (SystemExit, KeyboardInterrupt):  # a task that the user's code made: it ends only itself
                continue

    def _arrive(self, job: Job) -> None:
        if self._is_closed:
            self._forget(1)
        elif self._running < self._limit:
            self._start(job, waited=False)
        else:
            self._waiting.append(job)

    def _start(self, job: Job, *, waited: bool) -> None:
        self._running += 1
        self._begin(self, job, waited=waited)


async def _made(cls: type, call: Callable[[Any], Any]) -> Any:
    """An instance of the user's class, whose constructor may be a coroutine function."""
    initialize = inspect.getattr_static(cls, "__init__")
    if not inspect.iscoroutinefunction(initialize):
        return call(cls)
    instance: Any = cls.__new__(cls)  # type: ignore[call-overload]  # the user's class
    await call(functools.partial(initialize, instance))
    return instance

"""`Lanes`: runs several calls of an actor side by side, in threads or on event loops, by concurrency group.

Plain actors have none: `process` runs their calls one after the other.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, NamedTuple, Protocol

from real_backend.client.running import CallsHere, Running, current
from real_backend.messages import Call
from real_backend.worker.execution import Answer, Execution
from simactors.core.concurrency import DEFAULT_GROUP, Concurrency


class Job(NamedTuple):
    """A call, and who made it."""

    asker: int
    message: Call


class Owner(Protocol):
    """What lanes need of the process they belong to; called from any thread."""

    def begin(self, asker: int, message: Call) -> Running:
        """Describe a call whose turn has come."""
        ...

    def method(self, name: str) -> Callable[..., Any]:
        """The bound method."""
        ...

    def answered(self, running: Running, answer: Answer) -> None:
        """A call has ended; nobody is told if it leaves."""
        ...

    def exits(self, running: Running, code: object) -> None:
        """The code of a call has raised `SystemExit`."""
        ...


class Lanes:
    """The concurrency groups of an actor; used from the main thread, where no method says otherwise."""

    def __init__(self, concurrency: Concurrency, owner: Owner, execution: Execution, here: CallsHere) -> None:
        self._owner = owner
        self._execution = execution
        self._here = here
        self._names = itertools.count(1)
        make = self._loop if concurrency.is_async else self._pool
        self._lanes: dict[str, _Pool | _Loop] = {
            group: make(group, limit) for group, limit in concurrency.limits.items()
        }

    def enter(self, asker: int, message: Call) -> bool:
        """Run a call as soon as its group has room; false if there is no such group."""
        options = message.options
        group = None if options is None else options.group
        lane = self._lanes.get(group or DEFAULT_GROUP)
        if lane is not None:
            lane.put(Job(asker, message))
        return lane is not None

    def construct(self, make: Callable[[], Any], done: Callable[[], None]) -> Construction | None:
        """Begin to run the constructor where the calls run; None if that is the main thread.

        Args:
            done: called by another thread when it has ended.
        """
        lane = self._lanes[DEFAULT_GROUP]
        return lane.construct(make, done) if isinstance(lane, _Loop) else None

    def is_idle(self) -> bool:
        """Whether no call is under way or waiting."""
        return not any(lane.unfinished for lane in self._lanes.values())

    def _pool(self, group: str, limit: int) -> _Pool:
        return _Pool(limit, self._run, self._names)

    def _loop(self, group: str, limit: int) -> _Loop:
        return _Loop(f"AsyncIO Thread: {group or 'default'}", limit, self._begin)

    # In a thread of a pool

    def _run(self, job: Job) -> Callable[[], None]:
        """Run a call; what is to be done when the thread is free again is returned."""
        running = self._owner.begin(*job)
        mark = current.set(running)
        self._here.begin(running)
        code: object = None
        answer: Answer | None = None
        try:
            answer = self._execution.run(running, job.message, self._method(job))
        except SystemExit as error:
            code = error.code
        finally:
            current.reset(mark)
            self._here.end(running)
        if answer is None:
            return functools.partial(self._owner.exits, running, code)
        return functools.partial(self._owner.answered, running, answer)

    def _method(self, job: Job) -> Callable[..., Any]:
        return self._owner.method(job.message.method)

    # On an event loop

    def _begin(self, lane: _Loop, job: Job) -> None:
        running = self._owner.begin(*job)
        loop = asyncio.get_running_loop()
        tasks: list[asyncio.Task[None]] = []
        # Cancelled from another thread, it hears of it on its loop: by then its task is there.
        running.stop = lambda: loop.call_soon_threadsafe(lambda: tasks and tasks[0].cancel())
        self._here.begin(running)
        if running.is_canceled:
            self._here.end(running)
            lane.finished()
            self._owner.answered(running, self._execution.canceled_before(running))
            return
        tasks.append(loop.create_task(self._coroutine(lane, job, running)))

    async def _coroutine(self, lane: _Loop, job: Job, running: Running) -> None:
        """A call from its start to its answer; nothing that the user's code raises leaves it."""
        current.set(running)
        answer: Answer | None = None
        code: object = None
        try:
            answer = await self._execution.run_async(running, job.message, self._method(job))
        except SystemExit as error:
            code = error.code
        except asyncio.CancelledError as error:  # before its code had begun
            answer = self._execution.failed(running, error)
        self._here.end(running)
        lane.finished()
        if answer is None:
            self._owner.exits(running, code)
        else:
            self._owner.answered(running, answer)


class _Pool:
    """The threads of a concurrency group, started when they are first needed."""

    def __init__(
        self, limit: int, run: Callable[[Job], Callable[[], None]], names: itertools.count[int]
    ) -> None:
        self._limit = limit
        self._run = run
        self._names = names
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._threads = 0
        self._lock = threading.Lock()
        self.unfinished = 0

    def put(self, job: Job) -> None:
        with self._lock:
            self.unfinished += 1
            more = self._threads < min(self._limit, self.unfinished)
            self._threads += more
        self._jobs.put(job)
        if more:
            # The name that Python gives a thread that it has not started itself, as Ray's are.
            threading.Thread(target=self._work, name=f"Dummy-{next(self._names)}", daemon=True).start()

    def _work(self) -> None:
        while True:
            then = self._run(self._jobs.get())
            with self._lock:
                self.unfinished -= 1
            then()
            del then  # with the refs in the answer, before we wait


class _Loop:
    """The event loop of a concurrency group, in a thread of its own as on Ray.

    What its methods note is noted on that thread only, except `unfinished`.
    """

    def __init__(self, name: str, limit: int, begin: Callable[[_Loop, Job], None]) -> None:
        self._limit = limit
        self._begin = begin
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

    def construct(self, make: Callable[[], Any], done: Callable[[], None]) -> Construction:
        construction = Construction()
        self._loop.call_soon_threadsafe(lambda: self._loop.create_task(construction.run(make, done)))
        return construction

    def finished(self) -> None:
        """A call has ended: there is room."""
        self._running -= 1
        self._finished += 1
        if self._waiting:
            self._start(self._waiting.popleft())

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        while True:
            try:
                self._loop.run_forever()
            except (SystemExit, KeyboardInterrupt):  # a task that the user's code made: it ends only itself
                continue

    def _arrive(self, job: Job) -> None:
        if self._running < self._limit:
            self._start(job)
        else:
            self._waiting.append(job)

    def _start(self, job: Job) -> None:
        self._running += 1
        self._begin(self, job)


class Construction:
    """A constructor that runs on an event loop.

    Attributes:
        is_over: it has ended.
        error: what it raised.
        instance: what it made, if it raised nothing.
    """

    def __init__(self) -> None:
        self.is_over = False
        self.instance: Any = None
        self.error: BaseException | None = None

    async def run(self, make: Callable[[], Any], done: Callable[[], None]) -> None:
        """Run it; `make` gives the instance, or a coroutine that ends with it."""
        try:
            made = make()
            self.instance = await made if asyncio.iscoroutine(made) else made
        except BaseException as error:  # the user's code runs here
            self.error = error
        self.is_over = True
        done()

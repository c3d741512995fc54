"""`Lanes`: runs several calls of an actor side by side, in threads or on event loops, by concurrency group.

Plain actors have none: `process` runs their calls one after the other.
"""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from real_backend.client.running import CallsHere, current
from real_backend.messages import Call
from real_backend.worker.execution import Answer, Execution
from real_backend.worker.lane import Construction, Job, Lane, Owner
from simactors import exceptions
from simactors.core.calls import ActorExit
from simactors.core.concurrency import DEFAULT_GROUP, Concurrency


class Lanes:
    """The concurrency groups of an actor; used from the main thread, where no method says otherwise.

    Attributes:
        exit: what `exit_actor` raises there, as on Ray.
    """

    def __init__(self, concurrency: Concurrency, owner: Owner, execution: Execution, here: CallsHere) -> None:
        self._owner = owner
        self._execution = execution
        self._here = here
        self._names = itertools.count(1)
        self.exit = exceptions.AsyncioActorExit if concurrency.is_async else ActorExit
        make = self._maker_of_loops() if concurrency.is_async else self._pool
        self._lanes = {group: make(group, limit) for group, limit in concurrency.limits.items()}

    def enter(self, asker: int, message: Call) -> bool:
        """Run a call as soon as its group has room; false if there is no such group."""
        options = message.options
        group = None if options is None else options.group
        lane = self._lanes.get(group or DEFAULT_GROUP)
        if lane is not None:
            lane.put(Job(asker, message))
        return lane is not None

    def construct(
        self, cls: type, call: Callable[[Any], Any], done: Callable[[], None]
    ) -> Construction | None:
        """Begin to make an instance of `cls` where the calls run; None if that is the main thread.

        Args:
            call: calls what it is given with the constructor's arguments.
            done: called by another thread when it has ended.
        """
        return self._lanes[DEFAULT_GROUP].construct(cls, call, done)

    def close(self) -> None:
        """Begin no call any more: those that wait are never answered. From any thread."""
        for lane in self._lanes.values():
            lane.close()

    def is_idle(self) -> bool:
        """Whether no call is under way or waiting."""
        return not any(lane.unfinished for lane in self._lanes.values())

    def _pool(self, group: str, limit: int) -> Lane:
        return _Pool(limit, self._run, self._owner.ended, self._names)

    def _maker_of_loops(self) -> Callable[[str, int], Lane]:
        from real_backend.worker.loops import Loops  # lazily: see there

        return Loops(self._owner, self._execution, self._here).lane

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


class _Pool:
    """The threads of a concurrency group, started when they are first needed."""

    def __init__(
        self,
        limit: int,
        run: Callable[[Job], Callable[[], None]],
        ended: Callable[[], None],
        names: itertools.count[int],
    ) -> None:
        self._limit = limit
        self._run = run
        self._ended = ended
        self._names = names
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._threads = 0
        self._lock = threading.Lock()
        self._is_closed = False
        self.unfinished = 0

    def put(self, job: Job) -> None:
        if self._is_closed:
            return
        with self._lock:
            self.unfinished += 1
            more = self._threads < min(self._limit, self.unfinished)
            self._threads += more
        self._jobs.put(job)
        if more:
            # The name that Python gives a thread that it has not started itself, as Ray's are.
            threading.Thread(target=self._work, name=f"Dummy-{next(self._names)}", daemon=True).start()

    def close(self) -> None:
        self._is_closed = True
        with suppress(Empty):
            while True:
                self._jobs.get_nowait()
                with self._lock:
                    self.unfinished -= 1

    def construct(self, cls: type, call: Callable[[Any], Any], done: Callable[[], None]) -> None:
        """On the main thread, as on Ray."""

    def _work(self) -> None:
        while True:
            self._run(self._jobs.get())()
            with self._lock:
                self.unfinished -= 1
            self._ended()

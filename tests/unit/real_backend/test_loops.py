"""Calls on the event loop of an async actor: each is answered, whenever it is cancelled.

Method: a real loop in its thread, and an owner that takes down the answers. A call that is to be cancelled at a certain
point cancels itself there, as another thread might.
"""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, cast

from real_backend.client.client import Client
from real_backend.client.running import CallsHere, Running
from real_backend.messages import Call, Failed, Reply
from real_backend.worker.execution import Answer, Execution
from real_backend.worker.lane import Job
from real_backend.worker.loops import Loops
from simactors import exceptions
from simactors.core.outcome import Failure
from tests.end_to_end.noticing import comes_true

SOON_S = 30.0
ASKER = 7


class Process:
    """An actor with an event loop for `limit` calls at a time; as much of a client as executions need."""

    def __init__(self, limit: int = 1) -> None:
        self.shield = nullcontext()
        self.belonging = self
        self.here = CallsHere()
        self.ran: list[int] = []
        self.released = False
        self.told: queue.SimpleQueue[tuple[int, Answer | object]] = queue.SimpleQueue()
        self.cancel_before_its_task: set[int] = set()
        self.lane = Loops(self, Execution(cast("Client", self), "here", None), self.here).lane("", limit)

    def check_packed(self, packed: object) -> None:
        """Nothing is carried here."""

    def ask(self, call_id: int, method: str = "work") -> None:
        self.lane.put(Job(ASKER, Call(call_id, method, (call_id,), True, (), 1, None)))

    def cancel(self, call_id: int) -> None:
        running = self.here.cancel(call_id)
        if running is not None and running.stop is not None:
            running.stop()

    def answer(self) -> tuple[int, Any]:
        """The next call that has ended: its id, and what it returned, raised or exited with."""
        call_id, answer = self.told.get(timeout=SOON_S)
        if isinstance(answer, Failed):
            return call_id, Failure(answer.packed, answer.text).error()
        return call_id, answer.results[0] if isinstance(answer, Reply) else answer

    # See `lane.Owner`

    def begin(self, asker: int, message: Call) -> Running:
        if message.call_id in self.cancel_before_its_task:
            asyncio.get_running_loop().set_task_factory(self._cancel_and_make)
        return Running(asker, message.call_id, f"Actor.{message.method}", message.num_returns)

    def _cancel_and_make(self, loop: asyncio.AbstractEventLoop, coroutine: Any) -> asyncio.Task[Any]:
        loop.set_task_factory(None)
        self.cancel(self.cancel_before_its_task.pop())
        return asyncio.Task(coroutine, loop=loop)

    def method(self, name: str) -> Callable[..., Any]:
        return cast("Callable[..., Any]", getattr(self, f"_{name}"))

    def answered(self, running: Running, answer: Answer) -> None:
        self.told.put((running.id, answer))

    def exits(self, running: Running, code: object) -> None:
        self.told.put((running.id, code))

    def ended(self) -> None:
        """Only whoever departs wants to know."""

    # The actor's code

    async def _work(self, number: int) -> int:
        self.ran.append(number)
        await asyncio.sleep(0)
        return number

    async def _hold(self, number: int) -> int:
        while not self.released:
            await asyncio.sleep(0.001)
        return number

    async def _leave(self, number: int) -> None:
        raise SystemExit(number)

    async def _close(self, number: int) -> int:
        self.ran.append(number)
        await asyncio.sleep(0.01)
        self.lane.close()
        return number

    async def _cancel_itself(self, number: int) -> None:
        self.ran.append(number)
        self.cancel(number)
        await asyncio.sleep(SOON_S)


def is_free(process: Process) -> bool:
    """Whether there is room for a call, and none is left over."""
    process.ask(99)
    is_answered = process.answer() == (99, 99)
    return is_answered and comes_true(
        lambda: not process.lane.unfinished and not process.here.under_way(), SOON_S
    )


def test_calls_that_find_no_room_wait_for_it() -> None:
    process = Process(limit=2)
    for number in range(5):
        process.ask(number)
    assert sorted(process.answer() for _ in range(5)) == [(n, n) for n in range(5)]
    assert is_free(process)


def test_calls_that_wait_when_the_lane_closes_never_begin() -> None:
    process = Process()
    process.ask(1, "close")
    for number in (2, 3):
        process.ask(number)
    assert process.answer() == (1, 1)
    assert comes_true(lambda: not process.lane.unfinished, SOON_S)
    process.ask(4)
    assert comes_true(lambda: not process.lane.unfinished, SOON_S)
    assert process.ran == [1]
    assert process.told.empty()


def test_a_call_that_is_cancelled_while_there_is_no_room_for_it_never_runs() -> None:
    process = Process()
    process.ask(1, "hold")
    process.here.cancel(2)
    process.ask(2)
    process.released = True
    assert process.answer() == (1, 1)
    _, error = process.answer()
    assert isinstance(error, exceptions.TaskCancelledError)
    assert process.ran == []
    assert is_free(process)


def test_a_call_that_is_cancelled_while_only_its_loop_keeps_it_waiting_runs_to_its_end() -> None:
    process = Process()
    process.here.cancel(1)
    process.ask(1)
    _, error = process.answer()
    assert type(error) is exceptions.TaskCancelledError
    assert process.ran == [1]
    assert is_free(process)


def test_a_call_that_is_cancelled_before_its_first_step_is_answered_and_leaves_its_room() -> None:
    process = Process()
    process.cancel_before_its_task.add(1)
    process.ask(1)
    number, error = process.answer()
    assert number == 1
    assert isinstance(error, exceptions.TaskCancelledError)
    assert process.ran == [1]
    assert is_free(process)


def test_a_call_that_is_cancelled_while_it_waits_is_interrupted_there() -> None:
    process = Process()
    process.ask(1, "cancel_itself")
    _, error = process.answer()
    assert isinstance(error, exceptions.TaskCancelledError)
    assert process.ran == [1]
    assert is_free(process)


def test_a_call_that_exits_leaves_its_room() -> None:
    process = Process()
    process.ask(3, "leave")
    assert process.answer() == (3, 3)
    assert is_free(process)

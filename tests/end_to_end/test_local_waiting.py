"""Waiting on the `local` backend where that is not plain: in threads, signal handlers, callbacks, forked children.

Goal: who waits hears of what has happened, or is told at once that nobody can wait there; nothing stands still.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

import simactors as ray
from tests.end_to_end.noticing import comes_true

NOTICED_S = 30.0


@pytest.fixture(autouse=True)
def session() -> Iterator[None]:
    ray.init(backend="local", num_cpus=1)
    yield
    ray.shutdown()


@ray.remote
def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@ray.remote(num_cpus=0)
class Cell:
    def get(self, value: int) -> int:
        return value


def test_a_cancellation_by_another_thread_ends_a_wait() -> None:
    busy = sleep.remote(3 * NOTICED_S)
    queued = sleep.remote(0)
    waits = threading.Event()

    def cancel() -> None:
        waits.wait()
        time.sleep(0.1)  # until it waits, most likely: the test can't fail if it does not yet
        ray.cancel(queued)

    thread = threading.Thread(target=cancel)
    thread.start()
    waits.set()
    with pytest.raises(ray.exceptions.TaskCancelledError):
        ray.get(queued, timeout=NOTICED_S)
    thread.join()
    ray.cancel(busy, force=True)


def test_a_signal_handler_may_call_an_actor_while_the_program_waits() -> None:
    cell = Cell.remote()
    got = []
    before = signal.signal(signal.SIGUSR1, lambda *_: got.append(ray.get(cell.get.remote(7))))
    timer = threading.Timer(
        0.2, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
    )
    timer.start()
    try:
        assert ray.get(sleep.remote(1.0)) == 1.0
        assert comes_true(lambda: got == [7], NOTICED_S)
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)


def test_a_callback_that_waits_is_told_and_nothing_stands_still(caplog: pytest.LogCaptureFixture) -> None:
    cell = Cell.remote()
    ray.get(cell.get.remote(0))
    future = cell.get.remote(1).future()
    future.add_done_callback(lambda _: ray.get(cell.get.remote(2)))
    assert future.result(NOTICED_S) == 1
    assert comes_true(lambda: "can't be called here" in caplog.text, NOTICED_S)
    assert ray.get(cell.get.remote(3), timeout=NOTICED_S) == 3


def test_a_forked_child_takes_no_answers_of_its_parent() -> None:
    slow = sleep.remote(0.5)
    pid = os.fork()
    if pid == 0:
        try:
            ray.get(slow)
        except RuntimeError as error:
            os._exit(0 if "forked child" in str(error) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert ray.get(slow, timeout=NOTICED_S) == 0.5


class Late(Exception):
    """What a timeout of the user's raises, wherever the program is."""


# Python swallows what is raised in a destructor.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_handler_that_raises_anywhere_loses_no_answer() -> None:
    def handler(*_: object) -> None:
        raise Late

    cell = Cell.remote()
    ray.get(cell.get.remote(0))
    before = signal.signal(signal.SIGALRM, handler)
    late, asked = 0, []
    try:
        for number in range(300):
            try:
                # Each time a little later than the time before, through all that a call and its answer do.
                signal.setitimer(signal.ITIMER_REAL, 0.00001 + number % 100 * 0.000005)
                for _ in range(3):
                    asked.append((number, cell.get.remote(number)))
                    ray.get(asked[-1][1])
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Late:
                late += 1
    finally:
        while True:  # one may still be on its way
            try:
                signal.setitimer(signal.ITIMER_REAL, 0)
                break
            except Late:
                late += 1
        signal.signal(signal.SIGALRM, before)
    assert late
    assert ray.get([ref for _, ref in asked], timeout=NOTICED_S) == [number for number, _ in asked]

"""`ref.future()` with what `concurrent.futures` offers: who waits for several, callbacks, cancelling."""

from __future__ import annotations

import concurrent.futures
import queue
import threading
import time
from types import ModuleType
from typing import Any

import pytest

import simactors


@simactors.remote
def double(n: int, after_s: float = 0.0) -> int:
    time.sleep(after_s)
    if n < 0:
        raise ValueError(n)
    return 2 * n


@simactors.remote
def gathered() -> list[int]:
    futures = [double.remote(n).future() for n in range(3)]
    return sorted(future.result() for future in concurrent.futures.as_completed(futures))


@simactors.remote
class Gatherer:
    def gather(self) -> list[int]:
        futures = [double.remote(n).future() for n in range(3)]
        concurrent.futures.wait(futures)
        return [future.result() for future in futures]


def test_who_waits_for_several_futures_goes_on_when_they_are_done(ray: ModuleType) -> None:
    futures = [double.remote(n).future() for n in (0, 1, -1)]
    done, not_done = concurrent.futures.wait(futures)
    assert done == set(futures)
    assert not not_done
    assert [type(future.exception()).__name__ for future in futures] == [
        "NoneType",
        "NoneType",
        "RayTaskError(ValueError)",
    ]
    slow = double.remote(1, 30).future()
    done, not_done = concurrent.futures.wait(
        [slow, futures[0]], return_when=concurrent.futures.FIRST_COMPLETED
    )
    assert (done, not_done) == ({futures[0]}, {slow})
    by_number = {double.remote(n).future(): n for n in range(3)}
    assert sorted((by_number[f], f.result()) for f in concurrent.futures.as_completed(by_number)) == [
        (0, 0),
        (1, 2),
        (2, 4),
    ]


def test_so_does_one_in_a_task_and_in_an_actor(ray: ModuleType) -> None:
    assert ray.get(gathered.remote()) == [0, 2, 4]
    assert ray.get(Gatherer.remote().gather.remote()) == [0, 2, 4]


def test_futures_of_refs_and_of_threads_can_be_waited_for_together(ray: ModuleType) -> None:
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(ray.get, double.remote(1)), double.remote(2).future()]
        assert sorted(future.result() for future in concurrent.futures.as_completed(futures)) == [2, 4]


def test_waiting_ends_with_its_time(ray: ModuleType) -> None:
    slow = double.remote(1, 30).future()
    assert concurrent.futures.wait([slow], timeout=0.01) == (set(), {slow})
    with pytest.raises(concurrent.futures.TimeoutError):
        list(concurrent.futures.as_completed([slow], timeout=0.01))


def test_a_callback_is_code_of_its_process_in_a_thread_of_its_own(ray: ModuleType) -> None:
    heard: queue.Queue[Any] = queue.Queue()
    lock = threading.Lock()

    def tell(future: concurrent.futures.Future[int]) -> None:
        with lock:
            time.sleep(0.001)
            heard.put((future.result(), ray.get(put), threading.current_thread() is threading.main_thread()))
            heard.put(double.remote(5))

    put = ray.put(7)
    double.remote(1, 0.2).future().add_done_callback(tell)
    assert heard.get() == (2, 7, False)
    assert ray.get(heard.get()) == 10


def test_callbacks_of_one_process_come_one_after_the_other(ray: ModuleType) -> None:
    log: list[str] = []
    ended = threading.Barrier(2)

    def tell(future: concurrent.futures.Future[int]) -> None:
        log.append("begin")
        time.sleep(0.01)
        log.append("end")
        if len(log) == 6:
            ended.wait()

    for n in range(3):
        double.remote(n, 0.2).future().add_done_callback(tell)
    ended.wait()
    assert log == ["begin", "end"] * 3


def test_a_cancelled_future_stays_so(ray: ModuleType) -> None:
    future = double.remote(1, 0.1).future()
    assert future.cancel()
    assert future.done()
    with pytest.raises(concurrent.futures.CancelledError):
        future.result()

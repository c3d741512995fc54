"""Locks and queues that a module made before the simulation: they hold up simulated code only, and keep their state."""

from __future__ import annotations

import concurrent.futures as futures
import queue
import threading
import time
from collections.abc import Callable

import pytest

import simactors

LOCK, RLOCK, EVENT, CONDITION = threading.Lock(), threading.RLock(), threading.Event(), threading.Condition()
SEMAPHORE, QUEUE, SIMPLE = threading.Semaphore(2), queue.Queue[int](maxsize=2), queue.SimpleQueue[int]()
MANY = [threading.Lock() for _ in range(2)]
LOCAL, POOL = threading.local(), futures.ThreadPoolExecutor(2)
LOCAL.x = "main"


class Holder:
    """Has one as an attribute of the class."""

    lock = threading.Lock()


def closure() -> threading.Lock:
    return MADE()


def _make():  # type: ignore[no-untyped-def]
    inner = threading.Lock()
    return lambda: inner


MADE = _make()  # type: ignore[no-untyped-call]


def all_of_them() -> list[object]:
    return [
        LOCK,
        RLOCK,
        EVENT,
        CONDITION,
        SEMAPHORE,
        QUEUE,
        SIMPLE,
        LOCAL,
        POOL,
        *MANY,
        Holder.lock,
        closure(),
    ]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "lock", [lambda: LOCK, lambda: RLOCK, lambda: CONDITION, lambda: MANY[1], lambda: Holder.lock, closure]
)
def test_a_lock_holds_up_in_virtual_time(lock: Callable[[], threading.Lock], seed: int) -> None:
    def busy() -> None:
        with lock():
            time.sleep(1)

    with simactors.simulate(seed=seed) as sim:
        threads = [threading.Thread(target=busy) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sim.now_s >= 2


@pytest.mark.parametrize("seed", range(3))
def test_what_is_built_of_locks_waits_in_virtual_time_and_keeps_its_state(seed: int) -> None:
    real = all_of_them()
    with simactors.simulate(seed=seed):
        assert all_of_them() != real
        threading.Thread(target=lambda: (time.sleep(1), EVENT.set(), QUEUE.put(1), SIMPLE.put(2))).start()
        assert EVENT.wait()
        assert QUEUE.get() == 1
        assert SIMPLE.get() == 2
        assert list(POOL.map(lambda n: (hasattr(LOCAL, "x"), time.sleep(n))[0], [1, 2, 3])) == [False] * 3
        assert LOCAL.x == "main"
        QUEUE.put(3)
        SIMPLE.put(4)
        LOCK.acquire()
    assert all_of_them() == real
    assert EVENT.is_set()
    assert (QUEUE.get_nowait(), SIMPLE.get_nowait()) == (3, 4)
    assert LOCK.locked()
    LOCK.release()
    EVENT.clear()
    assert not POOL._threads

"""Locks of the standard library between the calls of a threaded actor: they hold up in virtual time only."""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import Any

import pytest

import simactors

SEEDS = range(5)


@simactors.remote(max_concurrency=4)
class Shared:
    """Has one of everything."""

    def __init__(self) -> None:
        self.lock, self.reentrant = threading.Lock(), threading.RLock()
        self.event, self.condition = threading.Event(), threading.Condition()
        self.semaphore, self.queue = threading.Semaphore(2), queue.Queue[int](maxsize=1)
        self.barrier = threading.Barrier(3)
        self.count = self.inside = self.peak = 0

    def add(self, guard: str) -> int:
        with getattr(self, guard):
            before = self.count
            self.enter()
            self.count = before + 1
            return self.count

    def enter(self) -> None:
        self.inside += 1
        self.peak = max(self.peak, self.inside)
        time.sleep(0.1)
        self.inside -= 1

    def add_twice_inside(self) -> None:
        with self.reentrant, self.reentrant:
            self.enter()

    def peak_of(self) -> int:
        return self.peak

    def use_semaphore(self) -> None:
        with self.semaphore:
            self.enter()

    def put(self, item: int) -> None:
        self.queue.put(item)

    def take(self, timeout_s: float | None = None) -> Any:
        try:
            return self.queue.get(timeout=timeout_s)
        except queue.Empty:
            return "empty"

    def wait_for_event(self, timeout_s: float | None = None) -> bool:
        return self.event.wait(timeout_s)

    def set_event(self) -> None:
        self.event.set()

    def wait_for_count(self, count: int) -> int:
        with self.condition:
            self.condition.wait_for(lambda: self.count >= count)
            return self.count

    def count_up(self) -> None:
        with self.condition:
            self.count += 1
            self.condition.notify_all()

    def meet(self) -> int:
        return self.barrier.wait()

    def try_lock(self) -> tuple[bool, bool]:
        return self.lock.acquire(blocking=False), self.lock.acquire(timeout=0.2)

    def release(self) -> None:
        self.lock.release()


@simactors.remote(max_concurrency=2)
class Crossed:
    """Takes two locks in two orders."""

    def __init__(self) -> None:
        self.locks = threading.Lock(), threading.Lock()

    def take(self, first: int) -> int:
        with self.locks[first]:
            time.sleep(0.1)
            with self.locks[1 - first]:
                return first


@pytest.mark.parametrize("guard", ["lock", "reentrant", "condition"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_lock_lets_one_call_in(seed: int, guard: str) -> None:
    with simactors.simulate(seed=seed) as sim:
        shared = Shared.remote()
        refs = [shared.add.remote(guard) for _ in range(6)]
        assert sorted(simactors.get(refs)) == [1, 2, 3, 4, 5, 6]
        assert simactors.get(shared.peak_of.remote()) == 1
        assert 0.6 < sim.now_s < 0.7


def test_without_a_lock_several_calls_are_in_at_once() -> None:
    with simactors.simulate():
        shared = Shared.remote()
        simactors.get([shared.enter.remote() for _ in range(6)])
        assert simactors.get(shared.peak_of.remote()) == 4


def test_the_owner_of_a_reentrant_lock_may_take_it_again() -> None:
    with simactors.simulate():
        shared = Shared.remote()
        simactors.get([shared.add_twice_inside.remote() for _ in range(3)])
        assert simactors.get(shared.peak_of.remote()) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_built_of_locks_works_in_virtual_time(seed: int) -> None:
    with simactors.simulate(seed=seed) as sim:
        shared = Shared.remote()
        taken = [shared.take.remote() for _ in range(2)]
        simactors.get([shared.put.remote(i) for i in range(2)])
        assert sorted(simactors.get(taken)) == [0, 1]
        began = sim.now_s
        assert simactors.get(shared.take.remote(0.5)) == "empty"
        assert simactors.get(shared.wait_for_event.remote(0.5)) is False
        assert 1 < sim.now_s - began < 1.1
        waits = shared.wait_for_event.remote()
        simactors.get(shared.set_event.remote())
        assert simactors.get(waits) is True
        waits = shared.wait_for_count.remote(2)
        simactors.get([shared.count_up.remote(), shared.count_up.remote()])
        assert simactors.get(waits) == 2
        assert sorted(simactors.get([shared.meet.remote() for _ in range(3)])) == [0, 1, 2]
        simactors.get([shared.use_semaphore.remote() for _ in range(4)])
        assert simactors.get(shared.peak_of.remote()) == 2


def test_a_lock_may_be_tried_for_a_time_and_released_by_anybody() -> None:
    with simactors.simulate():
        shared = Shared.remote()
        assert simactors.get(shared.try_lock.remote()) == (True, False)
        simactors.get(shared.release.remote())
        with pytest.raises(RuntimeError, match="release unlocked lock"):
            simactors.get(shared.release.remote())
        assert simactors.get(shared.try_lock.remote()) == (True, False)


def test_locks_that_are_taken_crosswise_are_a_deadlock_not_a_hang() -> None:
    with simactors.simulate():
        crossed = Crossed.remote()
        refs = [crossed.take.remote(0), crossed.take.remote(1)]
        with pytest.raises(simactors.exceptions.DeadlockError) as raised:
            simactors.get(refs)
    assert "actor-1 (Crossed.take #2) waits for a lock that Crossed.take #3 has\n" in str(raised.value)
    assert "actor-1 (Crossed.take #3) waits for a lock that Crossed.take #2 has\n" in str(raised.value)
    assert "a circle of 2:" in str(raised.value)
    assert str(raised.value).count(", in take") == 2


def test_who_gets_a_lock_next_depends_on_the_seed_alone() -> None:
    def order(seed: int) -> list[int]:
        with simactors.simulate(seed=seed):
            shared = Shared.remote()
            return simactors.get([shared.add.remote("lock") for _ in range(4)])

    orders = [order(seed) for seed in range(20)]
    assert orders == [order(seed) for seed in range(20)]
    assert len({tuple(found) for found in orders}) > 1


def test_what_is_not_the_users_own_keeps_real_locks() -> None:
    real = type(threading.Lock())
    with simactors.simulate():
        handler = logging.Handler()
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()
        assert type(threading.Lock()) is not real
    assert type(handler.lock) is type(threading.RLock())
    assert type(threading.Lock()) is real

"""Preemption in threaded actors: who is interrupted where, and what that finds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, Literal

import pytest

import simactors
from simactors.exceptions import DeadlockError, EscapeWarning
from simactors.sim.config import SimConfig

SEEDS = range(40)
Mode = Literal["off", "stores", "lines"]


class Box:
    """A helper that a threaded actor changes."""

    def __init__(self) -> None:
        self.n = 0

    def up(self) -> None:
        self.n += 1


class Counter:
    def __init__(self) -> None:
        self.v = 0
        self.box = Box()
        self.lock = threading.Lock()

    def two_lines(self) -> None:
        old = self.v
        self.v = old + 1

    def within_a_line(self) -> None:
        self.v += 1

    def in_a_helper(self) -> None:
        self.box.up()

    def guarded(self) -> None:
        with self.lock:
            self.v += 1

    def total(self) -> int:
        return self.v + self.box.n


def total(seed: int, method: str, mode: Mode, *, max_concurrency: int = 4) -> tuple[int, str]:
    actor_class: Any = simactors.remote(max_concurrency=max_concurrency)(Counter)
    with simactors.simulate(seed, config=SimConfig(preemption=mode)) as sim:
        counter = actor_class.remote()
        simactors.get([getattr(counter, method).remote() for _ in range(3)])
        found: int = simactors.get(counter.total.remote())
    return found, sim.digest


def lost(method: str, mode: Mode, **options: int) -> int:
    """In how many runs an update was lost."""
    return sum(total(seed, method, mode, **options)[0] != 3 for seed in SEEDS)


@pytest.mark.parametrize("method", ["two_lines", "within_a_line", "in_a_helper"])
def test_points_at_stores_find_every_lost_update(method: str) -> None:
    assert lost(method, "stores") > 3


def test_points_at_lines_find_those_between_lines_only() -> None:
    assert lost("two_lines", "lines") > 3
    assert lost("within_a_line", "lines") == 0


@pytest.mark.parametrize("method", ["two_lines", "within_a_line"])
def test_without_preemption_or_threads_nothing_is_lost(method: str) -> None:
    assert lost(method, "off") == 0
    assert lost(method, "stores", max_concurrency=1) == 0


def test_what_is_guarded_by_a_lock_is_not_lost() -> None:
    assert lost("guarded", "stores") == 0


class Worker(threading.Thread):
    def __init__(self, box: Box) -> None:
        super().__init__()
        self.box = box

    def run(self) -> None:
        self.box.up()


def by_threads(box: Box) -> None:
    threads = [threading.Thread(target=box.up) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def by_subclasses(box: Box) -> None:
    workers = [Worker(box) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def by_a_pool(box: Box) -> None:
    with ThreadPoolExecutor(3) as pool:
        wait([pool.submit(lambda: box.up()) for _ in range(3)])


def by_to_thread(box: Box) -> None:
    async def main() -> None:
        await asyncio.gather(*(asyncio.to_thread(box.up) for _ in range(3)))

    asyncio.run(main())


@pytest.mark.parametrize("start", [by_threads, by_subclasses, by_a_pool, by_to_thread])
def test_threads_that_user_code_starts_are_preempted(start: Callable[[Box], None]) -> None:
    @simactors.remote
    def task() -> int:
        box = Box()
        start(box)
        return box.n

    found: dict[bool, int] = {True: 0, False: 0}
    for seed in SEEDS:
        box = Box()
        with simactors.simulate(seed, config=SimConfig(preemption="stores")):
            start(box)
            found[box.n != 3] += 1
            found[simactors.get(task.remote()) != 3] += 1
    assert found[True] > 5
    assert found[False] > 5


def test_runs_with_preemption_repeat() -> None:
    for seed in range(5):
        assert total(seed, "within_a_line", "stores") == total(seed, "within_a_line", "stores")


def test_code_is_as_before_when_the_simulation_is_over() -> None:
    before = Counter.within_a_line.__code__, Box.up.__code__
    total(0, "within_a_line", "stores")
    assert (Counter.within_a_line.__code__, Box.up.__code__) == before


def test_a_plain_actor_runs_without_points() -> None:
    @simactors.remote
    class Plain:
        def code(self) -> bool:
            self.v = 1
            return any(callable(constant) for constant in type(self).code.__code__.co_consts)

    with simactors.simulate(config=SimConfig(preemption="stores")):
        assert not simactors.get(Plain.remote().code.remote())


def test_code_without_a_source_is_named() -> None:
    namespace: dict[str, Any] = {"__name__": __name__}
    exec(compile("class Odd:\n    def f(self):\n        self.v = 1\n", "nowhere.py", "exec"), namespace)
    odd: Any = simactors.remote(max_concurrency=2)(namespace["Odd"])
    with (
        simactors.simulate(config=SimConfig(preemption="stores")),
        pytest.warns(EscapeWarning, match=r"Odd\.f"),
    ):
        simactors.get(odd.remote().f.remote())


def test_a_wrong_granularity_is_refused() -> None:
    with pytest.raises(ValueError, match="preemption"):
        SimConfig(preemption="sometimes")  # type: ignore[arg-type]  # wrong on purpose


def test_asking_for_a_lock_is_a_point() -> None:
    def take(one: threading.Lock, other: threading.Lock) -> None:
        with one, other:
            pass

    deadlocks = 0
    for seed in SEEDS:
        try:
            with simactors.simulate(seed, config=SimConfig(preemption="stores")):
                first, second = threading.Lock(), threading.Lock()
                orders = [(first, second), (second, first)]
                threads = [threading.Thread(target=take, args=order) for order in orders]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
        except DeadlockError:
            deadlocks += 1
    assert 0 < deadlocks < len(SEEDS)

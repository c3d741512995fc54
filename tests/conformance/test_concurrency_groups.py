"""Concurrency groups: limits of their own for some methods of an actor."""

from __future__ import annotations

import asyncio
import threading
import time
from types import ModuleType

import pytest

import simactors


@simactors.remote(concurrency_groups={"io": 2, "compute": 1})
class Loops:
    """Counts the calls under way in each group."""

    def __init__(self) -> None:
        self.running: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.opened = False

    async def track(self, group: str) -> None:
        self.running[group] = self.running.get(group, 0) + 1
        self.most[group] = max(self.running[group], self.most.get(group, 0))
        await asyncio.sleep(0.05)
        self.running[group] -= 1

    @simactors.method(concurrency_group="io")
    async def io(self) -> None:
        await self.track("io")

    @simactors.method(concurrency_group="compute")
    async def compute(self) -> None:
        await self.track("compute")

    async def plain(self, group: str = "default") -> None:
        await self.track(group)

    @simactors.method(concurrency_group="io")
    async def wait_in_io(self) -> None:
        while not self.opened:
            await asyncio.sleep(0.01)

    async def open(self) -> None:
        self.opened = True

    async def at_once(self) -> dict[str, int]:
        return self.most

    async def thread(self) -> int:
        return threading.get_ident()


@simactors.remote(concurrency_groups={"io": 2})
class Threads:
    """The same with threads."""

    def __init__(self) -> None:
        self.opened = False

    @simactors.method(concurrency_group="io")
    def wait_in_io(self) -> int:
        while not self.opened:
            time.sleep(0.01)
        return threading.get_ident()

    def open(self) -> int:
        self.opened = True
        return threading.get_ident()

    def thread(self) -> int:
        time.sleep(0.03)
        return threading.get_ident()


@simactors.remote
class Plain:
    def f(self) -> int:
        return 1


def test_each_group_has_its_own_limit(ray: ModuleType) -> None:
    loops = Loops.remote()
    ray.get([method.remote() for method in (loops.io, loops.compute, loops.plain) for _ in range(5)])
    assert ray.get(loops.at_once.remote()) == {"io": 2, "compute": 1, "default": 5}


def test_a_call_may_choose_its_group(ray: ModuleType) -> None:
    loops = Loops.remote()
    ray.get([loops.plain.options(concurrency_group="compute").remote("chosen") for _ in range(4)])
    assert ray.get(loops.at_once.remote()) == {"chosen": 1}


def test_a_full_group_does_not_hold_up_the_others(ray: ModuleType) -> None:
    loops = Loops.remote()
    refs = [loops.wait_in_io.remote() for _ in range(3)]
    ray.get(loops.open.remote())
    assert ray.get(refs) == [None] * 3


def test_each_group_has_an_event_loop_in_a_thread_of_its_own(ray: ModuleType) -> None:
    loops = Loops.remote()
    idents = [
        ray.get(loops.thread.options(concurrency_group=group).remote()) for group in ("io", "compute", "io")
    ]
    idents.append(ray.get(loops.thread.remote()))
    assert idents[0] == idents[2]
    assert len(set(idents)) == 3


def test_threads_are_grouped_too_and_the_default_group_has_one(ray: ModuleType) -> None:
    threads = Threads.remote()
    refs = [threads.wait_in_io.remote() for _ in range(2)]
    opener = ray.get(threads.open.remote())
    assert len({opener, *ray.get(refs)}) == 3
    assert len(set(ray.get([threads.thread.remote() for _ in range(4)]))) == 1
    threads = Threads.options(max_concurrency=3).remote()
    assert len(set(ray.get([threads.thread.remote() for _ in range(9)]))) == 3


def test_a_group_that_nobody_declared_kills_the_actor(ray: ModuleType) -> None:
    for actor in (Plain.remote(), Threads.remote()):
        method = actor.f if hasattr(actor, "f") else actor.thread
        with pytest.raises(ray.exceptions.ActorDiedError):
            ray.get(method.options(concurrency_group="nobody").remote())
        with pytest.raises(ray.exceptions.ActorDiedError):
            ray.get(method.remote())


def test_a_method_of_an_undeclared_group_makes_an_impossible_actor(ray: ModuleType) -> None:
    @ray.remote(concurrency_groups={"io": 2})
    class Wrong:
        @simactors.method(concurrency_group="nobody")
        def f(self) -> None: ...

    with pytest.raises(AssertionError):
        Wrong.remote()


def test_groups_belong_to_the_class_and_not_to_its_options(ray: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"Setting 'concurrency_groups' is not supported in '.options\(\)'"):
        Threads.options(concurrency_groups={"io": 1})

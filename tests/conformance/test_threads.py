"""Which thread code runs in, and threads that programs start themselves."""

from __future__ import annotations

import threading
import time
from types import ModuleType
from typing import Any

import pytest

import simactors


def where() -> tuple[str, bool]:
    now = threading.current_thread()
    return now.name, now is threading.main_thread()


@simactors.remote
def task() -> tuple[str, bool]:
    return where()


@simactors.remote
def task_with_thread() -> list[Any]:
    seen: list[Any] = []
    thread = threading.Thread(target=lambda: seen.append(simactors.get(task.remote())), name="mine")
    thread.start()
    thread.join()
    return seen


@simactors.remote
class Plain:
    def __init__(self) -> None:
        self.count = 0
        self.born = where()

    def where(self) -> list[tuple[str, bool]]:
        return [self.born, where()]

    def count_aside(self) -> None:
        def work() -> None:
            for _ in range(5):
                time.sleep(0.02)
                self.count += 1

        threading.Thread(target=work, daemon=True).start()

    def counted(self) -> int:
        return self.count

    def fail_aside(self, kind: type[BaseException]) -> bool:
        def work() -> None:
            raise kind

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return thread.is_alive()


@simactors.remote(max_concurrency=3)
class Pool:
    def __init__(self) -> None:
        self.born = where()
        self.own = threading.local()

    def where(self) -> tuple[str, bool, bool, int, int]:
        time.sleep(0.05)
        now = threading.current_thread()
        self.own.calls = getattr(self.own, "calls", 0) + 1
        return now.name, now is threading.main_thread(), now.daemon, threading.get_ident(), self.own.calls

    def birth(self) -> tuple[str, bool]:
        return self.born


@simactors.remote
class Async:
    def __init__(self) -> None:
        self.born = where()

    async def where(self) -> list[tuple[str, bool]]:
        return [self.born, where()]


def test_tasks_and_plain_actors_run_in_the_main_thread(ray: ModuleType) -> None:
    assert ray.get(task.remote()) == ("MainThread", True)
    assert ray.get(Plain.remote().where.remote()) == [("MainThread", True)] * 2


def test_a_thread_of_a_task_may_use_the_cluster(ray: ModuleType) -> None:
    assert ray.get(task_with_thread.remote()) == [("MainThread", True)]


def test_threads_of_the_driver_may_use_the_cluster(ray: ModuleType) -> None:
    seen: list[Any] = []
    threads = [threading.Thread(target=lambda: seen.append(ray.get(task.remote()))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [("MainThread", True)] * 3


def test_a_thread_goes_on_after_the_call_that_started_it(ray: ModuleType) -> None:
    actor = Plain.remote()
    ray.get(actor.count_aside.remote())
    time.sleep(0.5)
    assert ray.get(actor.counted.remote()) == 5


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnhandledThreadExceptionWarning"
)  # the test runner's own hook
def test_what_a_thread_raises_harms_nobody(ray: ModuleType) -> None:
    actor = Plain.remote()
    assert ray.get([actor.fail_aside.remote(kind) for kind in (SystemExit, ValueError)]) == [False] * 2
    assert ray.get(actor.counted.remote()) == 0


def test_calls_of_a_threaded_actor_share_a_pool_whose_threads_keep_their_state(ray: ModuleType) -> None:
    pool = Pool.remote()
    found = ray.get([pool.where.remote() for _ in range(9)])
    assert ray.get(pool.birth.remote()) == ("MainThread", True)
    assert len({ident for _, _, _, ident, _ in found}) == 3
    assert {name for name, *_ in found} == {"Dummy-1", "Dummy-2", "Dummy-3"}
    assert {(main, daemon) for _, main, daemon, _, _ in found} == {(False, True)}
    assert sum(calls == 1 for *_, calls in found) == 3


def test_an_async_actor_lives_in_a_thread_of_its_loop(ray: ModuleType) -> None:
    assert ray.get(Async.remote().where.remote()) == [("AsyncIO Thread: default", False)] * 2

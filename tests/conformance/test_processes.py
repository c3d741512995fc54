"""What belongs to the process of an actor or a task: variables, random numbers, signal handlers, redirected output."""

from __future__ import annotations

import contextlib
import io
import os
import random
import signal
import sys
import time
import uuid
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import simactors
from simactors.api import session

NAME = "SIMACTORS_CONFORMANCE_VARIABLE"


class Process:
    """An actor that does to its process what it is told."""

    def set(self, value: str) -> None:
        os.environ[NAME] = value

    def read(self) -> str | None:
        return os.environ.get(NAME)

    def pid(self) -> int:
        return os.getpid()

    def handle(self, number: int) -> None:
        self.got: list[str] = []
        signal.signal(number, lambda number, _: self.got.append(signal.Signals(number).name))

    def refuse(self, number: int) -> None:
        def refuse(number: int, _: Any) -> None:
            raise LookupError(signal.Signals(number).name)

        signal.signal(number, refuse)

    def has_got(self) -> list[str]:
        return self.got

    def nap(self) -> float:
        began = time.monotonic()
        time.sleep(1)
        return time.monotonic() - began

    def strike(self, number: int) -> list[str]:
        os.kill(os.getpid(), number)
        return self.got

    def draw(self) -> tuple[float, uuid.UUID, bytes, float]:
        return random.random(), uuid.uuid4(), os.urandom(8), random.Random().random()

    def draw_seeded(self) -> tuple[float, uuid.UUID]:
        random.seed(7)
        return random.random(), uuid.uuid4()


@pytest.fixture
def _clean() -> Iterator[None]:
    os.environ.pop(NAME, None)
    yield
    os.environ.pop(NAME, None)


@pytest.mark.usefixtures("_clean")
def test_an_actor_that_sets_a_variable_sets_it_for_nobody_else(ray: ModuleType) -> None:
    one, other = (ray.remote(Process).remote() for _ in range(2))
    ray.get(one.set.remote("mine"))
    assert ray.get([one.read.remote(), other.read.remote()]) == ["mine", None]
    assert NAME not in os.environ


@pytest.mark.own_cluster
@pytest.mark.usefixtures("_clean")
def test_processes_see_what_the_driver_had_set_before_it_initialized(ray: ModuleType) -> None:
    ray.shutdown()
    os.environ[NAME] = "before"
    simactors.init(backend=os.environ[session.BACKEND_VARIABLE], num_cpus=2)
    os.environ[NAME] = "after"
    assert ray.get(ray.remote(Process).remote().read.remote()) == "before"


def test_a_worker_keeps_the_variables_that_a_task_has_set(ray: ModuleType) -> None:
    @ray.remote(num_cpus=4)
    def visit() -> tuple[int, str | None]:
        before = os.environ.get(NAME)
        os.environ[NAME] = "was here"
        return os.getpid(), before

    (first, nothing), (second, left) = ray.get(visit.remote()), ray.get(visit.remote())
    assert nothing is None
    assert left == ("was here" if second == first else None)


def test_each_process_draws_numbers_of_its_own(ray: ModuleType) -> None:
    actors = [ray.remote(Process).remote() for _ in range(2)]
    drawn: list[Any] = [*ray.get([actor.draw.remote() for actor in actors for _ in range(2)])]
    for kind in zip(*drawn, strict=True):
        assert len(set(kind)) == 4


def test_a_seed_gives_the_same_numbers_everywhere_and_no_equal_identifiers(ray: ModuleType) -> None:
    one, other = ray.get([ray.remote(Process).remote().draw_seeded.remote() for _ in range(2)])
    assert one[0] == other[0] == random.Random(7).random()
    assert one[1] != other[1]


def test_a_handler_runs_in_its_own_process_also_while_that_sleeps(ray: ModuleType) -> None:
    one, other = (ray.remote(Process).remote() for _ in range(2))
    ray.get([actor.handle.remote(signal.SIGUSR1) for actor in (one, other)])
    pid = ray.get(one.pid.remote())
    nap = one.nap.remote()
    time.sleep(0.3)
    os.kill(pid, signal.SIGUSR1)
    assert 0.9 < ray.get(nap) < 3
    assert ray.get(one.strike.remote(signal.SIGUSR1)) == ["SIGUSR1"] * 2
    assert ray.get(other.has_got.remote()) == []


def test_what_a_handler_raises_is_raised_where_the_code_waits(ray: ModuleType) -> None:
    actor = ray.remote(Process).remote()
    ray.get(actor.refuse.remote(signal.SIGUSR1))
    pid = ray.get(actor.pid.remote())
    nap = actor.nap.remote()
    time.sleep(0.3)
    os.kill(pid, signal.SIGUSR1)
    with pytest.raises(LookupError, match="SIGUSR1"):
        ray.get(nap)
    assert ray.get(actor.pid.remote()) == pid


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_a_process_without_a_handler_ends(ray: ModuleType, number: int) -> None:
    actor = ray.remote(Process).remote()
    os.kill(ray.get(actor.pid.remote()), number)

    def call_for_a_second() -> None:
        for _ in range(100):
            time.sleep(0.01)
            ray.get(actor.pid.remote())

    with pytest.raises(ray.exceptions.ActorDiedError):
        call_for_a_second()


def test_a_worker_takes_no_notice_of_ctrl_c(ray: ModuleType) -> None:
    actor = ray.remote(Process).remote()
    pid = ray.get(actor.pid.remote())
    nap = actor.nap.remote()
    time.sleep(0.3)
    os.kill(pid, signal.SIGINT)
    assert ray.get(nap) > 0.9
    assert ray.get(actor.pid.remote()) == pid


def test_a_stopped_process_answers_when_it_goes_on(ray: ModuleType) -> None:
    actor = ray.remote(Process).remote()
    pid = ray.get(actor.pid.remote())
    os.kill(pid, signal.SIGSTOP)
    answer = actor.pid.remote()
    assert ray.wait([answer], timeout=0.3)[0] == []
    os.kill(pid, signal.SIGCONT)
    assert ray.get(answer) == pid


def test_an_alarm_goes_off(ray: ModuleType) -> None:
    @ray.remote
    def wait() -> bool:
        got: list[int] = []
        signal.signal(signal.SIGALRM, lambda number, _: got.append(number))
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        time.sleep(0.3)
        return got == [signal.SIGALRM]

    assert ray.get(wait.remote())


def test_all_workers_have_the_same_parent(ray: ModuleType) -> None:
    @ray.remote
    def parent() -> tuple[int, int]:
        return os.getpid(), os.getppid()

    (_, one), (_, other) = ray.get([parent.remote() for _ in range(2)])
    assert one == other


@simactors.remote
def printed(word: str) -> tuple[str, str, str]:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        print(word)
        time.sleep(0.05)  # in which the other process redirects its own
        with contextlib.redirect_stdout(io.StringIO()) as inner:
            sys.stdout.write("inner\n")
        print("error", file=sys.stderr)
        print(word)
    return out.getvalue(), err.getvalue(), inner.getvalue()


def test_a_process_redirects_its_own_output_and_no_other(ray: ModuleType) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as drivers:
        refs = [printed.remote(word) for word in ("a", "b")]
        print("driver")
        assert ray.get(refs) == [("a\na\n", "error\n", "inner\n"), ("b\nb\n", "error\n", "inner\n")]
    assert drivers.getvalue() == "driver\n"

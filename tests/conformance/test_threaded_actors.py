"""Actors whose plain methods run in several threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

import simactors


@simactors.remote
class Gate:
    """Counts who is inside, and is asked to open."""

    def __init__(self) -> None:
        self.inside = 0
        self.peak = 0
        self.opened = False

    def enter(self) -> None:
        self.inside += 1
        self.peak = max(self.peak, self.inside)

    def leave(self) -> None:
        self.inside -= 1

    def count(self) -> int:
        return self.inside

    def most(self) -> int:
        return self.peak

    def open(self) -> None:
        self.opened = True

    def is_open(self) -> bool:
        return self.opened


@simactors.remote
class Crew:
    """Works in threads."""

    def __init__(self, gate: Any = None) -> None:
        self.gate = gate
        self.log: list[Any] = []

    def work(self, i: int) -> int:
        simactors.get(self.gate.enter.remote())
        while not simactors.get(self.gate.is_open.remote()):
            time.sleep(0.01)
        simactors.get(self.gate.leave.remote())
        return i

    def note(self, what: Any) -> Any:
        self.log.append(what)
        return what

    def read(self) -> list[Any]:
        return self.log

    def fail(self) -> None:
        raise KeyError("k")

    def thread(self) -> tuple[bool, int]:
        time.sleep(0.02)
        return threading.current_thread() is threading.main_thread(), threading.get_ident()

    def quit(self) -> None:
        simactors.exit_actor()

    def call_itself(self, me: list[Any]) -> Any:
        return simactors.get(me[0].note.remote("inner"))


@simactors.remote
def behind(gate: Any, result: Any) -> Any:
    while not simactors.get(gate.is_open.remote()):
        time.sleep(0.01)
    return result


def until(ask: Callable[[], Any], wanted: Any) -> None:
    """Asks until the answer is the wanted one."""
    for _ in range(1000):
        answer = simactors.get(ask())
        if answer == wanted:
            return
        time.sleep(0.01)
    raise AssertionError(f"{answer}, never {wanted}")


def test_as_many_calls_are_under_way_as_there_are_threads(ray: ModuleType) -> None:
    gate = Gate.remote()
    crew = Crew.options(max_concurrency=3).remote(gate)
    refs = [crew.work.remote(i) for i in range(8)]
    until(gate.count.remote, 3)
    assert ray.wait([*refs, crew.read.remote()], timeout=0.1)[0] == []
    ray.get(gate.open.remote())
    assert ray.get(refs) == list(range(8))
    assert ray.get(gate.most.remote()) == 3


def test_a_call_may_wait_for_a_later_call(ray: ModuleType) -> None:
    gate = Gate.remote()
    crew = Crew.options(max_concurrency=2).remote(gate)
    work = crew.work.remote(1)
    until(gate.count.remote, 1)
    assert ray.get(crew.note.remote("meanwhile")) == "meanwhile"
    ray.get(gate.open.remote())
    assert ray.get(work) == 1


def test_an_actor_with_two_threads_may_wait_for_itself(ray: ModuleType) -> None:
    crew = Crew.options(max_concurrency=2).remote()
    assert ray.get(crew.call_itself.remote([crew])) == "inner"


def test_threads_are_not_the_main_thread_but_with_only_one(ray: ModuleType) -> None:
    seen = ray.get([Crew.options(max_concurrency=3).remote().thread.remote() for _ in range(3)])
    assert [main for main, _ in seen] == [False] * 3
    crew = Crew.options(max_concurrency=3).remote()
    assert len({ident for _, ident in ray.get([crew.thread.remote() for _ in range(9)])}) == 3
    for plain in (Crew.remote(), Crew.options(max_concurrency=1).remote()):
        assert ray.get(plain.thread.remote())[0] is True


def test_a_call_that_waits_for_its_argument_is_overtaken(ray: ModuleType) -> None:
    gate = Gate.remote()
    crew = Crew.options(max_concurrency=2).remote()
    held = crew.note.remote(behind.remote(gate, "first"))
    assert ray.get(crew.note.remote("second")) == "second"
    ray.get(gate.open.remote())
    assert ray.get(held) == "first"
    assert ray.get(crew.read.remote()) == ["second", "first"]


def test_out_of_order_execution_lets_ready_calls_overtake_in_a_plain_actor(ray: ModuleType) -> None:
    gate = Gate.remote()
    crew = Crew.options(allow_out_of_order_execution=True).remote()
    held = crew.note.remote(behind.remote(gate, "first"))
    assert ray.get(crew.note.remote("second")) == "second"
    ray.get(gate.open.remote())
    assert ray.get(held) == "first"
    assert ray.get(crew.read.remote()) == ["second", "first"]


def test_threads_cannot_keep_the_order(ray: ModuleType) -> None:
    with pytest.raises(ValueError, match="Ray can't execute actor tasks in order"):
        Crew.options(max_concurrency=2, allow_out_of_order_execution=False).remote()


def test_max_concurrency_is_a_whole_number_above_zero(ray: ModuleType) -> None:
    with pytest.raises(ValueError, match="'max_concurrency' only accepts None, 0 or a positive integer"):
        Crew.options(max_concurrency=-1).remote()
    with pytest.raises(TypeError, match="The type of keyword 'max_concurrency' must be"):
        Crew.options(max_concurrency="3").remote()


def test_an_error_in_one_thread_leaves_the_others_alone(ray: ModuleType) -> None:
    gate = Gate.remote()
    crew = Crew.options(max_concurrency=2).remote(gate)
    work = crew.work.remote(1)
    until(gate.count.remote, 1)
    with pytest.raises(KeyError):
        ray.get(crew.fail.remote())
    ray.get(gate.open.remote())
    assert ray.get(work) == 1


def test_exit_actor_lets_the_calls_under_way_end(ray: ModuleType) -> None:
    gate = Gate.remote()
    crew = Crew.options(max_concurrency=3).remote(gate)
    work = crew.work.remote(1)
    until(gate.count.remote, 1)
    last = crew.quit.remote()
    time.sleep(0.05)
    ray.get(gate.open.remote())
    assert ray.get(work) == 1
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(last)
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(crew.read.remote())


def test_kill_ends_the_calls_in_all_threads(ray: ModuleType) -> None:
    gate = Gate.remote()
    crew = Crew.options(max_concurrency=2).remote(gate)
    refs = [crew.work.remote(i) for i in range(3)]
    until(gate.count.remote, 2)
    ray.kill(crew)
    for ref in refs:
        with pytest.raises(ray.exceptions.ActorDiedError):
            ray.get(ref)

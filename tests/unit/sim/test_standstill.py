"""Deadlock reports: who waits for whom, in words that lead to the line to change.

Method: small programs that come to a standstill, each in another way; the report is the promise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import simactors


@simactors.remote
class Person:
    """Calls others while it is called."""

    def meet(self, others: list[Any]) -> Any:
        return simactors.get(others[0].nod.remote())

    def nod(self) -> str:
        return "nods"

    def befriend(self, others: list[Any]) -> None:
        self.friend = others[0]

    def relay(self) -> Any:
        return simactors.get(self.friend.relay.remote())


@simactors.remote(num_cpus=1)
class Hog:
    """Keeps a CPU."""

    def answer(self) -> int:
        return 1


@simactors.remote
def one() -> int:
    return 1


@simactors.remote
def ask_for_what_nobody_has() -> Any:
    return simactors.get(one.options(num_cpus=99).remote())


@simactors.remote
def add(x: int) -> int:
    return x + 1


def report_of(program: Callable[[], None]) -> str:
    with simactors.simulate(seed=1), pytest.raises(simactors.exceptions.DeadlockError) as raised:
        program()
    return str(raised.value)


def test_two_actors_that_wait_for_each_other_are_a_circle() -> None:
    def program() -> None:
        ann, bob = Person.remote(), Person.remote()
        simactors.get([ann.meet.remote([bob]), bob.meet.remote([ann])])

    report = report_of(program)
    assert "a circle of 2:\n  actor-1 (Person.meet #3) waits for Person.nod #5," in report
    assert "which waits for its turn at actor-2 (Person), which runs Person.meet #4" in report
    assert report.count(", in meet") == 2
    assert "besides:\n  driver waits for Person.meet #3, Person.meet #4" in report


def test_an_actor_that_calls_itself_waits_for_itself() -> None:
    def program() -> None:
        ann = Person.remote()
        simactors.get(ann.meet.remote([ann]))

    assert "it waits for itself:\n  actor-1 (Person.meet #2) waits for Person.nod #3" in report_of(program)


def test_resources_that_nobody_will_free_are_named_with_who_holds_them() -> None:
    def program() -> None:
        hogs = [Hog.remote() for _ in range(8)]
        simactors.get([hog.answer.remote() for hog in hogs])
        simactors.get(one.remote())

    report = report_of(program)
    assert "which needs {'CPU': 1.0}, held by actor-1 (Hog) ({'CPU': 1.0})" in report
    assert "and 5 more" in report


def test_resources_that_nobody_has_are_named() -> None:
    report = report_of(lambda: simactors.get(one.options(num_cpus=100).remote()))
    assert "driver waits for one #1,\n    which needs {'CPU': 100.0}, and no node has that" in report


def test_an_argument_that_never_comes_leads_to_its_task() -> None:
    report = report_of(lambda: simactors.get(add.remote(ask_for_what_nobody_has.remote())))
    assert "waits for its argument ask_for_what_nobody_has #1" in report
    assert "worker-1 (ask_for_what_nobody_has #1) waits for one #3" in report


def test_a_circle_of_thousands_is_found() -> None:
    size = 1500  # more than Python's limit of nested calls

    def program() -> None:
        people = [Person.remote() for _ in range(size)]
        ring = (*people[1:], people[0])
        simactors.get([a.befriend.remote([b]) for a, b in zip(people, ring, strict=True)])
        simactors.get(people[0].relay.remote())

    assert f"a circle of {size}:" in report_of(program)

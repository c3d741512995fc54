"""What belongs to the process of an actor or a task: environment variables, random numbers, signal handlers."""

from __future__ import annotations

import os
import random
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

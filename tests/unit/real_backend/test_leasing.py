"""Which process has which pool worker: what becomes of those that are given back."""

from __future__ import annotations

from typing import Any

import pytest

from real_backend.control import Leased, LeaseFailed, Need, Retire, Surroundings
from real_backend.messages import DRIVER
from real_backend.placement import Placement
from real_backend.supervisor.leasing import Leasing
from simactors.core.requests import Request
from tests.unit.real_backend.fakes import FakeProcesses

PLAIN = Need(Request((), ()))
SPECIAL = Need(Request((), ()), Surroundings((("A", "1"),)))


@pytest.fixture
def processes() -> FakeProcesses:
    return FakeProcesses()


@pytest.fixture
def leasing(processes: FakeProcesses) -> Leasing:
    fake: Any = processes
    return Leasing(fake, Placement({"CPU": 4}, {}), spare=4)


def lease(leasing: Leasing, processes: FakeProcesses, need: Need) -> Leased:
    leasing.ask(DRIVER, need)
    leased: Leased = processes.told(DRIVER, Leased)[-1]
    return leased


def test_a_worker_that_was_given_back_serves_the_next_one(leasing: Leasing, processes: FakeProcesses) -> None:
    first = lease(leasing, processes, PLAIN)
    leasing.give_back(first.lease, worn=False)
    assert lease(leasing, processes, PLAIN).process == first.process


@pytest.mark.parametrize(("need", "worn"), [(SPECIAL, False), (PLAIN, True)])
def test_a_worker_of_its_own_kind_or_a_worn_one_serves_nobody_though_it_has_to_stay(
    leasing: Leasing, processes: FakeProcesses, need: Need, worn: bool
) -> None:
    spent = lease(leasing, processes, need)
    leasing.give_back(spent.lease, worn=worn)
    leasing.stay(processes.living[spent.process])
    assert lease(leasing, processes, PLAIN).process != spent.process
    leasing.may_go(processes.living[spent.process])
    assert len(processes.told(spent.process, Retire)) == 2


def test_an_idle_worker_that_has_to_stay_may_as_well_work(processes: FakeProcesses) -> None:
    fake: Any = processes
    leasing = Leasing(fake, Placement({"CPU": 4}, {}), spare=0)
    first = lease(leasing, processes, PLAIN)
    leasing.give_back(first.lease, worn=False)
    assert processes.told(first.process, Retire) == [Retire()]
    leasing.stay(processes.living[first.process])
    assert lease(leasing, processes, PLAIN).process == first.process


def test_a_worker_for_a_runtime_env_that_could_not_be_connected_to_serves_nobody(
    leasing: Leasing, processes: FakeProcesses
) -> None:
    processes.refused.add((DRIVER, 1))
    leasing.ask(DRIVER, SPECIAL)
    assert len(processes.told(DRIVER, LeaseFailed)) == 1
    assert processes.told(1, Retire) == [Retire()]
    assert lease(leasing, processes, PLAIN).process != 1

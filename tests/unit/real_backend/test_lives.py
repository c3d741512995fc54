"""Actors from start to death, as the supervisor sees them: who is told what."""

from __future__ import annotations

from typing import Any

import pytest

from real_backend.control import ActorDead, EndActor, ForgetActor, KillActor, Need, ReachActor, StartActor
from real_backend.messages import DRIVER
from real_backend.placement import Placement
from real_backend.supervisor.lives import Lives
from simactors.core.requests import Request
from tests.unit.real_backend.fakes import FakeProcesses

NEED = Need(Request((), ()))


@pytest.fixture
def processes() -> FakeProcesses:
    return FakeProcesses()


@pytest.fixture
def lives(processes: FakeProcesses) -> Lives:
    fake: Any = processes
    return Lives(fake, Placement({"CPU": 4}, {}))


def start(actor_id: int) -> StartActor:
    return StartActor(actor_id, "Log", NEED, None, None, False, False, b"", 0, False)


def test_whoever_hears_late_of_an_actor_that_was_forgotten_is_told_that_it_is_dead(
    lives: Lives, processes: FakeProcesses
) -> None:
    """A handle found by name keeps nobody alive, and may come to a third process after all is over."""
    driver, third = processes.living[DRIVER], processes.add()
    lives.start(driver, start(7))
    lives.end(driver, EndActor(7, None))
    lives.forget(driver, ForgetActor(7))
    lives.reach(third, ReachActor(7))
    (dead,) = processes.told(third.number, ActorDead)
    assert (dead.actor_id, dead.error) == (7, "ActorDiedError")


def test_who_reaches_an_actor_before_its_owner_has_told_of_it_waits(
    lives: Lives, processes: FakeProcesses
) -> None:
    driver, third = processes.living[DRIVER], processes.add()
    lives.reach(third, ReachActor(7))
    assert not processes.told(third.number, ActorDead)
    lives.start(driver, start(7))
    lives.end(driver, EndActor(7, None))
    assert len(processes.told(third.number, ActorDead)) == 1


def test_an_actor_that_was_forgotten_can_be_killed_once_more(lives: Lives, processes: FakeProcesses) -> None:
    driver = processes.living[DRIVER]
    lives.start(driver, start(7))
    lives.end(driver, EndActor(7, None))
    lives.forget(driver, ForgetActor(7))
    lives.kill(driver, KillActor(7, True))
    lives.start(driver, start(7))  # ids are never used again: a trick, to see that nothing is kept in mind
    assert len(lives.living()) == 1

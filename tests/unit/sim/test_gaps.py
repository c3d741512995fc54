"""`SimConfig.cancel_gap_s`: what Ray 2.60 does with calls behind one that was cancelled before it was sent.

Method: each of these was seen on Ray, with the same outcome.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import simactors as ray
from simactors.sim.config import SimConfig
from simactors.sim.distributions import Constant
from simactors.sim.simulation import simulate

GAP = SimConfig(cancel_gap_s=30)


@ray.remote
class Log:
    def __init__(self) -> None:
        self.notes: list[Any] = []

    def note(self, what: Any) -> Any:
        self.notes.append(what)
        return what

    def read(self) -> list[Any]:
        return self.notes


@ray.remote(num_cpus=0)
def later(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@ray.remote(num_cpus=0)
def ask(log: Any) -> Any:
    return ray.get(log.note.remote("another one"))


def with_gap(**options: Any) -> Any:
    """An actor, one call of which was cancelled while it waited for its argument."""
    log = Log.options(**options).remote()
    ray.get(log.note.remote(0))
    ray.cancel(log.note.remote(later.remote(3)))
    return log


def told(ref: Any) -> Any:
    """What comes, and after how many seconds."""
    began = time.monotonic()
    try:
        value = ray.get(ref)
    except ray.exceptions.RayError as error:
        value = type(error).__name__
    return value, round(time.monotonic() - began)


def what_comes_next_fails_after_the_wait(log: Any) -> None:
    first = log.note.remote(1)
    time.sleep(15)
    second = log.note.remote(2)
    assert told(first) == ("ActorUnavailableError", 30)  # the wait began anew when the second one came
    assert told(second) == ("ActorUnavailableError", 0)
    assert ray.get(log.note.remote(3)) == 3
    assert ray.get(log.read.remote()) == [0, 3]


def other_callers_notice_nothing(log: Any) -> None:
    stuck = log.note.remote(1)
    assert told(ask.remote(log)) == ("another one", 0)
    assert told(stuck) == ("ActorUnavailableError", 30)


def one_that_is_cancelled_meanwhile_says_so(log: Any) -> None:
    stuck = log.note.remote(1)
    time.sleep(1)
    ray.cancel(stuck)
    assert told(stuck) == ("TaskCancelledError", 29)
    assert ray.get(log.read.remote()) == [0]


def one_whose_argument_has_failed_waits_with_the_others(log: Any) -> None:
    task = later.remote(60)
    depends = log.note.remote(task)
    ray.cancel(task)
    assert told(depends) == ("ActorUnavailableError", 30)


def all_fail_at_once_with_their_actor(log: Any) -> None:
    stuck = log.note.remote(1)
    time.sleep(1)
    ray.kill(log)
    assert told(stuck) == ("ActorDiedError", 0)


@pytest.mark.parametrize(
    "scene",
    [
        what_comes_next_fails_after_the_wait,
        other_callers_notice_nothing,
        one_that_is_cancelled_meanwhile_says_so,
        one_whose_argument_has_failed_waits_with_the_others,
        all_fail_at_once_with_their_actor,
    ],
)
def test_of_a_plain_actor(scene: Callable[[Any], None]) -> None:
    with simulate(1, config=GAP):
        scene(with_gap())


def test_a_call_that_may_be_made_again_is() -> None:
    with simulate(1, config=GAP):
        log = with_gap(max_task_retries=1, max_restarts=1)
        assert told(log.note.remote(2)) == (2, 30)
        assert ray.get(log.read.remote()) == [0, 2]


def test_a_new_process_waits_for_nothing() -> None:
    with simulate(1, config=GAP):
        log = with_gap(max_restarts=1)
        stuck = log.note.remote(1)
        time.sleep(1)
        ray.kill(log, no_restart=False)
        assert told(stuck) == ("ActorUnavailableError", 0)
        time.sleep(1)
        assert told(log.note.remote(2)) == (2, 0)


def test_actors_that_keep_no_order_wait_for_nothing() -> None:
    with simulate(1, config=GAP):
        assert told(with_gap(max_concurrency=2).note.remote(1)) == (1, 0)


def test_a_call_that_has_just_been_made_may_not_have_been_sent() -> None:
    came = set()
    for seed in range(20):
        with simulate(seed, config=GAP):
            log = Log.remote()
            ray.get(log.note.remote(0))
            canceled = log.note.remote(1)
            ray.cancel(canceled)
            assert told(canceled)[0] == "TaskCancelledError"
            came.add((told(log.note.remote(2)), tuple(ray.get(log.read.remote()))))
    assert came == {((2, 0), (0, 1, 2)), (("ActorUnavailableError", 30), (0,))}


@pytest.mark.parametrize(
    ("canceled", "stuck"),
    [
        ([0], False),
        ([0, 1], False),
        ([1, 0], False),
        ([1], True),
        ([2], True),
        ([0, 2], True),
        ([0, 1, 2], False),
    ],
)
def test_what_is_cancelled_before_the_first_call_that_is_sent_is_not_missed(
    canceled: list[int], stuck: bool
) -> None:
    with simulate(1, config=replace(GAP, process_start=Constant(3.0))):
        log = Log.remote()
        refs = [log.note.remote(index) for index in range(3)]
        time.sleep(1)
        for index in canceled:
            ray.cancel(refs[index])
        answers = [told(ref)[0] for ref in (*refs, log.note.remote("later"), log.note.remote("latest"))]
        assert ("ActorUnavailableError" in answers) == stuck


def test_nobody_waits_where_it_is_not_asked_for() -> None:
    with simulate(1):
        assert told(with_gap().note.remote(1)) == (1, 0)

"""How often requests took effect: acknowledged, refused, and of unknown outcome."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simactors.checkers.effects import Request, at_least_once, at_most_once, exactly_once, requests
from simactors.checkers.verdict import Ok, Verdict, Violated
from simactors.core.history import History, Operation

Judge = Callable[..., Verdict]
ALL: list[Judge] = [exactly_once, at_most_once, at_least_once]


@pytest.mark.parametrize("judge", ALL)
def test_what_was_acknowledged_and_applied_once_is_right_for_all(judge: Judge):
    assert judge([Request("r1"), Request("r2")], ["r2", "r1"])


@pytest.mark.parametrize("judge", ALL)
@pytest.mark.parametrize("status", ["unknown", "raised"])
def test_what_may_have_happened_may_have_happened_or_not(judge: Judge, status: str):
    assert judge([Request("r1", status)], [])  # type: ignore[arg-type]  # a status
    assert judge([Request("r1", status)], ["r1"])  # type: ignore[arg-type]  # a status


@pytest.mark.parametrize(
    ("judge", "is_right"), [(exactly_once, False), (at_most_once, False), (at_least_once, True)]
)
def test_only_at_least_once_allows_a_second_time(judge: Judge, is_right: bool):
    assert bool(judge([Request("r1", "unknown"), Request("r1")], ["r1", "r2", "r1"][::2])) is is_right


@pytest.mark.parametrize(
    ("judge", "is_right"), [(exactly_once, False), (at_most_once, True), (at_least_once, False)]
)
def test_only_at_most_once_allows_that_what_was_acknowledged_is_missing(judge: Judge, is_right: bool):
    assert bool(judge([Request("r1")], [])) is is_right


@pytest.mark.parametrize("judge", ALL)
@pytest.mark.parametrize(
    ("attempts", "reason"),
    [
        ([], "r1 took effect, but nobody had asked for it"),
        ([Request("r1", "refused")], "r1 took effect, but it was refused"),
    ],
)
def test_nothing_may_happen_that_nobody_asked_for_or_that_was_refused(
    judge: Judge, attempts: list[Request], reason: str
):
    verdict = judge(attempts, ["r1"])
    assert isinstance(verdict, Violated)
    assert verdict.reason == reason


def test_a_retry_may_succeed_after_a_refusal():
    assert exactly_once([Request("r1", "refused"), Request("r1")], ["r1"]) == Ok("exactly once", 1)


def test_a_report_shows_the_attempts_and_the_effects():
    verdict = exactly_once([Request("r1", "unknown"), Request("r1"), Request("r2")], ["r1", "r2", "r1"])
    assert str(verdict) == (
        "exactly once: violated: r1 took effect twice; there were 2 attempts\n"
        "  r1 attempted: unknown, returned\n"
        "  r1 applied:   effect 1, effect 3"
    )
    missing = exactly_once([Request("r1")], [])
    assert str(missing) == (
        "exactly once: violated: r1 was acknowledged, but never took effect\n"
        "  r1 attempted: returned\n"
        "  r1 applied:   never"
    )


def test_requests_come_from_a_history():
    operation = Operation(client="a", name="pay", args=("r1", 5), called=0, returned=1, status="returned")
    assert requests(History((operation,)), lambda one: one.args[0]) == [Request("r1", "returned")]

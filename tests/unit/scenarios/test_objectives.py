"""Objectives held against requests that are known: what was measured, and since when one could not be met any more."""

from __future__ import annotations

import pytest

from simactors.exploration.objectives import parse
from simactors.scenarios.latencies import of_requests
from simactors.scenarios.objectives import Measured, judge
from simactors.scenarios.result import Check, Run
from simactors.workload.measured import Log, Request


def check_of(text: str, log: Log, *, is_watched: bool = True) -> Check:
    run = Run(seed=0, outcome="passed", requests=of_requests(log, 0.0))
    return judge(Measured(run, log, 0.0, is_watched=is_watched), [parse(text)])[0]


def log_of(failed: list[int]) -> Log:
    """Ten requests, one a second, each answered or failed after a tenth."""
    log = Log(load_began_s=0.0)
    for number in range(10):
        request = Request(number, float(number), ended_s=number + 0.1)
        if number in failed:
            request.status, request.error = "failed", "ValueError"
        log.requests.append(request)
    return log


@pytest.mark.parametrize(
    ("text", "failed", "broke_at_s"),
    [
        ("availability > 0.9", [3], 3.1),
        ("availability >= 0.9", [3], None),
        ("availability >= 0.9", [3, 5], 5.1),
        ("availability == 0.9", [3, 5, 7], 5.1),
        ("availability == 0.9", [], None),
        ("availability < 0.9", [], None),
        ("errors == 0", [2, 4], 2.1),
        ("errors == 1", [2, 4], 4.1),
        ("errors < 2", [2, 4, 6], 4.1),
        ("errors <= 2", [2, 4, 6], 6.1),
        ("errors > 5", [2, 4], None),
    ],
)
def test_an_objective_breaks_with_the_request_that_nothing_later_makes_good(
    text: str, failed: list[int], broke_at_s: float | None
) -> None:
    check = check_of(text, log_of(failed))
    assert check.broke_at_s == (None if broke_at_s is None else pytest.approx(broke_at_s))
    assert check.status == "failed" or broke_at_s is None


@pytest.mark.parametrize(
    ("text", "slow", "broke_at_s"),
    [
        ("p90 < 500ms", [4], None),
        ("p90 < 500ms", [4, 6], 7.0),
        ("max < 500ms", [4, 6], 5.0),
        ("p90 > 500ms", [], None),
    ],
)
def test_a_percentile_breaks_with_the_first_slow_request_that_is_one_too_many(
    text: str, slow: list[int], broke_at_s: float | None
) -> None:
    log = log_of([])
    for number in slow:
        log.requests[number].ended_s = number + 1.0
    assert check_of(text, log).broke_at_s == broke_at_s


def test_what_a_real_backend_could_have_measured_is_not_left_to_the_simulator() -> None:
    silent = log_of(list(range(10)))
    check = check_of("p99 < 50ms", silent, is_watched=False)
    assert (check.status, check.message) == ("failed", "no request was answered")
    for text in ("p99(Store.put) < 50ms", "queue(Store) == 0", "retries == 0", "calls < 9"):
        check = check_of(text, silent, is_watched=False)
        assert (check.status, check.message) == ("unmeasured", "nobody saw what happened inside")

"""Holds objectives against a run that was measured, and finds the moment when one could not be met any more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from simactors.exploration.objectives import Objective
from simactors.exploration.quantities import in_words
from simactors.scenarios.latencies import place_of, quantile
from simactors.scenarios.result import Check, Method, Run
from simactors.workload.measured import Log, Request

ALL_ANSWERED = "every request is answered"
_OF_REQUESTS = ("availability", "errors", "throughput")

_INSIDE = ("calls", "retries", "restarts", "lost")
_LIMITS = {
    "quantile": ("<", "<="),
    "max": ("<", "<="),
    "availability": (">", ">=", "=="),
    "errors": ("<", "<=", "=="),
}
"""By measure, the signs of those objectives that a few bad requests break for good."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A run, and what its result does not keep of it.

    Attributes:
        run: with everything but its checks.
        log: of its workload.
        origin_s: what the clock said at its beginning.
        is_watched: what happens inside is known, too: of each simulation, and of real runs that go through simactors.
    """

    run: Run
    log: Log
    origin_s: float
    is_watched: bool


def judge(measured: Measured, objectives: Sequence[Objective]) -> list[Check]:
    """What came of each; of requests that fail, if no objective says how many may."""
    checks = [_check(measured, objective) for objective in objectives]
    speaks_of_errors = any(each.measure in ("errors", "availability") for each in objectives)
    if measured.log.load_began_s is not None and not speaks_of_errors:
        checks.append(_all_answered(measured))
    return checks


def _check(measured: Measured, objective: Objective) -> Check:
    check = Check(name=objective.text, kind="objective", status="passed")
    if _is_of_inside(objective) and not measured.is_watched:
        check.status, check.message = "unmeasured", "nobody saw what happened inside"
        return check
    value = _value(measured, objective)
    if value is None:
        check.status = "failed"
        check.message = f"there was no {objective.of}" if objective.of else "no request was answered"
        return check
    check.measured = value
    if not objective.holds(value):
        check.status, check.message = "failed", f"it was {_shown(objective, value)}"
        check.broke_at_s = _broke_at_s(measured, objective)
    return check


def _is_of_inside(objective: Objective) -> bool:
    """Whether requests and the length of the run don't tell."""
    return bool(objective.of) or objective.measure in _INSIDE


def _all_answered(measured: Measured) -> Check:
    failures = [request for request in _requests(measured) if request.status != "answered"]
    check = Check(name=ALL_ANSWERED, kind="objective", status="passed", measured=float(len(failures)))
    if not _requests(measured):
        check.status, check.measured = "failed", None
        check.message = "there was none to measure: let the load take longer, or its warm-up less"
    elif failures:
        first = min(failures, key=lambda request: request.ended_s)
        check.status = "failed"
        check.message = (
            f"{len(failures)} of {len(_requests(measured))} were not; the first one: {first.error} "
            "(an objective as availability > 0.99 says how many may fail)"
        )
        check.broke_at_s = first.ended_s - measured.origin_s
    return check


def _value(measured: Measured, objective: Objective) -> float | None:
    """What was measured; None if nothing was."""
    if objective.is_of_latency:
        if objective.of:  # of methods, only a summary is kept
            method = _method(measured.run, objective.of)
            return None if method is None else _of_method(method, objective)
        latencies_s = sorted(_latencies_s(measured))
        if not latencies_s:
            return None
        reads: dict[str, Callable[[], float]] = {
            "quantile": lambda: quantile(latencies_s, objective.quantile),
            "mean": lambda: fmean(latencies_s),
            "max": lambda: latencies_s[-1],
        }
        return reads[objective.measure]()
    return _of_run(measured, objective)


def _of_method(method: Method, objective: Objective) -> float | None:
    if not method.latency.count:
        return None
    if objective.measure != "quantile":
        return method.latency.mean_s if objective.measure == "mean" else method.latency.max_s
    name = f"p{objective.quantile * 100:g}"
    if name in method.latency.quantiles_s:
        return method.latency.quantiles_s[name]
    rank, seen = objective.quantile * method.latency.count, 0
    for upper_s, count in method.latency.histogram:  # as exact as its buckets are
        seen += count
        if seen >= rank - 1e-9:
            return min(upper_s, method.latency.max_s)
    return method.latency.max_s


def _of_run(measured: Measured, objective: Objective) -> float | None:
    run = measured.run
    if objective.measure in _OF_REQUESTS:
        requests = run.requests
        if requests is None or not requests.arrived:
            return None
        if objective.measure == "availability":
            return requests.answered / requests.arrived
        if objective.measure == "errors":
            return float(requests.failed + requests.late)
        return requests.answered / requests.measured_s if requests.measured_s else None
    if objective.measure == "duration":
        return run.duration_s
    if objective.measure == "calls":
        method = _method(run, objective.of)
        return float(run.totals.calls if not objective.of else method.calls if method else 0)
    if objective.measure == "queue":
        found = [queue for queue in run.queues if queue.class_name == objective.of]
        return float(max(found[0].longest, default=0)) if found else None
    if objective.measure in ("utilization", "reserved"):
        return utilisation(run, objective.of, used=objective.measure == "utilization")
    totals = run.totals
    return float(
        {"retries": totals.retries, "restarts": totals.restarts, "lost": totals.lost}[objective.measure]
    )


def utilisation(run: Run, resource: str, *, used: bool) -> float | None:
    """How much of a resource was taken in the mean, on all nodes that have it; None if none has.

    Args:
        used: by running code, and not only reserved.
    """
    uses = [use for use in run.uses if use.resource == resource]
    total = sum(use.total for use in uses)
    if not total or not run.samples_s:
        return None
    return sum(use.total * fmean(use.used if used else use.reserved) for use in uses) / total


def _broke_at_s(measured: Measured, objective: Objective) -> float | None:
    """When so much had gone wrong that nothing later could have made it good; None if no moment can be named."""
    if objective.of or objective.sign not in _LIMITS.get(objective.measure, ()):
        return None
    requests = sorted(_requests(measured), key=lambda request: request.ended_s)
    if objective.is_of_latency:
        requests = [request for request in requests if request.status == "answered"]
        bad = [request for request in requests if not objective.holds(request.latency_s)]
    else:
        bad = [request for request in requests if request.status != "answered"]
    for number, request in enumerate(bad, 1):
        if not _may_hold(objective, number, len(requests)):
            return request.ended_s - measured.origin_s
    return None


def _may_hold(objective: Objective, bad: int, of: int) -> bool:
    """Whether it holds if so many requests are bad and all others are good, or would if a few more were bad."""
    if objective.measure == "errors":
        return bad < objective.bound or objective.holds(bad)
    if objective.measure == "availability":
        good = (of - bad) / of
        return good > objective.bound or objective.holds(good)
    share = objective.quantile if objective.measure == "quantile" else 1.0
    return place_of(share, of) < of - bad


def _requests(measured: Measured) -> list[Request]:
    return [request for request in measured.log.requests if request.counts]


def _latencies_s(measured: Measured) -> list[float]:
    return [request.latency_s for request in _requests(measured) if request.status == "answered"]


def _method(run: Run, name: str) -> Method | None:
    return next((method for method in run.methods if method.name == name), None)


def _shown(objective: Objective, value: float) -> str:
    if objective.is_of_latency or objective.measure == "duration":
        return in_words(value)
    if objective.measure == "throughput":
        return f"{value:.4g}/s"
    return f"{value:.6g}"

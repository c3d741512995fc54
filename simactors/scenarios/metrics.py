"""The numbers of a run by name, and their estimates over seeds: what tables show and comparisons compare.

| metric                | what it is |
| --- | --- |
| ``latency p99``       | of requests, in seconds; also p50, p90, p95, p99.9, mean, max |
| ``throughput``        | answered requests a second |
| ``availability``      | the share of requests that were answered |
| ``Store.put p99``     | of a method or task: p50, p99, mean; of a task ``latency``: ``latency() p99`` |
| ``Store.put calls``   | how many |
| ``queue Store max``   | the longest queue at one actor; ``mean``: of all of them together, over time |
| ``utilization CPU``   | a share of all that the cluster has; ``reserved CPU`` |
| ``retries`` and so on | see `result.Totals` |
| ``duration``          | of the run, in seconds |
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from simactors.scenarios.objectives import utilisation
from simactors.scenarios.result import Estimate, Latencies, Method, Requests, Run
from simactors.scenarios.statistics import interval

_OF_METHODS = ("p50", "p99")
_FIRST_WORDS = ("latency", "queue", "utilization", "reserved")
"""A task may be called so, too."""
_TOTALS = ("calls", "retries", "restarts", "deaths", "lost", "faults")
_IN_SECONDS = ("p50", "p90", "p95", "p99", "p99.9", "mean", "max", "duration")


def of_run(run: Run) -> dict[str, float]:
    """The metrics of one run."""
    metrics = {"duration": run.duration_s}
    if run.requests is not None and run.requests.arrived:
        metrics |= _of_requests(run.requests)
    for method in run.methods:
        name = name_of(method)
        metrics |= _latencies(name, method.latency, _OF_METHODS)
        metrics[f"{name} calls"] = float(method.calls)
    for queue in run.queues:
        metrics[f"queue {queue.class_name} max"] = float(max(queue.longest, default=0))
        if queue.waiting:
            metrics[f"queue {queue.class_name} mean"] = fmean(queue.waiting)
    for resource in dict.fromkeys(use.resource for use in run.uses):
        for name, used in (("utilization", True), ("reserved", False)):
            value = utilisation(run, resource, used=used)
            if value is not None:
                metrics[f"{name} {resource}"] = value
    if run.steps or run.samples_s:  # somebody saw what happened inside
        metrics |= {name: float(getattr(run.totals, name)) for name in _TOTALS}
    return metrics


def name_of(method: Method) -> str:
    """How the metrics of a method or task begin."""
    return f"{method.name}()" if method.name in _FIRST_WORDS else method.name


def _of_requests(requests: Requests) -> dict[str, float]:
    metrics = {"availability": requests.answered / requests.arrived}
    if requests.measured_s:
        metrics["throughput"] = requests.answered / requests.measured_s
    metrics |= _latencies("latency", requests.latency, tuple(requests.latency.quantiles_s))
    if requests.latency.count:
        metrics["latency max"] = requests.latency.max_s
    return metrics


def _latencies(name: str, latencies: Latencies, quantiles: Sequence[str]) -> dict[str, float]:
    if not latencies.count:
        return {}
    found = {f"{name} {each}": latencies.quantiles_s[each] for each in quantiles}
    return {**found, f"{name} mean": latencies.mean_s}


def estimates(runs: Sequence[Run]) -> dict[str, Estimate]:
    """The metrics of all runs that came to a measurement, each with its interval."""
    seen: dict[str, list[tuple[int, float]]] = {}
    for run in runs:
        for name, value in of_run(run).items():
            seen.setdefault(name, []).append((run.seed, value))
    return {name: _estimate(pairs) for name, pairs in seen.items()}


def quantile_of(runs: Sequence[Run], method: str, quantile: str) -> Estimate | None:
    """A quantile, or the ``max``, of the latency of a method or task, over the runs that called it; else None."""
    pairs = [
        (run.seed, each.latency.max_s if quantile == "max" else each.latency.quantiles_s[quantile])
        for run in runs
        for each in run.methods
        if name_of(each) == method and each.latency.count
    ]
    return _estimate(pairs) if pairs else None


def _estimate(pairs: Sequence[tuple[int, float]]) -> Estimate:
    values = [value for _, value in pairs]
    bounds = interval(values)
    low, high = bounds if bounds is not None else (None, None)
    return Estimate(seeds=[seed for seed, _ in pairs], values=values, mean=fmean(values), low=low, high=high)


def is_duration(name: str) -> bool:
    """Whether a metric is one of seconds."""
    return name.rpartition(" ")[2] in _IN_SECONDS and not name.startswith("queue ")


def is_share(name: str) -> bool:
    """Whether a metric is a part of a whole."""
    return name == "availability" or name.startswith(("utilization ", "reserved "))

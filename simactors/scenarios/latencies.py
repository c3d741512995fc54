"""What many durations come to: quantiles, and a histogram that is fine where durations are short."""

from __future__ import annotations

import math
from collections.abc import Sequence

from simactors.scenarios.result import Latencies, Requests, Window
from simactors.workload.measured import Log, Request

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
"""Those that results hold."""
WINDOWS = 100
_LEAST_S = 1e-9
BUCKETS_PER_DOUBLING = 16
"""Of a histogram."""


def quantile(ordered: Sequence[float], share: float) -> float:
    """The least of the values that at least such a share of all do not exceed.

    Args:
        ordered: one or more, from the least.
    """
    return ordered[place_of(share, len(ordered))]


def place_of(share: float, count: int) -> int:
    """Where that one stands among so many, from 0."""
    return max(0, math.ceil(share * count - 1e-9) - 1)


def summed_up(durations_s: Sequence[float]) -> Latencies:
    """What they come to."""
    if not durations_s:
        return Latencies()
    ordered = sorted(durations_s)
    buckets: dict[int, int] = {}
    for duration_s in ordered:
        bucket = math.ceil(BUCKETS_PER_DOUBLING * math.log2(max(duration_s, _LEAST_S) / _LEAST_S))
        buckets[bucket] = buckets.get(bucket, 0) + 1
    return Latencies(
        count=len(ordered),
        mean_s=math.fsum(ordered) / len(ordered),
        max_s=ordered[-1],
        quantiles_s={name: quantile(ordered, share) for name, share in QUANTILES.items()},
        histogram=[
            (_LEAST_S * 2 ** (bucket / BUCKETS_PER_DOUBLING), count) for bucket, count in buckets.items()
        ],
    )


def of_requests(log: Log, origin_s: float) -> Requests | None:
    """What the measured requests of a workload came to; None if it made none at all.

    Args:
        origin_s: what the clock said at the beginning of the run.
    """
    if log.load_began_s is None or not log.requests:
        return None
    measured = [request for request in log.requests if request.counts]
    errors: dict[str, int] = {}
    for request in measured:
        if request.status != "answered":
            errors[request.error] = errors.get(request.error, 0) + 1
    ends_s = [request.ended_s for request in measured]
    if log.due_until_s is not None:  # that no more came until then is a part of the rate
        ends_s.append(log.due_until_s)
    return Requests(
        arrived=len(measured),
        answered=sum(request.status == "answered" for request in measured),
        failed=sum(request.status == "failed" for request in measured),
        late=sum(request.status == "late" for request in measured),
        errors=errors,
        measured_s=max(ends_s) - log.measured_from_s if measured else 0.0,
        latency=summed_up([request.latency_s for request in measured if request.status == "answered"]),
        windows=_windows(log.requests, origin_s),
    )


def _windows(requests: Sequence[Request], origin_s: float) -> list[Window]:
    """All requests, those of the warm-up, too: what it looked like in time."""
    first_s = min(request.at_s for request in requests) - origin_s
    width_s = (max(request.ended_s for request in requests) - origin_s - first_s) / WINDOWS
    if width_s <= 0:
        return []
    windows = [
        Window(start_s=first_s + n * width_s, end_s=first_s + (n + 1) * width_s) for n in range(WINDOWS)
    ]
    found: list[list[float]] = [[] for _ in windows]

    def number(time_s: float) -> int:
        return min(int((time_s - origin_s - first_s) / width_s), WINDOWS - 1)

    for request in requests:
        windows[number(request.at_s)].arrived += 1
        ended = number(request.ended_s)
        if request.status == "answered":
            windows[ended].answered += 1
            found[ended].append(request.latency_s)
        else:
            windows[ended].failed += 1
    for window, latencies_s in zip(windows, found, strict=True):
        if latencies_s:
            latencies_s.sort()
            window.p50_s, window.p99_s = quantile(latencies_s, 0.5), quantile(latencies_s, 0.99)
    return windows

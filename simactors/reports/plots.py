"""Small pictures of a run, as SVG: queues, uses of resources, latencies, requests. Words and numbers say the same."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from simactors.exploration.quantities import in_words
from simactors.scenarios.latencies import BUCKETS_PER_DOUBLING
from simactors.scenarios.result import Fault, Latencies, Run

_WIDTH, _HEIGHT = 380, 110
_LEFT, _BOTTOM, _TOP = 34, 16, 8
_MOST_USES = 24
_MOST_METHODS = 24


def of_run(run: Run) -> str:
    """All of them, in groups; empty if there is nothing to draw."""
    requests = [] if run.requests is None else [_histogram("requests", run.requests.latency), *_requests(run)]
    groups = [
        ("Requests", requests),
        (
            "Calls that wait at actors",
            [
                _area(
                    queue.class_name,
                    run,
                    [("used", queue.waiting), ("held", queue.longest)],
                    "all; dashed: the longest queue",
                )
                for queue in run.queues
                if any(queue.waiting)
            ],
        ),
        (
            "Resources",
            [
                _area(
                    f"{use.resource} of {use.node}, {use.total:g} in all",
                    run,
                    [("held", use.reserved), ("used", use.used)],
                    "used; dashed: reserved",
                    1.0,
                )
                for use in run.uses[:_MOST_USES]
            ],
        ),
        (
            "Latency of calls",
            [_histogram(method.name, method.latency) for method in run.methods[:_MOST_METHODS]],
        ),
    ]
    return "\n".join(
        f'<h2>{name}</h2>\n<div class="plots">\n{"".join(found)}</div>'
        for name, found in groups
        if any(found)
    )


def _requests(run: Run) -> Iterable[str]:
    assert run.requests is not None
    windows = run.requests.windows
    if len(windows) > 1:
        times = [window.start_s for window in windows]
        rates = [window.answered / max(window.end_s - window.start_s, 1e-12) for window in windows]
        arrived = [window.arrived / max(window.end_s - window.start_s, 1e-12) for window in windows]
        yield _lines(
            "answered per second",
            times,
            [("used", rates), ("held", arrived)],
            "answered; dashed: arrived",
            run,
        )
        slow = [window.p99_s or 0.0 for window in windows]
        fast = [window.p50_s or 0.0 for window in windows]
        yield _lines("latency in seconds", times, [("held", slow), ("used", fast)], "p50; dashed: p99", run)


def _area(
    title: str, run: Run, series: Sequence[tuple[str, Sequence[float]]], words: str, least_top: float = 0.0
) -> str:
    return _lines(title, run.samples_s, series, words, run, least_top)


def _lines(
    title: str,
    times_s: Sequence[float],
    series: Sequence[tuple[str, Sequence[float]]],
    words: str,
    run: Run,
    least_top: float = 0.0,
) -> str:
    """Areas above the times, which are on one axis with the faults."""
    if not times_s:
        return ""
    last_s = max(run.duration_s, times_s[-1], 1e-9)
    top = max([least_top, *(max(values, default=0.0) for _, values in series)]) or 1.0
    shapes = [_band(fault, last_s) for fault in run.faults]
    for name, values in series:
        points = [
            f"{_x(t / last_s):.1f},{_y(value / top):.1f}" for t, value in zip(times_s, values, strict=True)
        ]
        shapes.append(
            f'<polygon class="{name}" points="{_x(times_s[0] / last_s):.1f},{_y(0):.1f} {" ".join(points)} '
            f'{_x(times_s[-1] / last_s):.1f},{_y(0):.1f}"/>'
        )
    peaks = ", ".join(f"{max(values, default=0.0):.4g}" for _, values in series)
    return _figure(title, f"{words}; at most {peaks}", shapes, f"{top:.4g}", "0 s", in_words(last_s))


def _band(fault: Fault, last_s: float) -> str:
    left = _x(min(fault.start_s / last_s, 1))
    right = left + 2 if fault.end_s is None else _x(min(fault.end_s / last_s, 1))
    what = escape(f"{fault.where}: {fault.what}")
    return (
        f'<rect class="band" x="{left:.1f}" y="{_TOP}" width="{max(right - left, 2):.1f}" '
        f'height="{_HEIGHT - _TOP - _BOTTOM}"><title>{what}</title></rect>'
    )


def _histogram(title: str, latency: Latencies) -> str:
    """Counts over a logarithmic axis, as the buckets are."""
    if not latency.histogram:
        return ""
    (least, _), (most, _) = latency.histogram[0], latency.histogram[-1]
    ratio = 2 ** (1 / BUCKETS_PER_DOUBLING)
    buckets = max(1, round(math.log(most / least, ratio)) + 1)
    top = max(number for _, number in latency.histogram)
    wide = (_WIDTH - _LEFT) / buckets
    shapes = [
        f'<rect class="bar" x="{_LEFT + round(math.log(bound / least, ratio)) * wide:.1f}" y="{_y(number / top):.1f}" '
        f'width="{max(wide - 0.5, 0.8):.1f}" height="{_y(0) - _y(number / top):.1f}"><title>up to '
        f"{escape(in_words(bound))}: {number}</title></rect>"
        for bound, number in latency.histogram
    ]
    told = ", ".join(f"{name} {in_words(value)}" for name, value in latency.quantiles_s.items())
    return _figure(
        f"{title}: {latency.count:,}", told, shapes, str(top), in_words(least / ratio), in_words(most)
    )


def _figure(title: str, words: str, shapes: Sequence[str], top: str, first: str, last: str) -> str:
    label = escape(f"{title}: {words}", quote=True)
    return (
        f'<div class="plot"><h3>{escape(title)}</h3><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" '
        f'role="img" aria-label="{label}">{"".join(shapes)}'
        f'<text x="2" y="{_TOP + 8}">{escape(top)}</text><text x="{_LEFT}" y="{_HEIGHT - 4}">{escape(first)}</text>'
        f'<text x="{_WIDTH - 2}" y="{_HEIGHT - 4}" text-anchor="end">{escape(last)}</text></svg>'
        f'<div class="legend">{escape(words)}</div></div>\n'
    )


def _x(share: float) -> float:
    return _LEFT + share * (_WIDTH - _LEFT)


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

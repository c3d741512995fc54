"""Small pictures of a run, as SVG: queues, uses of resources, latencies, requests. Words and numbers say the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape

from simactors.exploration.quantities import in_words
from simactors.scenarios.latencies import BUCKETS_PER_DOUBLING
from simactors.scenarios.result import Fault, Latencies, Run

_WIDTH, _HEIGHT = 380, 110
_LEFT, _BOTTOM, _TOP = 0, 2, 2
_MOST_USES = 24
_MOST_METHODS = 24
_BANDS = "bands"

_Series = tuple[str, str, Sequence[float]]
"""How it is drawn, ``used`` or dashed as ``held``; what it is; its values."""


def of_run(run: Run) -> str:
    """All of them, in groups; empty if there is nothing to draw."""
    last_s = _last_s(run)
    requests = []
    if run.requests is not None:
        requests = [_histogram("requests", run.requests.latency), *_requests(run, last_s)]
    taken = [use for use in run.uses if any(use.reserved) or any(use.used)]
    groups = [
        ("Requests", requests),
        (
            "Calls that wait at actors",
            [
                _lines(
                    queue.class_name,
                    run.samples_s,
                    [("used", "at all", queue.waiting), ("held", "at the one with the most", queue.longest)],
                    last_s,
                )
                for queue in run.queues
                if any(queue.waiting)
            ],
        ),
        (
            "Resources",
            [
                _lines(
                    f"{use.resource} of {use.node}, {use.total:g} in all",
                    run.samples_s,
                    [("held", "reserved", use.reserved), ("used", "used", use.used)],
                    last_s,
                    least_top=1.0,
                    value=_percent,
                )
                for use in taken[:_MOST_USES]
            ],
        ),
        (
            "Latency of calls",
            [_histogram(method.name, method.latency) for method in run.methods[:_MOST_METHODS]],
        ),
    ]
    remarks = {
        "Resources": _not_drawn(len(taken), _MOST_USES, len(run.uses) - len(taken)),
        "Latency of calls": _not_drawn(len(run.methods), _MOST_METHODS),
    }
    found = "\n".join(
        f'<h2>{name}</h2>\n{remarks.get(name, "")}<div class="plots">\n{"".join(found)}</div>'
        for name, found in groups
        if any(found) or remarks.get(name)
    )
    return _bands(run.faults, last_s) + found if found else ""


def _not_drawn(number: int, most: int, unused: int = 0) -> str:
    """What a reader would look for in vain."""
    told = [f"the first {most} of {number} are drawn"] if number > most else []
    told += [f"{unused} of which nothing was ever taken are left out"] if unused else []
    return f'<p class="size">{"; ".join(told)}</p>\n' if told else ""


def _last_s(run: Run) -> float:
    """Where all axes of time end, so that the faults are at the same places on each."""
    windows = [] if run.requests is None else run.requests.windows
    starts_s = [window.start_s for window in windows]
    return max(run.duration_s, 1e-9, *run.samples_s[-1:], *starts_s[-1:])


def _requests(run: Run, last_s: float) -> Iterable[str]:
    assert run.requests is not None
    windows = run.requests.windows
    if len(windows) > 1:
        times = [window.start_s for window in windows]
        rates = [window.answered / max(window.end_s - window.start_s, 1e-12) for window in windows]
        arrived = [window.arrived / max(window.end_s - window.start_s, 1e-12) for window in windows]
        yield _lines(
            "answered per second",
            times,
            [("used", "answered", rates), ("held", "arrived", arrived)],
            last_s,
            value=_rate,
        )
        slow = [window.p99_s or 0.0 for window in windows]
        fast = [window.p50_s or 0.0 for window in windows]
        yield _lines("latency", times, [("held", "p99", slow), ("used", "p50", fast)], last_s, value=in_words)


def _number(value: float) -> str:
    return f"{value:.4g}"


def _rate(value: float) -> str:
    return f"{value:.4g}/s"


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %"


def _lines(
    title: str,
    times_s: Sequence[float],
    series: Sequence[_Series],
    last_s: float,
    *,
    least_top: float = 0.0,
    value: Callable[[float], str] = _number,
) -> str:
    """Areas above the times, which are on one axis with the faults.

    Args:
        last_s: where that axis ends; see `_last_s`.
        least_top: the axis goes up to that at least.
        value: says a value with its unit.
    """
    if not times_s:
        return ""
    top = max([least_top, *(max(values, default=0.0) for _, _, values in series)]) or 1.0
    shapes = [f'<use href="#{_BANDS}"/>']
    for kind, _, values in series:
        points = [
            f"{_x(t / last_s):.1f},{_y(value / top):.1f}" for t, value in zip(times_s, values, strict=True)
        ]
        shapes.append(
            f'<polygon class="{kind}" points="{_x(times_s[0] / last_s):.1f},{_y(0):.1f} {" ".join(points)} '
            f'{_x(times_s[-1] / last_s):.1f},{_y(0):.1f}"/>'
        )
    words = "; ".join(
        f"{'dashed: ' if kind == 'held' else ''}{name}, at most {value(max(values, default=0.0))}"
        for kind, name, values in sorted(series, key=lambda each: each[0] == "held")
    )
    return _figure(title, words, shapes, value(top), "0 s", in_words(last_s))


def _bands(faults: Sequence[Fault], last_s: float) -> str:
    """Those of all faults, once: each picture refers to them."""
    # Not `display: none`, with which some browsers also hide what refers to it.
    shapes = "".join(_band(fault, last_s) for fault in faults)
    return (
        '<svg width="0" height="0" style="position:absolute" aria-hidden="true">'
        f'<defs><g id="{_BANDS}">{shapes}</g></defs></svg>\n'
    )


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
        f'<div class="plot"><h3>{escape(title)}</h3><div class="axes"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'preserveAspectRatio="none" role="img" aria-label="{label}">{"".join(shapes)}</svg>'
        # Beside the drawing, which is stretched to the width of the page: letters must not be.
        f'<span class="top">{escape(top)}</span><span class="first">{escape(first)}</span>'
        f'<span class="last">{escape(last)}</span></div><div class="legend">{escape(words)}</div></div>\n'
    )


def _x(share: float) -> float:
    return _LEFT + share * (_WIDTH - _LEFT)


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

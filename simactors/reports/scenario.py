"""Results of scenarios for a reader: a summary, the points of a sweep, two results side by side; and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from simactors.exploration.quantities import in_words
from simactors.reports.text import count
from simactors.scenarios import metrics
from simactors.scenarios.compare import Compared, PointPair
from simactors.scenarios.result import Check, Estimate, Point, Result, Run

_SHOWN_QUANTILES = ("p50", "p95", "p99")
_MOST_METHODS = 20


def summary(result: Result) -> str:
    """What a scenario came to."""
    parts = [_heading(result)]
    if len(result.points) == 1:
        parts += _point(result.points[0])
    elif result.points:
        parts += [_sweep(result.points)]
        parts += [_failed_checks(point.runs, swept_in_words(point.swept)) for point in result.points]
    parts.append(_verdict(result))
    return "\n\n".join(filter(None, parts))


def _heading(result: Result) -> str:
    runs = [run for point in result.points for run in point.runs]
    made = f"{count(len(runs), 'run')} on {result.backend}"
    if len(result.points) > 1:
        made += f", {count(len(result.points), 'point')} of a grid"
    return f"{title(result)}\n{made} in {result.wall_s:.1f} s"


def title(result: Result) -> str:
    """What it is called, in one line."""
    return f"{result.scenario}: {result.title}" if result.title else result.scenario


def _point(point: Point) -> list[str]:
    return [
        _figures(point),
        _latencies(point),
        _queues(point),
        _uses(point),
        _totals(point),
        _checks(point.runs),
    ]


def _figures(point: Point) -> str:
    rows = [
        (name, estimate(name, point.metrics[name]))
        for name in ("throughput", "availability", "duration")
        if name in point.metrics
    ]
    return table((), rows)


def _latencies(point: Point) -> str:
    """Requests first, then every method; the mean over seeds, with the half of the interval."""
    names = [name.removesuffix(" p50") for name in point.metrics if name.endswith(" p50")]
    rows = []
    for name in names[: _MOST_METHODS + 1]:
        calls = point.metrics.get(f"{name} calls")
        number = sum(run.requests.arrived for run in point.runs if run.requests) if calls is None else None
        how_many = f"{number:,}" if number is not None else f"{sum(calls.values):,.0f}" if calls else ""
        cells = [latency(point, name, each) for each in (*_SHOWN_QUANTILES, "max")]
        rows.append(("requests" if name == "latency" else name, how_many, *cells))
    if len(names) > _MOST_METHODS + 1:
        rows.append((f"... {len(names) - _MOST_METHODS - 1} more", "", *[""] * 4))
    return table(("latency", "number", *_SHOWN_QUANTILES, "max"), rows)


def latency(point: Point, name: str, quantile: str) -> str:
    """A quantile, or the ``max``, of requests (``latency``), or of a method or task, whether it is a metric or not."""
    told = point.metrics.get(f"{name} {quantile}") or metrics.quantile_of(point.runs, name, quantile)
    return "" if told is None else estimate(f"{name} {quantile}", told)


def _queues(point: Point) -> str:
    names = [
        name.removeprefix("queue ").removesuffix(" max")
        for name in point.metrics
        if name.startswith("queue ") and name.endswith(" max")
    ]
    rows = [
        (name, *(estimate(each, point.metrics[each]) for each in (f"queue {name} max", f"queue {name} mean")))
        for name in names
        if point.metrics[f"queue {name} max"].mean > 0 and f"queue {name} mean" in point.metrics
    ]
    return table(("calls waiting at", "most at one", "mean, all"), rows)


def _uses(point: Point) -> str:
    resources = [name.removeprefix("reserved ") for name in point.metrics if name.startswith("reserved ")]
    rows = [
        (
            resource,
            *(
                estimate(each, point.metrics[each])
                for each in (f"utilization {resource}", f"reserved {resource}")
            ),
        )
        for resource in resources
    ]
    return table(("resource", "used", "reserved"), rows)


def _totals(point: Point) -> str:
    names = {
        "faults": ("fault", "faults"),
        "deaths": ("death of a process", "deaths of processes"),
        "restarts": ("restart", "restarts"),
        "retries": ("retry", "retries"),
        "lost": ("lost attempt", "lost attempts"),
    }
    sums = {name: sum(point.metrics[name].values) for name in names if name in point.metrics}
    told = [
        f"{number:,.0f} {names[name][0 if number == 1 else 1]}" for name, number in sums.items() if number
    ]
    return f"over all runs: {', '.join(told)}" if told else ""


def _checks(runs: Sequence[Run]) -> str:
    """Each check with how often it has failed, and how for the first time."""
    return _section("checks", [_failed(each) or _held(each) for each in _by_check(runs)])


def _failed_checks(runs: Sequence[Run], where: str) -> str:
    return _section(where, [line for each in _by_check(runs) if (line := _failed(each))])


def _by_check(runs: Sequence[Run]) -> list[list[tuple[Run, Check]]]:
    found: dict[str, list[tuple[Run, Check]]] = {}
    for run in runs:
        for check in run.checks:
            found.setdefault(check.name, []).append((run, check))
    return list(found.values())


def _failed(found: Sequence[tuple[Run, Check]]) -> str:
    """How one check has failed; empty if it has not."""
    bad = [(run, check) for run, check in found if check.has_failed]
    if not bad:
        return ""
    check = bad[0][1]
    return f"{check.status.upper():<8} {check.name}{_how(bad, len(found))}"


def _held(found: Sequence[tuple[Run, Check]]) -> str:
    check = found[0][1]
    why = f": {check.message}" if check.status == "unmeasured" else ""
    return f"{check.status:<8} {check.name}{why}"


def _section(head: str, lines: Sequence[str]) -> str:
    """Lines below their heading; empty without lines."""
    return "\n".join([head, *(f"  {line}" for line in lines)]) if lines else ""


def _how(bad: Sequence[tuple[Run, Check]], of: int) -> str:
    run, check = bad[0]
    times = "" if of == 1 else f" in {len(bad)} of {of} runs"
    when = "" if check.broke_at_s is None else f", at {in_words(check.broke_at_s)}"
    message = check.message.splitlines()[0] if check.message else ""
    return f"{times}: {message} (seed {run.seed}{when})"


def _sweep(points: Sequence[Point]) -> str:
    names = list(points[0].swept)
    shown = [
        name
        for name in ("throughput", "availability", "latency p50", "latency p99")
        if any(name in point.metrics for point in points)
    ] or ["duration"]
    shown += dict.fromkeys(
        name for point in points for name in point.metrics if name.startswith("utilization ")
    )
    rows = [
        (
            *(str(point.swept[name]) for name in names),
            *(estimate(name, point.metrics[name]) if name in point.metrics else "" for name in shown),
            point.verdict,
        )
        for point in points
    ]
    return table((*names, *(name.replace("utilization", "used") for name in shown), "verdict"), rows)


def swept_in_words(swept: Mapping[str, Any]) -> str:
    """The values that make a point of a grid."""
    return ", ".join(f"{name} = {value}" for name, value in swept.items())


def _verdict(result: Result) -> str:
    failed = [run for point in result.points for run in point.runs if not run.has_passed]
    lines = []
    if failed and not result.as_expected:
        lines += _failure(failed[0])
    told = "failed" if failed else "passed"
    if result.interrupted:
        lines.append("STOPPED before all runs were made: it has neither passed nor failed")
    elif result.expect == "any":
        passed = [point for point in result.points if point.verdict == "passed"]
        lines.append(
            f"{told}; nothing was expected" if len(result.points) == 1 else _which(passed, result.points)
        )
    elif result.as_expected:
        lines.append(f"{told}, as expected")
    else:
        wanted = {"passes": "every run was to pass", "fails": "at least one run of each point was to fail"}
        because = f", because: {result.because}" if result.because else ""
        lines.append(f"{told.upper()}: {wanted[result.expect]}{because}")
    return "\n".join(lines)


def _which(passed: Sequence[Point], points: Sequence[Point]) -> str:
    if not passed:
        return f"none of the {len(points)} points passes"
    return f"passes with {'; '.join(swept_in_words(point.swept) for point in passed)}"


def _failure(run: Run) -> list[str]:
    """The first failing run: what it printed last, what it raised, how to see it again."""
    lines = [f"seed {run.seed}:"]
    lines += [f"  | {line}" for line in run.output[-10:]]
    lines += [f"  {line}" for line in run.traceback.splitlines()]
    if run.repro:
        lines += ["to see exactly this run again:", f"  simactors replay {run.repro}"]
    return [*lines, ""]


def comparison(before: Result, after: Result, pairs: Sequence[PointPair]) -> str:
    """Two results side by side."""
    parts = [f"{_side('A', before)}\n{_side('B', after)}"]
    for pair in pairs:
        if len(pairs) > 1:
            parts.append(swept_in_words(pair.swept))
        parts.append(table(("metric", "A", "B", "B - A", "", "p"), [_row(metric) for metric in pair.metrics]))
        parts.append(_in_words(pair.metrics))
        for side, names in (("A", pair.only_before), ("B", pair.only_after)):
            if names:
                parts.append(f"only {side} has {', '.join(names)}")
    for side, result in (("A", before), ("B", after)):
        if len(result.points) > len(pairs):
            left_out = count(len(result.points) - len(pairs), "point")
            parts.append(f"not compared, as the other one has none like it: {left_out} of {side}")
    return "\n\n".join(parts)


def _side(name: str, result: Result) -> str:
    stopped = " (stopped before all runs were made)" if result.interrupted else ""
    return f"{name}: {result.scenario} on {result.backend}{stopped}"


def _row(metric: Compared) -> tuple[str, ...]:
    difference = metric.difference
    interval = ""
    if difference.low is not None and difference.high is not None:
        interval = f"[{value(metric.name, difference.low)}, {value(metric.name, difference.high)}]"
    p = "" if difference.p is None else f"{difference.p:.2g}"
    return (
        f"{'* ' if metric.is_significant else ''}{metric.name}",
        value(metric.name, metric.before.mean),
        value(metric.name, metric.after.mean),
        value(metric.name, difference.difference, signed=True),
        interval,
        p,
    )


def _in_words(compared: Sequence[Compared]) -> str:
    if all(metric.is_significant is None for metric in compared):
        return "with a single seed, nothing says whether a difference is more than chance: run more seeds"
    lines = [_sentence(metric) for metric in compared if metric.is_significant]
    if not lines:
        return "no difference is significant"
    return "* significant (95 % over all metrics together):\n" + "\n".join(f"  {line}" for line in lines)


def _sentence(metric: Compared) -> str:
    relative, difference = metric.relative, metric.difference.difference
    way = "higher" if difference > 0 else "lower"
    by = f"{abs(relative):.1%}" if relative is not None else value(metric.name, abs(difference))
    return (
        f"{metric.name} is {by} {way} in B: {value(metric.name, metric.before.mean)} -> "
        f"{value(metric.name, metric.after.mean)}"
    )


def estimate(name: str, told: Estimate) -> str:
    """A metric over seeds, as its mean and half of its interval."""
    mean = value(name, told.mean)
    if told.low is None or told.high is None:
        return mean
    half = (told.high - told.low) / 2
    return f"{mean} ±{value(name, half)}" if half > abs(told.mean) * 1e-9 else mean


def value(name: str, number: float, *, signed: bool = False) -> str:
    """A value of a metric, with its unit."""
    sign = "+" if signed and number > 0 else ""
    if metrics.is_duration(name):
        return sign + in_words(number)
    if metrics.is_share(name):
        return f"{sign}{number * 100:.4g} %"
    unit = "/s" if name == "throughput" else ""
    return f"{sign}{number:,.4g}{unit}" if abs(number) < 1e4 else f"{sign}{number:,.0f}{unit}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns, the first to the left, all others to the right; empty without rows."""
    if not rows:
        return ""
    lines = [heads, *rows] if heads else list(rows)
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def as_csv(result: Result) -> str:
    """A line for each run: what was swept, its seed, its outcome, its metrics."""
    points = [(point, run, metrics.of_run(run)) for point in result.points for run in point.runs]
    swept = list(dict.fromkeys(name for point in result.points for name in point.swept))
    names = list(dict.fromkeys(name for _, _, found in points for name in found))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*swept, "seed", "outcome", *names])
    rows: Iterable[list[Any]] = (
        [
            *(point.swept.get(name) for name in swept),
            run.seed,
            run.outcome,
            *(found.get(name) for name in names),
        ]
        for point, run, found in points
    )
    writer.writerows(rows)
    return text.getvalue()

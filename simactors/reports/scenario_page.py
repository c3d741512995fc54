"""What a scenario came to as one HTML file that needs nothing else: figures over all runs, and one run to look into.

The file holds the result and, of the run that is shown, its timeline; `scenario_page.js` draws that. Everything else is
words, tables and pictures that are there without a script. The pictures are `plots.py`'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources
from typing import NamedTuple

from simactors.exploration.quantities import in_words
from simactors.reports import mermaid, plots
from simactors.reports.scenario import estimate, latency, swept_in_words, title
from simactors.reports.text import count
from simactors.scenarios.latencies import QUANTILES
from simactors.scenarios.result import Point, Result, Run
from simactors.scenarios.timeline import Timeline, as_fields

_TENTHS = 1e7  # of a microsecond in a second: what the script reckons in
_MOST_METHODS = 40


class Shown(NamedTuple):
    """The run that is looked into.

    Attributes:
        timeline: None if nothing has recorded what ran where.
        remark: why that is so, if it is worth a word.
    """

    point: Point
    run: Run
    timeline: Timeline | None
    remark: str = ""


def choose(result: Result) -> tuple[Point, Run] | None:
    """The run to look into: the first that failed, or else the first; None if there is none."""
    runs = [(point, run) for point in result.points for run in point.runs]
    return next((pair for pair in runs if not pair[1].has_passed), runs[0] if runs else None)


def html(result: Result, shown: Shown | None) -> str:
    """The page."""
    heading = escape(title(result))
    parts = [
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{heading}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>\n{_file('scenario_page.css')}</style>\n</head>\n<body>",
        f"<h1>{heading}</h1>",
        _verdict(result),
        _sweep(result.points) if len(result.points) > 1 else "",
    ]
    if shown is not None:
        parts += [_figures(shown.point), *_run(shown, result), _data(shown)]
    parts.append("</body>\n</html>\n")
    page = "\n".join(filter(None, parts))
    return page.encode("utf-8", "backslashreplace").decode()  # a message may hold what no file can


def _verdict(result: Result) -> str:
    runs = [run for point in result.points for run in point.runs]
    failed = sum(not run.has_passed for run in runs)
    told = f"{failed} of {count(len(runs), 'run')} failed"
    if not failed:
        told = "the run passed" if len(runs) == 1 else f"all {len(runs)} runs passed"
    wanted = {"passes": "every run was to pass", "fails": "a run of each point was to fail"}
    good = " good" if result.as_expected else ""
    words = "nothing was expected"
    if result.expect != "any":
        words = f"{'' if result.as_expected else 'NOT '}as expected ({wanted[result.expect]})"
    if result.interrupted:
        words = "stopped before all runs were made, so it has neither passed nor failed"
    made = f"{count(len(runs), 'run')} on {escape(result.backend)}, {result.wall_s:.1f} s by the clock on the wall"
    return f'<p class="size">{made}</p>\n<p class="verdict{good}">{told}: {words}</p>'


def _sweep(points: Sequence[Point]) -> str:
    names = list(points[0].swept)
    found = dict.fromkeys(name for point in points for name in point.metrics)
    metrics: list[str] = [
        name
        for name in ("throughput", "availability", "latency p50", "latency p99", "duration")
        if name in found
    ]
    metrics += [name for name in found if name.startswith("utilization ")]
    rows = [
        [
            *(escape(str(point.swept[name])) for name in names),
            *(
                escape(estimate(name, point.metrics[name])) if name in point.metrics else ""
                for name in metrics
            ),
            _status("passed" if point.verdict == "passed" else "failed", point.verdict),
        ]
        for point in points
    ]
    return f"<h2>The grid</h2>\n{_table([*names, *metrics, 'verdict'], rows)}"


def _figures(point: Point) -> str:
    """Over all seeds of the point."""
    methods = [name.removesuffix(" p50") for name in point.metrics if name.endswith(" p50")]
    plain = [
        [escape(name), escape(estimate(name, told))]
        for name, told in point.metrics.items()
        if not any(name.startswith(f"{method} ") for method in methods)
    ]
    found = {name.rpartition(" ")[2] for name in point.metrics}
    quantiles = [name for name in QUANTILES if name in found]
    latencies = [
        [
            escape("requests" if method == "latency" else method),
            *(escape(latency(point, method, each)) for each in quantiles),
        ]
        for method in methods[:_MOST_METHODS]
    ]
    seeds = f"mean over {count(len(point.runs), 'seed')}"
    if len(point.runs) > 1:
        seeds += " and half of the 95 % interval"
    where = swept_in_words(point.swept)
    return (
        f"<h2>Figures{f' with {escape(where)}' if where else ''}</h2>\n"
        f"{_table(['latency', *quantiles], latencies, words=(0,))}\n"
        f"<details><summary>All other figures</summary>{_table(['', seeds], plain)}</details>"
    )


def _run(shown: Shown, result: Result) -> Iterable[str]:
    point, run, timeline, remark = shown
    yield f'<h2>The run with seed {run.seed}</h2>\n<p class="size">{_size(run)}</p>'
    yield _checks(point.runs, run)
    if run.repro:
        command = f"simactors replay {run.repro}"
        yield _folded("See exactly this run again", "command", command, is_open=True)
    yield _file("timeline.html") if timeline is not None else ""
    yield f'<p class="verdict">{escape(remark)}</p>' if remark else ""
    yield _faults(run)
    yield plots.of_run(run)
    if timeline is not None and (diagram := mermaid.text(run, timeline)) is not None:
        yield _folded("As a Mermaid diagram", "mermaid", diagram)
    if run.traceback:
        yield _folded("Traceback", "output", run.traceback, is_open=True)
    if run.output:
        yield _folded("What it printed last", "output", "\n".join(run.output))


def _size(run: Run) -> str:
    parts = [f"{in_words(run.duration_s)} of its own time"]
    parts += [count(run.totals.calls, "call")] if run.steps or run.samples_s else []
    parts += [f"{run.steps:,} steps"] if run.steps else []
    parts += [f"digest <code>{escape(run.digest[:16])}</code>"] if run.digest else []
    return ", ".join(parts)


def _checks(runs: Sequence[Run], run: Run) -> str:
    rows = []
    for check in run.checks:
        failed = [
            each.seed for each in runs for one in each.checks if one.name == check.name and one.has_failed
        ]
        seeds = "" if len(runs) == 1 else f"{len(failed)} of {len(runs)}"
        rows.append(
            [
                _status(check.status, check.status),
                escape(check.name),
                _words(check.message),
                _moment(check.broke_at_s),
                seeds,
            ]
        )
    heads = ["", "check", "why", "broke at", "" if len(runs) == 1 else "seeds that fail"]
    return _table(heads, rows, words=(1, 2))


def _moment(time_s: float | None) -> str:
    """A button that shows it in the timeline."""
    if time_s is None:
        return ""
    at = f'data-at="{round(time_s * _TENTHS)}"'
    return f'<button class="moment" {at} title="show it in the timeline">{escape(in_words(time_s))}</button>'


def _folded(title: str, kind: str, text: str, *, is_open: bool = False) -> str:
    opened = " open" if is_open else ""
    return f'<details{opened}><summary>{title}</summary><pre class="{kind}">{escape(text)}</pre></details>'


def _faults(run: Run) -> str:
    rows = [
        [
            escape(fault.where),
            _words(fault.what),
            _moment(fault.start_s),
            "" if fault.end_s is None else escape(in_words(fault.end_s)),
        ]
        for fault in run.faults
    ]
    table = _table(["where", "what", "from", "to"], rows, words=(1,))
    return f"<h2>What went wrong on purpose, and what died of it</h2>\n{table}" if rows else ""


def _data(shown: Shown) -> str:
    faults = [
        {
            "start": round(fault.start_s * _TENTHS),
            "end": None if fault.end_s is None else round(fault.end_s * _TENTHS),
        }
        for fault in shown.run.faults
    ]
    data = {"timeline": None if shown.timeline is None else as_fields(shown.timeline), "faults": faults}
    # Names are the user's: none of them may end the element, or keep the browser from seeing its end.
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="data">{text}</script>\n<script>\n{_file("scenario_page.js")}</script>'


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], words: Sequence[int] = ()) -> str:
    """A table; empty without rows.

    Args:
        rows: of HTML.
        words: the columns that hold sentences.
    """
    if not rows:
        return ""
    head = "".join(
        f'<th class="words">{escape(name)}</th>' if n in words else f"<th>{escape(name)}</th>"
        for n, name in enumerate(heads)
    )
    body = "\n".join(
        "<tr>"
        + "".join(
            f'<td class="words">{cell}</td>' if n in words else f"<td>{cell}</td>"
            for n, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'


def _status(status: str, words: str) -> str:
    sign = {"passed": "✓", "failed": "✗", "unknown": "?", "unmeasured": "-"}[status]
    return f'<span class="status {status}">{sign} {escape(words)}</span>'


def _words(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _file(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")

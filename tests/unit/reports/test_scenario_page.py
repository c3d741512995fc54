"""The page of a scenario, as text; what a browser makes of it, `tests/end_to_end/test_reports.py` looks at."""

from __future__ import annotations

import json

from simactors.reports import scenario_page
from simactors.reports.scenario_page import Shown
from simactors.scenarios.result import Check, Point, Result, Run, Status
from simactors.scenarios.timeline import Row, Timeline

STATUSES: tuple[Status, ...] = ("failed", "unknown", "passed")


def page_of(*runs: Run, timeline: Timeline | None = None, interrupted: bool = False) -> str:
    point = Point(swept={}, runs=list(runs), verdict="passed")
    result = Result(
        scenario="s",
        title="",
        backend="sim",
        expect="passes",
        as_expected=not interrupted,
        points=[point],
        interrupted=interrupted,
    )
    return scenario_page.html(result, Shown(point, runs[0], timeline))


def test_no_name_can_end_the_data_or_keep_it_from_ending() -> None:
    """``<!--<script>`` makes a browser look past the next end of a script."""
    names = ["</script>", "<!--<script>"]
    rows = [Row(name=name, process=f"actor-{n}", node="node-1") for n, name in enumerate(names)]
    page = page_of(Run(seed=0, outcome="passed"), timeline=Timeline(rows=rows, labels=[]))
    data = page.partition('<script type="application/json" id="data">')[2].partition("</script>")[0]
    assert "<" not in data
    assert [row[0] for row in json.loads(data)["timeline"]["rows"]] == names


def test_runs_that_were_stopped_have_neither_passed_nor_failed() -> None:
    page = page_of(Run(seed=0, outcome="passed"), interrupted=True)
    assert "all 1 run passed: stopped before all runs were made" in page
    assert "NOT as expected" not in page


def test_a_judge_without_a_verdict_counts_among_the_seeds_that_fail() -> None:
    runs = [
        Run(seed=seed, outcome="failed", checks=[Check(name="linearizable", kind="history", status=status)])
        for seed, status in enumerate(STATUSES)
    ]
    assert "<td>2 of 3</td>" in page_of(*runs)

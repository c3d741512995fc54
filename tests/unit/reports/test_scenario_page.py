"""The page of a scenario and its pictures: words and numbers that are there without a browser."""

from __future__ import annotations

import json
import re

import pytest

from simactors.reports import plots, scenario_page
from simactors.reports import scenario as report
from simactors.reports.scenario_page import Shown
from simactors.scenarios import metrics
from simactors.scenarios.latencies import summed_up
from simactors.scenarios.result import (
    Check,
    Fault,
    Method,
    Point,
    Requests,
    Result,
    Run,
    Status,
    Totals,
    Use,
    Window,
)
from simactors.scenarios.timeline import Row, Timeline


def a_run(seed: int = 0, outcome: str = "passed", slowest_s: float = 0.25) -> Run:
    latency = summed_up([0.05, slowest_s])
    windows = [Window(start_s=n, end_s=n + 1, arrived=3, answered=2, p50_s=0.05, p99_s=0.25) for n in (0, 1)]
    return Run(
        seed=seed,
        outcome=outcome,
        steps=9,
        duration_s=2.0,
        wall_s=5.0,
        samples_s=[0.0, 1.0],
        requests=Requests(arrived=6, answered=4, measured_s=2.0, latency=latency, windows=windows),
        methods=[Method(name="Store.put", calls=2, latency=latency)],
        totals=Totals(calls=2, deaths=1, retries=1),
        uses=[
            Use(node="node-1", resource="GPU", total=2, reserved=[1.0, 1.0], used=[0.0, 0.25]),
            Use(node="node-2", resource="GPU", total=2, reserved=[0.0, 0.0], used=[0.0, 0.0]),
        ],
    )


def result(*runs: Run, expect: str = "passes", as_expected: bool = True) -> Result:
    point = Point(swept={}, runs=list(runs), verdict="passed", metrics=metrics.estimates(runs))
    return Result(
        scenario="s",
        title="",
        backend="sim",
        expect=expect,
        as_expected=as_expected,
        points=[point],
        wall_s=3.0,
    )


def legends(html: str) -> list[str]:
    return re.findall(r'<div class="legend">(.*?)</div>', html)


def test_a_picture_says_the_most_of_each_of_its_lines_with_its_unit() -> None:
    told = legends(plots.of_run(a_run()))
    assert "answered, at most 2/s; dashed: arrived, at most 3/s" in told
    assert "p50, at most 50 ms; dashed: p99, at most 250 ms" in told
    assert "used, at most 25 %; dashed: reserved, at most 100 %" in told


def test_many_faults_are_in_the_page_once_and_not_in_each_picture() -> None:
    run = a_run()
    run.faults = [
        Fault(kind="fault", where="network", what=f"cut <{n}>", start_s=n / 500, end_s=n / 500 + 0.5)
        for n in range(1000)
    ]
    html = plots.of_run(run)
    assert html.count("network: cut &lt;7&gt;") == 1
    lines = [plot for plot in html.split('<div class="plot">') if "<polygon" in plot]
    assert len(lines) == 3
    assert all('<use href="#bands"/>' in plot for plot in lines)
    assert html.count('id="bands"') == 1


def test_the_faults_are_at_the_same_places_in_pictures_that_end_at_other_times() -> None:
    run = a_run()
    run.faults = [Fault(kind="death", where="actor-1", what="it ended", start_s=2.0)]
    run.samples_s = [0.0, 4.0]  # the last sample is after the end of the run, and so after all windows
    html = plots.of_run(run)
    assert '<rect class="band" x="190.0"' in html
    assert html.count('<span class="last">4 s</span>') == 3


def test_resources_of_which_nothing_was_taken_are_named_and_not_drawn() -> None:
    html = plots.of_run(a_run())
    assert "GPU of node-1" in html
    assert "GPU of node-2" not in html
    assert "1 of which nothing was ever taken are left out" in html


def test_letters_are_not_stretched_with_the_drawing() -> None:
    assert "<text" not in plots.of_run(a_run())


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (result(a_run()), "the run passed: as expected (every run was to pass)"),
        (result(a_run(), a_run(1)), "all 2 runs passed: as expected (every run was to pass)"),
        (
            result(a_run(), a_run(1, "failed"), as_expected=False),
            "1 of 2 runs failed: NOT as expected (every run was to pass)",
        ),
        (result(a_run(), a_run(1, "failed"), expect="any"), "1 of 2 runs failed: nothing was expected"),
    ],
)
def test_the_verdict_does_not_contradict_itself(made: Result, words: str) -> None:
    assert words in scenario_page.html(made, None)


def test_each_quantile_of_a_method_has_its_interval() -> None:
    told = report.summary(result(a_run(slowest_s=0.2), a_run(1, slowest_s=0.3)))
    (row,) = (line for line in told.splitlines() if line.startswith("Store.put"))
    # Of two values the half of the interval is 12.706 times half of their difference.
    assert row.split("  ")[-3:] == ["250 ms ±635 ms"] * 3
    shown = scenario_page.Shown(result(a_run()).points[0], a_run(), None)
    row = scenario_page.html(result(a_run()), shown).partition(">Store.put<")[2].partition("</tr>")[0]
    assert row.count("<td") == 5
    assert "<td></td>" not in row


def test_the_heading_says_how_long_all_runs_took_and_not_the_sum_of_them() -> None:
    made = result(a_run(), a_run(1))
    assert "2 runs on sim in 3.0 s" in report.summary(made)
    assert "2 runs on sim, 3.0 s by the clock" in scenario_page.html(made, None)


def test_one_of_something_is_no_plural() -> None:
    assert "over all runs: 1 death of a process, 1 retry\n" in report.summary(result(a_run()))


def test_what_nobody_has_counted_is_not_told() -> None:
    """Steps are a simulation's; and who asks Ray itself for something is not seen to."""
    run = a_run()
    run.steps = 0
    made = result(run)
    shown = scenario_page.Shown(made.points[0], run, None)
    assert f"2 s of its own time, {run.totals.calls} calls</p>" in scenario_page.html(made, shown)
    run.samples_s = []
    assert "2 s of its own time</p>" in scenario_page.html(made, shown)


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
    assert "the run passed: stopped before all runs were made" in page
    assert "NOT as expected" not in page


def test_a_judge_without_a_verdict_counts_among_the_seeds_that_fail() -> None:
    runs = [
        Run(seed=seed, outcome="failed", checks=[Check(name="linearizable", kind="history", status=status)])
        for seed, status in enumerate(STATUSES)
    ]
    assert "<td>2 of 3</td>" in page_of(*runs)

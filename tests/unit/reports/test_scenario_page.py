"""The page of a scenario, as text; what a browser makes of it, `tests/end_to_end/test_reports.py` looks at."""

from __future__ import annotations

import json

from simactors.reports import scenario_page
from simactors.reports.scenario_page import Shown
from simactors.scenarios.result import Point, Result, Run
from simactors.scenarios.timeline import Row, Timeline


def test_no_name_can_end_the_data_or_keep_it_from_ending() -> None:
    """``<!--<script>`` makes a browser look past the next end of a script."""
    names = ["</script>", "<!--<script>"]
    rows = [Row(name=name, process=f"actor-{n}", node="node-1") for n, name in enumerate(names)]
    run = Run(seed=0, outcome="passed")
    point = Point(swept={}, runs=[run], verdict="passed")
    result = Result(scenario="s", title="", backend="sim", expect="passes", as_expected=True, points=[point])
    page = scenario_page.html(result, Shown(point, run, Timeline(rows=rows, labels=[])))
    data = page.partition('<script type="application/json" id="data">')[2].partition("</script>")[0]
    assert "<" not in data
    assert [row[0] for row in json.loads(data)["timeline"]["rows"]] == names

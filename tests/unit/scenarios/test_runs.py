"""Runs of a scenario: what is measured of a simulated one, what is judged, and what is made of many."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import os
from pathlib import Path

import pytest

from simactors.exceptions import TargetError
from simactors.exploration.scenario import Scenario, load
from simactors.reports import scenario as report
from simactors.scenarios import grid
from simactors.scenarios.compare import compare
from simactors.scenarios.latencies import quantile, summed_up
from simactors.scenarios.result import Check, Point, Result, Run, Totals, read

APP = """
import simactors as ray

@ray.remote(num_cpus=0, num_gpus=0.5, max_restarts=-1, max_task_retries=-1)
class Model:
    def predict(self, n):
        return n

def setup(replicas):
    return [Model.remote() for _ in range(replicas)]

def request(models, n):
    return models[n % len(models)].predict.remote(n)

def check(models, results):
    assert all(result.value == result.number for result in results), "a wrong answer"

def no_good(models):
    raise AssertionError("never good")

def tidy(models):
    raise OSError("nothing to tidy")
"""
SCENARIO = """
title = "models"
seeds = 2
[cluster]
nodes = [{ num_cpus = 4, num_gpus = 2 }]
latency = { low_s = 0.001, high_s = 0.001, jitter_s = 0 }
service_times = { "Model.predict" = { kind = "constant", value_s = 0.1 } }
[workload]
setup = "app.py:setup"
request = "app.py:request"
parameters = { replicas = 2 }
arrivals = { kind = "constant", rate = "10/s" }
requests = 40
[checks]
entries = ["app.py:check"]
objectives = ["p99 < 150ms", "utilization(GPU) > 0.2", "p50(Model.predict) < 0.11", "queue(Model) == 0"]
[variants.crash]
faults = [
  { kind = "crash_process", process = "Model#1", at_s = 1.05 },
  { kind = "pause", process = "Model#2", at_s = 2.0, for_s = 0.5 },
]
[variants.pauses]
faults = [
  { kind = "pause", node = "node-1", at_s = 2.0, for_s = 0.25 },
  { kind = "pause", process = "Model#2", at_s = 2.0, for_s = 0.5 },
]
[variants.slow]
expect = "fails"
because = "p99 < 150ms"
workload.parameters.replicas = 1
workload.arrivals.rate = "20/s"
[variants.other_reason]
expect = "fails"
because = "no such thing"
workload.parameters.replicas = 1
workload.arrivals.rate = "20/s"
[variants.checked]
expect = "fails"
checks = { entries = ["app.py:check", "app.py:no_good"], objectives = [] }
[variants.untidy]
expect = "fails"
workload.teardown = "app.py:tidy"
checks = { entries = ["app.py:no_good"], objectives = [] }
[variants.grid]
expect = "any"
sweep = { replicas = [1, 2], "workload.arrivals.rate" = ["5/s", "15/s"] }
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "scenario.toml").write_text(SCENARIO)
    return str(tmp_path / "scenario.toml")


def one_run(scenario: Scenario) -> Run:
    return grid.run(scenario, seeds=[0]).points[0].runs[0]


def checks(run: Run) -> dict[str, Check]:
    return {check.name: check for check in run.checks}


def test_a_run_is_measured_as_it_was(file: str) -> None:
    """Forty calls of 0.1 s each in 4 s, at two models with half a GPU each: everything can be computed by hand."""
    run = one_run(load(file))
    assert run.outcome == "passed"
    assert run.requests is not None
    assert (run.requests.arrived, run.requests.answered, run.requests.failed) == (40, 40, 0)
    (method,) = run.methods
    assert (method.name, method.calls, method.failed) == ("Model.predict", 40, 0)
    assert method.service.quantiles_s["p50"] == pytest.approx(0.1)
    assert method.latency.quantiles_s["p50"] == pytest.approx(0.102)
    assert run.requests.latency.mean_s == pytest.approx(0.102, abs=1e-6)
    uses = {use.resource: use for use in run.uses}
    assert uses["GPU"].total == 2
    assert uses["GPU"].reserved[-1] == pytest.approx(0.5)
    busy = sum(uses["GPU"].used) / len(run.samples_s)
    assert busy == pytest.approx(0.25, abs=0.02)  # half a GPU of two is at work nearly all the time
    cores = sum(uses["CPU"].used) / len(run.samples_s)
    assert cores == pytest.approx(0.25, abs=0.02)  # one of four
    assert sum(window.arrived for window in run.requests.windows) == 40
    assert 100 < len(run.samples_s) <= 512
    assert all(len(each) == len(run.samples_s) for use in run.uses for each in (use.used, use.reserved))


def test_throughput_is_that_of_the_whole_load_after_its_warm_up(file: str) -> None:
    """One request a second for 9 s, of which the first 2 s do not count: 7 in 7 s, and not 7 in the 6.1 s of theirs."""
    settings = (
        ("workload.arrivals.rate", "1/s"),
        ("workload.duration", "9s"),
        ("workload.warmup", "2s"),
    )
    run = one_run(load(file, settings=settings))
    assert run.requests is not None
    assert (run.requests.arrived, run.requests.measured_s) == (7, pytest.approx(7.0))
    behind = one_run(
        load(file, settings=(("workload.arrivals.rate", "100/s"), ("workload.duration", "300ms")))
    )
    assert (
        behind.requests is not None
    )  # thirty need fifteen times 0.1 s of two models, and no duration ends that
    assert behind.requests.measured_s == pytest.approx(1.5, abs=0.02)


def test_what_measures_no_request_has_not_passed(file: str) -> None:
    scenario = load(file, settings=(("workload.warmup", "10s"),))
    found = checks(one_run(scenario))
    assert found["every request is answered"].status == "failed"
    assert found["every request is answered"].message.startswith("there was none to measure")


def test_what_goes_wrong_is_told_with_its_beginning_and_its_end(file: str) -> None:
    run = one_run(load(file, "crash"))
    planned = [fault for fault in run.faults if fault.kind == "fault"]
    assert [(fault.what, fault.start_s) for fault in planned] == [
        ("its process crashes", pytest.approx(1.05)),
        ("its process stands still", pytest.approx(2.0)),
    ]
    assert planned[1].end_s == pytest.approx(2.5)
    assert [fault.kind for fault in run.faults].count("death") == 1
    assert (run.totals.restarts, run.totals.deaths, run.totals.faults) == (1, 1, 2)
    assert run.totals.retries == run.totals.lost == 1  # the call that was running


def test_pauses_that_begin_together_end_each_at_its_own_time(file: str) -> None:
    run = one_run(load(file, "pauses"))
    assert {fault.where: fault.end_s for fault in run.faults} == {"node-1": 2.25, "actor-2": 2.5}


def test_faults_that_last_are_told_with_their_end_also_if_the_run_is_over_before(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import simactors as ray, time\n"
        "@ray.remote\n"
        "def wait(): time.sleep(2)\n"
        "def main(): ray.get(wait.remote())\n"
    )
    (tmp_path / "scenario.toml").write_text(
        """
        workload.entry = "app.py:main"
        cluster.nodes = [{ num_cpus = 1, count = 3 }]
        faults = [
          { kind = "partition", groups = [["node-1"], ["node-2"]], at_s = 0.25, for_s = 0.5 },
          { kind = "slow_node", node = "node-2", factor = 2, at_s = 0.5, for_s = 0.25 },
          { kind = "slow_node", node = "node-2", factor = 3, at_s = 0.5, for_s = 60 },
          { kind = "slow_node", node = "node-1", factor = 4, at_s = 0.5 },
          { kind = "crash_node", node = "node-3", at_s = 1, back_after_s = 0.5 },
          { kind = "jump_clock", node = "node-2", by_s = 1, at_s = 1.25 },
        ]
        """
    )
    run = one_run(load(str(tmp_path / "scenario.toml")))
    told = {fault.what: (fault.where, fault.end_s) for fault in run.faults}
    assert told == {
        "partition node-1 | node-2": ("network", 0.75),
        "works 2 times as long": ("node-2", 0.75),
        "works 4 times as long": ("node-1", None),
        "works 3 times as long": ("node-2", 60.5),
        "the machine stops": ("node-3", 1.5),
        "its clock is set by +1s": ("node-2", None),
    }
    assert run.totals.faults == len(run.faults) == 6


def test_what_ends_as_its_program_wants_is_no_death(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import os\n"
        "import simactors as ray\n"
        "@ray.remote\n"
        "class One:\n"
        "    def leave(self): ray.actor.exit_actor()\n"
        "    def crash(self): os._exit(1)\n"
        "    def child(self): self.held = One.remote(); ray.get(self.held.__ray_ready__.remote())\n"
        "def main():\n"
        "    left, killed, dropped, parent = [One.remote() for _ in range(4)]\n"
        "    again = One.options(max_restarts=1).remote()\n"
        "    ray.get([one.__ray_ready__.remote() for one in (killed, again, dropped)] + [parent.child.remote()])\n"
        "    ray.wait([left.leave.remote()])\n"
        "    ray.kill(killed)\n"
        "    ray.kill(again, no_restart=False)\n"
        "    del dropped\n"
        "    ray.wait([parent.crash.remote()])\n"
        "    import time; time.sleep(1)\n"
    )
    (tmp_path / "scenario.toml").write_text('workload.entry = "app.py:main"\n')
    run = one_run(load(str(tmp_path / "scenario.toml")))
    assert [(fault.kind, fault.where) for fault in run.faults] == [("death", "actor-4")]
    assert (run.totals.deaths, run.totals.restarts) == (1, 1)


def test_names_of_the_users_choice_are_told_apart_from_those_of_metrics(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import simactors as ray\n"
        "@ray.remote(resources={'special hardware': 1})\n"
        "def latency(n): return n\n"
        "@ray.remote\n"
        "def reserved(n): return n\n"
        "def request(n): ray.get(latency.remote(n)); return reserved.remote(n)\n"
    )
    (tmp_path / "scenario.toml").write_text(
        "seeds = 1\n"
        "cluster.nodes = [{ num_cpus = 4, resources = { 'special hardware' = 1 } }]\n"
        "cluster.service_times.latency = { kind = 'constant', value_s = 0.1 }\n"
        "workload = { request = 'app.py:request', requests = 9, arrivals = { kind = 'constant', rate = '5/s' } }\n"
    )
    result = grid.run(load(str(tmp_path / "scenario.toml")))
    found = result.points[0].metrics
    assert found["latency p50"].mean > found["latency() p50"].mean > 0.1 > found["reserved() p50"].mean
    lines = [line.split("  ") for line in report.summary(result).splitlines()]
    assert {"requests", "latency()", "reserved()", "special hardware", "CPU"} <= {line[0] for line in lines}


def test_an_objective_that_is_missed_says_what_was_measured_and_since_when(file: str) -> None:
    run = one_run(load(file, "slow"))
    missed = checks(run)["p99 < 150ms"]
    assert missed.status == "failed"
    assert missed.measured == pytest.approx(40 * 0.1 - 39 * 0.05 + 0.002, abs=0.01)
    # Request n waits n * 0.05 s: the second is the first that is too late, and of forty not one may be.
    assert missed.broke_at_s == pytest.approx(0.2 + 0.002, abs=0.001)
    assert checks(run)["queue(Model) == 0"].status == "failed"
    assert run.outcome == "failed"


def test_a_variant_must_fail_for_the_reason_that_it_gives(file: str) -> None:
    assert grid.run(load(file, "slow"), seeds=[0]).as_expected
    assert not grid.run(load(file, "other_reason"), seeds=[0]).as_expected
    assert not grid.run(load(file, "checked"), seeds=[0]).points[0].runs[0].has_passed


def test_every_check_is_told_and_who_failed(file: str) -> None:
    run = one_run(load(file, "checked"))
    assert {name: check.status for name, check in checks(run).items()} == {
        "the program ends well": "passed",
        "check": "passed",
        "no_good": "failed",
        "every request is answered": "passed",
    }
    assert (run.kind, run.message) == ("AssertionError", "never good")


def test_a_program_that_fails_after_its_checks_has_failed_as_well(file: str) -> None:
    run = one_run(load(file, "untidy"))
    assert (run.kind, checks(run)["no_good"].status) == ("OSError", "failed")
    assert checks(run)["the program ends well"].message == "OSError: nothing to tidy"


def test_a_sweep_runs_every_combination_and_its_points_are_the_same_in_other_processes(file: str) -> None:
    here, there = (grid.run(load(file, "grid"), jobs=jobs) for jobs in (1, 2))
    swept = [(point.swept["replicas"], point.swept["workload.arrivals.rate"]) for point in here.points]
    assert swept == [(1, "5/s"), (1, "15/s"), (2, "5/s"), (2, "15/s")]
    assert [point.verdict for point in here.points] == ["failed", "failed", "failed", "passed"]
    digests = [[run.digest for point in result.points for run in point.runs] for result in (here, there)]
    assert digests[0] == digests[1]
    assert len(set(digests[0][::2])) == 4


class Impatient:
    """Presses Ctrl-C as soon as the first run is made."""

    def update(self, done: int, of: int, time_s: float, totals: Totals) -> None:
        if done:
            raise KeyboardInterrupt


def test_who_stops_a_sweep_does_not_wait_for_the_runs_that_go_on(file: str) -> None:
    app, end = Path(file).with_name("app.py"), Path(file).with_name("end")
    works = f"if replicas == 2:\n        sum(range(100_000_000))\n        open({str(end)!r}, 'w').close()"
    app.write_text(APP.replace("def setup(replicas):\n", f"def setup(replicas):\n    {works}\n"))
    result = grid.run(load(file, "grid"), seeds=[0], jobs=2, watch=Impatient())
    assert result.interrupted
    assert [point.swept["replicas"] for point in result.points] == [1]
    assert not end.exists()
    assert multiprocessing.active_children() == []


def test_service_times_that_nothing_had_are_told(file: str) -> None:
    """A misspelt name makes work take no time."""
    times = SCENARIO.replace(
        "service_times = {",
        'service_times = { "Model.predikt" = { kind = "constant", value_s = 1 }, '
        '"Mod*" = { kind = "constant", value_s = 1 }, "Model.__init__" = { kind = "constant", value_s = 1 },',
    )
    Path(file).write_text(times)
    scenario = load(file)
    result = grid.run(scenario, seeds=[0])
    assert grid.never_called(scenario, result) == {"Model.predikt": {"Model.predict"}}
    result.backend = "local"
    assert grid.never_called(scenario, result) == {}


def test_settings_change_a_parameter_or_a_key(file: str) -> None:
    scenario = load(
        file, settings=(("replicas", 4), ("cluster.nodes.0.num_cpus", 3), ("workload.requests", 5))
    )
    run = one_run(scenario)
    assert run.requests is not None
    assert run.requests.arrived == 5
    assert next(use.total for use in run.uses if use.resource == "CPU") == 3
    for name in ("workload.requets", "cluster.nodes.7.num_cpus", "clutser.num_cpus"):
        with pytest.raises(TargetError, match=name.rpartition(".")[2] if "requets" in name else name[:7]):
            load(file, settings=((name, 1),))


def test_a_result_is_the_same_after_a_journey_through_json(file: str, tmp_path: Path) -> None:
    result = grid.run(load(file), seeds=[3])
    assert Result.from_json(result.to_json()) == result
    (tmp_path / "r.json").write_bytes(b"what the program printed\n" + result.to_json() + b"\n")
    assert read(tmp_path / "r.json") == result
    for text in (b"", b"{}", b"[1]", result.to_json().replace(b'"version":1', b'"version":99')):
        (tmp_path / "r.json").write_bytes(text)
        with pytest.raises(ValueError, match=r"r\.json: it is"):
            read(tmp_path / "r.json")


def test_the_run_is_the_same_whether_it_is_measured_or_not(file: str) -> None:
    from simactors.exploration.recipe import Recipe

    scenario = load(file, "crash")
    plain = Recipe(program=scenario.points[0].program, seed=5).run()
    measured = grid.run(scenario, seeds=[5]).points[0].runs[0]
    assert (plain.digest, plain.steps) == (measured.digest, measured.steps)


def test_two_results_are_compared_seed_by_seed(file: str) -> None:
    before = grid.run(load(file), seeds=range(4))
    after = grid.run(load(file, settings=(("workload.arrivals.rate", "5/s"),)), seeds=range(4))
    (pair,) = compare(before, after)
    found = {metric.name: metric for metric in pair.metrics}
    assert found["throughput"].is_significant
    assert found["throughput"].is_paired
    assert found["throughput"].relative == pytest.approx(-0.5, abs=0.02)
    assert not found["availability"].is_significant
    text = report.comparison(before, after, [pair])
    assert "* throughput" in text
    assert "% lower in B" in text
    assert all(not metric.is_significant for metric in compare(before, before)[0].metrics)
    with_one = compare(grid.run(load(file), seeds=[0]), grid.run(load(file), seeds=[1]))
    assert "run more seeds" in report.comparison(before, after, with_one)
    before.interrupted = True
    assert report.comparison(before, after, with_one).startswith(
        f"A: {before.scenario} on sim (stopped before all runs were made)\nB: {after.scenario} on sim\n"
    )


def test_points_that_only_one_of_two_results_has_are_told(file: str) -> None:
    def result(*replicas: int) -> Result:
        points = [Point(swept={"replicas": n}, runs=[], verdict="passed") for n in replicas]
        return Result(scenario="s", title="", backend="sim", expect="any", as_expected=True, points=points)

    before, after = result(1, 2, 3), result(2, 3)
    text = report.comparison(before, after, compare(before, after))
    assert text.splitlines()[-1] == "not compared, as the other one has none like it: 1 point of A"


def ends(_: object) -> None:
    os._exit(1)


def test_a_process_that_is_killed_while_it_makes_runs_is_no_fault_of_ours(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grid, "_made_there", ends)
    with pytest.raises(TargetError, match="--jobs 1"):
        grid.run(load(file), jobs=2)


def test_csv_has_a_line_for_each_run(file: str) -> None:
    rows = list(csv.DictReader(io.StringIO(report.as_csv(grid.run(load(file, "grid"), jobs=1)))))
    assert len(rows) == 8
    assert [(row["replicas"], row["seed"]) for row in rows[:3]] == [("1", "0"), ("1", "1"), ("1", "0")]
    assert float(rows[0]["availability"]) == 1.0


def test_quantiles_are_values_that_were_seen() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [quantile(values, share) for share in (0.5, 0.99, 0.999, 0.001)] == [50.0, 99.0, 100.0, 1.0]
    assert quantile([7.0], 0.5) == 7.0
    summary = summed_up([0.001] * 99 + [0.1])
    assert (summary.quantiles_s["p99"], summary.max_s, summary.count) == (0.001, 0.1, 100)
    assert [count for _, count in summary.histogram] == [99, 1]
    assert all(
        low <= upper < low * 1.05 for (upper, _), low in zip(summary.histogram, (0.001, 0.1), strict=True)
    )


def test_the_json_is_plain(file: str) -> None:
    told = json.loads(grid.run(load(file), seeds=[0]).to_json())
    assert told["version"] == 1
    assert set(told["points"][0]["runs"][0]) >= {
        "seed",
        "digest",
        "methods",
        "uses",
        "faults",
        "checks",
        "repro",
    }

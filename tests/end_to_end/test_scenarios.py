"""The scenarios, and their bad siblings.

Goal: every scenario and every variant comes out as it says, for the reason that it gives; what a good program promises
holds under every fault file and many schedules, and whoever breaks the promise is caught within few seeds. Method: all
runs of each in this process; hunts for the schedules; the commands of each README, as they stand there, for what a user
types.
"""

from __future__ import annotations

import io
import json
import re
import shlex
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import pytest

from simactors.exploration import cluster_file
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Campaign, Quest
from simactors.exploration.runner import RunResult, run_simulated
from simactors.exploration.scenario import load
from simactors.exploration.target import Program, Target
from simactors.reports import scenario as report
from simactors.scenarios import grid
from tests.end_to_end.command import ROOT, Done, called

NAMES = sorted(path.parent.name for path in (ROOT / "scenarios").glob("*/app.py"))
UNBREAKABLE = {"ray_tutorial"}  # nothing in it can go wrong
SWEPT = ("model_serving", "sizing")
SEEDS = {"kv_store": 10, "model_serving": 4, "work_queue": 10}
CAMPAIGN = pytest.param(10, id="campaign", marks=pytest.mark.campaign)
"""So many times as many seeds."""
FAILS = "# fails"
_ALL_RUNS = re.compile(r"simactors run scenarios/(?P<name>\w+)(:(?P<variant>\w+))? *(#.*)?$")
FAULTS = " --faults "

# The bad program, the faults that show it, what it says; within so many seeds.
CAUGHT_BY_FAULTS = [
    ("kv_store:bad", "faults.toml", "older version", 20),
    ("kv_store:bad", "faults_twice.toml", "older version", 20),
    ("kv_store:bad", "faults_partition.toml", "older version", 20),
    ("model_serving:bad", "faults.toml", "requests without an answer", 3),
    ("model_serving:bad", "faults_processes.toml", "requests without an answer", 3),
    ("work_queue:bad_acknowledges_first", "faults.toml", "items were never processed", 5),
    ("work_queue:bad_acknowledges_first", "faults_calls.toml", "items were never processed", 5),
    ("work_queue:bad_without_key", "faults.toml", "items took effect more than once", 5),
    ("work_queue:bad_without_key", "faults_pause.toml", "items took effect more than once", 10),
    ("work_queue:bad_without_key", "faults_calls.toml", "items took effect more than once", 5),
]


def other_faults() -> list[tuple[str, str]]:
    """All but ``faults.toml``, which the commands of the READMEs use."""
    return [(name, path.name) for name in SEEDS for path in sorted(folder(name).glob("faults_*.toml"))]


def folder(scenario: str) -> Path:
    return ROOT / "scenarios" / scenario


def failure_of(program: str, seeds: int, faults: str | None = None) -> RunResult | None:
    """The first failing run of ``scenario:function`` under so many seeds."""
    quest = Quest(strategy="sampled")
    found = Campaign(program_of(program, faults), quest).run(Budget(runs=seeds)).findings
    return next((finding.result for finding in found.values()), None)


def program_of(program: str, faults: str | None = None) -> Program:
    """``scenario:function`` on the scenario's cluster."""
    scenario, _, function = program.partition(":")
    files = folder(scenario)
    plan = None if faults is None else str(files / faults)
    config, storm = cluster_file.load_world(str(files / "cluster.toml"), plan)
    return Program(Target.parse(f"{files / 'app.py'}:{function}"), cluster=config, faults=storm)


@cache
def commands() -> list[str]:
    """What the READMEs tell users to type."""
    lines = [line for name in NAMES for line in (folder(name) / "README.md").read_text().splitlines()]
    return [line for line in lines if line.startswith("simactors ")]


@cache
def variants() -> list[tuple[str, str]]:
    """Every scenario, as it stands and with each of its variants."""
    return [(name, variant) for name in NAMES for variant in load(file_of(name)).expects]


def file_of(scenario: str) -> str:
    return str(folder(scenario) / "scenario.toml")


def typed(command: str) -> Done:
    """What somebody sees who types it."""
    return called(*shlex.split(command, comments=True)[1:])


@pytest.fixture(scope="module")
def typed_elsewhere() -> Iterator[Callable[[str], Done]]:
    """The same in another process under another hash seed: one for all of them."""
    with pytest.MonkeyPatch.context() as patch, ProcessPoolExecutor(1, get_context("spawn")) as pool:
        patch.setenv("PYTHONHASHSEED", "7")
        yield lambda command: pool.submit(typed, command).result()


@pytest.mark.parametrize(("name", "variant"), [each for each in variants() if each != SWEPT])
def test_a_scenario_comes_out_as_it_says(name, variant):
    result = grid.run(load(file_of(name), variant), jobs=1)
    assert result.as_expected, report.summary(result)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in UNBREAKABLE])
def test_a_scenario_has_a_variant_that_is_known_to_be_bad_and_says_why(name):
    bad = [
        load(file_of(name), variant)
        for variant, expect in load(file_of(name)).expects.items()
        if expect == "fails"
    ]
    assert bad
    assert all(scenario.because for scenario in bad)


def test_the_sweep_over_replicas_says_how_many_are_enough():
    result = grid.run(load(file_of(SWEPT[0]), SWEPT[1]), jobs=1)
    assert result.as_expected
    verdicts = {point.swept["replicas"]: point.verdict for point in result.points}
    assert (verdicts[2], verdicts[6]) == ("failed", "passed")
    assert "passes with replicas = 3" in report.summary(result)


@pytest.mark.parametrize(("scenario", "faults"), other_faults())
@pytest.mark.parametrize("times", [1, CAMPAIGN])
def test_a_good_program_keeps_its_promise_under_every_fault(scenario, faults, times):
    failure = failure_of(f"{scenario}:good", times * SEEDS[scenario], faults)
    assert failure is None, failure


@pytest.mark.parametrize("scenario", SEEDS)
@pytest.mark.parametrize("times", [1, CAMPAIGN])
def test_a_good_program_keeps_its_promise_without_faults(scenario, times):
    failure = failure_of(f"{scenario}:good", times * SEEDS[scenario])
    assert failure is None, failure


@pytest.mark.parametrize(("program", "faults", "message", "within"), CAUGHT_BY_FAULTS)
def test_a_bad_program_is_caught_when_something_goes_wrong(program, faults, message, within):
    failure = failure_of(program, within, faults)
    assert failure is not None, f"{within} seeds found nothing"
    assert (failure.ending.outcome, failure.ending.kind) == ("failed", "AssertionError")
    assert message in failure.ending.message


@pytest.mark.parametrize("faults", [None, "faults.toml"])
def test_too_few_replicas_miss_the_objective_with_and_without_faults(faults):
    failure = failure_of("model_serving:too_few", 1, faults)
    assert failure is not None
    assert failure.ending.message.startswith("p99 is ")


@pytest.mark.parametrize("command", [command for command in commands() if not _ALL_RUNS.match(command)])
def test_a_command_of_a_readme_ends_as_it_says(command, typed_elsewhere):
    done = typed(command)
    assert done.returncode == (1 if command.endswith(FAILS) else 0), done.stdout + done.stderr
    if "simactors hunt" in command and done.returncode:
        token = done.stdout.split("simactors replay ")[1].split()[0]
        replayed = typed_elsewhere(f"simactors replay {token}")
        assert replayed.returncode == 1
        assert "reproduced exactly: same ending, same digest" in replayed.stderr


def test_the_readmes_run_every_scenario_and_no_variant_that_there_is_not():
    """What all runs of each come to is another test's; the command itself is `test_run_scenarios.py`'s."""
    named = [found for found in map(_ALL_RUNS.match, commands()) if found]
    assert {(found["name"], found["variant"] or "") for found in named} <= set(variants())
    assert {found["name"] for found in named} == set(NAMES)


@pytest.mark.parametrize("program", sorted({program for program, *_ in CAUGHT_BY_FAULTS}))
def test_the_readmes_hunt_every_bad_program_without_faults_in_vain_and_with_faults(program):
    alone = program.replace(":", "/app.py:")  # which knows nothing of the scenario's faults
    hunts = [c for c in commands() if f"hunt scenarios/{program} " in c or f"hunt scenarios/{alone} " in c]
    ends = {(FAULTS in c or alone not in c, c.endswith(FAILS)) for c in hunts}
    assert ends == {(False, False), (True, True)}


@pytest.mark.parametrize("scenario", SEEDS)
def test_the_readmes_hunt_every_good_program_with_faults(scenario):
    assert any(line.startswith(f"simactors hunt scenarios/{scenario}:good ") for line in commands())


@pytest.mark.parametrize(("scenario", "faults"), other_faults())
def test_a_run_with_faults_repeats_in_another_process(scenario, faults, typed_elsewhere):
    files = f"scenarios/{scenario}"
    command = f"simactors run {files}/app.py:good --cluster {files}/cluster.toml --faults {files}/{faults}"
    there = json.loads(typed_elsewhere(f"{command} --seed 3 --json").stdout.splitlines()[-1])
    with redirect_stdout(io.StringIO()):
        here = run_simulated(program_of(f"{scenario}:good", faults), seed=3)
    assert (there["digest"], there["steps"]) == (here.digest, here.steps)


@pytest.mark.parametrize("scenario", ["kv_store", "work_queue"])
def test_a_good_program_runs_on_one_machine_as_well(scenario):
    done = typed(f"simactors run scenarios/{scenario}/app.py:good")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("scenario", ["kv_store", "work_queue"])
def test_a_good_program_runs_on_real_processes(scenario):
    done = typed(f"simactors run scenarios/{scenario}/app.py:good --backend local")
    assert done.returncode == 0, done.stderr

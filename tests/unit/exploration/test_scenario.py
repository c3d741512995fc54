"""Scenarios: what their file may say, and what is said of one that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from simactors.core.fault_plan import CrashProcess, FaultPlan
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Campaign, Quest
from simactors.exploration.named import named
from simactors.exploration.recipe import Recipe
from simactors.exploration.runner import run_simulated
from simactors.exploration.target import TargetError
from simactors.sim.config import Latency, SimConfig

APP = """
import simactors as ray

@ray.remote
class Account:
    def add(self, amount):
        return amount

def main(amount=1, *, name=""):
    account = Account.remote()
    assert ray.get(account.add.remote(amount)) < 5, name

def other():
    raise ValueError("other")
"""
LEAST = '[workload]\nentry = "app.py:main"\n'

Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    folder = tmp_path / "bank"
    folder.mkdir()
    (folder / "app.py").write_text(APP)

    def write(text: str) -> str:
        (folder / "scenario.toml").write_text(text)
        return str(folder)

    return write


def problems(folder: str) -> list[str]:
    with pytest.raises(TargetError) as caught:
        named(folder)
    first, *rest = str(caught.value).splitlines()
    assert first == f"{folder}/scenario.toml:"
    return [line.strip() for line in rest]


def test_a_scenario_names_a_program_what_to_call_it_with_and_its_world(write: Write) -> None:
    folder = write("""
        title = "money"
        [workload]
        entry = "app.py:main"
        parameters = { amount = 7, name = "seven" }
        as_ray = true
        [cluster]
        num_cpus = 2
        latency = { low_s = 0.01, high_s = 0.01 }
        [[faults]]
        kind = "crash_process"
        at_s = 1
        [checks]
        fail_on = ["unread-error"]
    """)
    program = named(folder)
    assert str(program.target) == f"{folder}/app.py:main"
    assert (program.as_ray, program.fail_on) == (True, ("unread-error",))
    assert program.workload == (("amount", 7), ("name", "seven"))
    assert program.cluster == SimConfig(num_cpus=2, latency=Latency(low_s=0.01, high_s=0.01))
    assert program.faults == FaultPlan((CrashProcess(at_s=1),))
    assert named(f"{folder}/scenario.toml") == program
    assert Recipe.from_fields(Recipe(program=program).to_fields()).program == program


def test_its_function_is_called_with_the_parameters(write: Write) -> None:
    program = named(write(LEAST + 'parameters = { amount = 7, name = "seven" }'))
    assert run_simulated(program, seed=0).ending.message == "seven"
    assert not run_simulated(named(write(LEAST)), seed=0).failed


def test_a_wrong_parameter_is_no_failure_of_the_program(write: Write) -> None:
    with pytest.raises(TargetError, match="called with amuont: got an unexpected keyword argument 'amuont'"):
        run_simulated(named(write(LEAST + "parameters = { amuont = 7 }")), seed=0)


def test_another_function_runs_in_the_same_world_without_the_parameters(write: Write) -> None:
    folder = write(LEAST + "parameters = { amount = 7 }\n[cluster]\nnum_cpus = 2")
    program = named(f"{folder}:other")
    assert (str(program.target), program.workload) == (f"{folder}/app.py:other", ())
    assert program.cluster == SimConfig(num_cpus=2)


def test_cluster_and_faults_may_lie_in_files_beside_it(write: Write) -> None:
    folder = write('cluster = "cluster.toml"\nfaults = "faults.toml"\n' + LEAST)
    Path(folder, "cluster.toml").write_text("num_cpus = 3")
    Path(folder, "faults.toml").write_text('[[faults]]\nkind = "crash_process"\nat_s = 2')
    program = named(folder)
    assert program.cluster == SimConfig(num_cpus=3)
    assert program.faults == FaultPlan((CrashProcess(at_s=2),))


def test_faults_of_a_scenario_that_a_failure_does_not_need_are_left_out(write: Write) -> None:
    crash = '[[faults]]\nkind = "crash_process"\nprocess = "Account"\nat_s = 100\n'
    program = named(write(crash + LEAST + "parameters = { amount = 7 }"))
    tally = Campaign(program, Quest(faults=())).run(Budget(runs=3))
    (finding,) = tally.findings.values()
    assert finding.recipe.faults == program.faults
    assert finding.recipe.program.faults == FaultPlan()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ['workload: it is missing; write for example [workload] with entry = "app.py:main"']),
        (
            "titel = 'x'\n" + LEAST,
            ["titel: there is no such key; did you mean 'title'?"],
        ),
        (
            '[workload]\nentry = "ap.py:main"',
            [
                "workload.entry: there is no Python file ap.py in the scenario's folder; did you mean 'app.py'?"
            ],
        ),
        ('[workload]\nentry = "../app.py"', ["workload.entry: ../app.py lies outside the scenario's folder"]),
        (
            '[workload]\nentry = "/etc/passwd"',
            ["workload.entry: /etc/passwd lies outside the scenario's folder"],
        ),
        (
            '[workload]\nentry = "app.py:1"',
            ["workload.entry: '1' is not the name of a function; write app.py:main"],
        ),
        (
            '[workload]\nentry = "app.py"\nparameters = { a = 1 }',
            ["workload.parameters: a script takes none; name a function as entry: app.py:main"],
        ),
        (
            LEAST + "parameters = { a = [1] }",
            ["workload.parameters.a: a parameter is a number, a text, true or false"],
        ),
        ('cluster = "../x.toml"\n' + LEAST, ["cluster: ../x.toml lies outside the scenario's folder"]),
        ("cluster = 3\n" + LEAST, ["cluster: write a table, or the name of a file in the scenario's folder"]),
        (
            LEAST + "[checks]\nfail_on = ['sloth']\n[cluster]\nnum_cpu = 1\n[[faults]]\nkind = 'crash'",
            [
                "cluster.num_cpu: there is no such knob; did you mean 'num_cpus'?",
                "faults[0].kind: 'crash' is none of",
                "checks.fail_on: ",
            ],
        ),
        (
            LEAST + '[[faults]]\nkind = "crash_node"\nnode = "node-9"\nat_s = 1',
            ["CrashNode"],
        ),
    ],
)
def test_all_that_is_wrong_with_a_scenario_is_told_at_once(
    write: Write, text: str, expected: list[str]
) -> None:
    told = problems(write(text))
    assert len(told) == len(expected), told
    for line, start in zip(told, expected, strict=True):
        assert line.startswith(start)


def test_a_folder_without_one_says_so(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"without a scenario\.toml; name a Python file in it"):
        named(str(tmp_path))
    with pytest.raises(TargetError, match=r"nowhere\.toml: no such file"):
        named(str(tmp_path / "nowhere.toml"))

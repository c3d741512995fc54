"""What is made of a failure that a hunt has found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Campaign, Quest
from simactors.exploration.exploring import explore
from simactors.exploration.hunting import case_of
from simactors.exploration.target import Program, Target


def test_a_run_of_very_many_steps_is_told_as_it_was_found(tmp_path: Path) -> None:
    """A loop that waited for what never came was to be made small, one minute for each try."""
    (tmp_path / "app.py").write_text("import time\ntime.sleep(1)\nraise ValueError")
    tally = Campaign(Program(target=Target(str(tmp_path / "app.py"))), Quest()).run(Budget(1))
    (finding,) = tally.findings.values()
    case = case_of(finding, shrink_s=10)
    assert case.explanation is not None
    assert case.shrunk.runs > 0
    long = replace(finding, result=replace(finding.result, steps=1_000_000))
    case = case_of(long, shrink_s=10)
    assert (case.first, case.shrunk.finding, case.shrunk.runs, case.explanation) == (long, long, 0, None)


TWO_ACTORS = """
import simactors as ray

@ray.remote
class Keeper:
    def keep(self):
        return 1

@ray.remote
class Worker:
    def work(self, keeper):
        return ray.get(keeper.keep.remote())

def main():
    keeper, worker = Keeper.remote(), Worker.remote()
    for _ in range(3):
        try:
            ray.get(worker.work.remote(keeper))
        except ray.exceptions.ActorDiedError:
            pass
"""


def test_faults_around_a_call_that_never_comes_are_told(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(TWO_ACTORS)
    target = f"{tmp_path}/app.py:main"
    told = explore(target, budget=4, faults="crash", fault_calls=["Kepeer.*", "Worker.*"], jobs=2).missed
    assert told == ("faults: no call in any run fits 'Kepeer.*'; did you mean 'Keeper.keep'?",)
    assert explore(target, budget=4, faults="crash", fault_calls="Keeper.*").missed == ()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [({"faults": "delay"}, "crash or rpc: ask for one of them"), ({"fault_calls": []}, "around which calls")],
)
def test_faults_around_calls_need_both(tmp_path: Path, wrong: dict[str, Any], told: str) -> None:
    (tmp_path / "app.py").write_text(TWO_ACTORS)
    with pytest.raises(ValueError, match=told):
        explore(f"{tmp_path}/app.py:main", **{"faults": "crash", "fault_calls": "Keeper.*", **wrong})

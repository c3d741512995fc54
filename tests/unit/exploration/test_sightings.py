"""Properties that a program states, over the runs of a hunt: what never happened is told."""

from __future__ import annotations

from pathlib import Path

import pytest

import simactors
from simactors import FaultPlan, simulate
from simactors.checkers.properties import eventually
from simactors.exploration import crew, hunting
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Quest
from simactors.exploration.hunting import Report
from simactors.exploration.target import Program, Target
from simactors.faults import CrashNode, Cut, FailCall, JumpClock
from simactors.reports import hunt as report
from simactors.reports import json_line

PROGRAM = """
import simactors as ray
from simactors.checkers import reachable, sometimes

@ray.remote
class Queue:
    def __init__(self):
        self.items = []
    def put(self, item):
        self.items.append(item)
        sometimes(len(self.items) > 1, "two are there")
        sometimes(len(self.items) > 9, "it is full")
        if len(self.items) > 20:
            reachable("overflow")

def main(fail=0):
    queue = Queue.remote()
    ray.get([queue.put.remote(n) for n in range(3)])
    assert not fail
"""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    (tmp_path / "app.py").write_text(PROGRAM)
    return Program(target=Target(str(tmp_path / "app.py"), "main"))


CALM = Quest(faults=())


def hunted(program: Program, quest: Quest = CALM, jobs: int = 1) -> Report:
    budget = Budget(runs=4)
    several = jobs > 1
    tally = crew.search(program, quest, budget, jobs) if several else hunting.search(program, quest, budget)
    return hunting.finish(program, quest, tally, 0.1, shrink_s=0)


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_never_happened_in_a_hunt_is_told(program: Program, jobs: int) -> None:
    found = hunted(program, jobs=jobs)
    assert [(s.property.name, s.met > 0) for s in found.never] == [("it is full", True), ("overflow", False)]
    text = report.text(found, [], 100)
    assert "never happened: sometimes 'it is full'" in text
    assert "app.py:12): met 12 times, never true" in text
    assert "overflow' (" in text
    assert "never reached" in text
    assert '"never": ["sometimes' in json_line.hunt_line(found, [])
    assert "never happened" in str(found)


def test_a_hunt_that_ended_early_says_nothing_of_it(program: Program) -> None:
    from dataclasses import replace

    failing = replace(program, workload=(("fail", 1),))
    assert hunted(failing).never == ()
    assert len(hunted(failing, Quest(faults=(), keep_going=True)).never) == 2


def test_a_run_tells_its_own() -> None:
    from simactors.checkers.properties import sometimes

    with simulate() as simulation:
        sometimes(condition=True, name="it ran")
    assert [(s.property.name, s.met, s.held) for s in simulation.sightings] == [("it ran", 1, 1)]


def test_plans_know_when_all_is_calm_again() -> None:
    plan = FaultPlan(
        (
            CrashNode(node="node-2", at_s=1, back_after_s=2),
            Cut(source="node-1", target="node-2", at_s=2, for_s=5),
            JumpClock(node="node-1", by_s=60, at_s=3),
            FailCall(call="*", nth=3),
        )
    )
    assert plan.calm_at_s == 7
    assert FaultPlan().calm_at_s == 0


def test_what_must_happen_at_last_has_time_from_when_all_is_calm_on() -> None:
    faults = FaultPlan((JumpClock(node="node-1", by_s=1, at_s=5),))
    with simulate(faults=faults) as simulation:
        eventually(lambda: simulation.now_s > 6, within_s=2)
    with simulate() as simulation, pytest.raises(simactors.exceptions.ViolationError):
        eventually(lambda: simulation.now_s > 6, within_s=2)

"""What strikes at a virtual time becomes what strikes real processes at the same call."""

from __future__ import annotations

from pathlib import Path

import pytest

from simactors.core.fault_plan import CrashNode, CrashProcess, FaultPlan
from simactors.exploration.confirming import faults_for_real
from simactors.exploration.recipe import Recipe
from simactors.exploration.target import Program, Target

CODE = """
import time
import simactors as ray

ray.init()

@ray.remote(max_restarts=-1)
class First:
    def short(self):
        pass

@ray.remote(max_restarts=-1)
class Second:
    def long(self):
        time.sleep(5)

first, second = First.remote(), Second.remote()
ray.wait([first.short.remote(), second.long.remote()], num_returns=2)
for _ in range(3):
    ray.wait([first.short.remote()])
refs = [second.long.remote()]
ray.wait(refs, timeout=20)
"""


@pytest.fixture
def recipe(tmp_path: Path):
    """Of a run that meets some faults."""
    (tmp_path / "app.py").write_text(CODE)

    def build(*faults: CrashProcess | CrashNode) -> Recipe:
        program = Program(target=Target(str(tmp_path / "app.py")))
        return Recipe(program=program, faults=FaultPlan(faults))

    return build


def test_each_crash_finds_its_call_in_whatever_order_the_plan_names_them(recipe):
    """They were told apart by the order in which they struck: each became the other's."""
    while_second_works = CrashProcess(process="Second", at_s=7)
    before_first_goes_on = CrashProcess(process="First", at_s=3)
    expected = {
        while_second_works: CrashProcess(process="Second", after_call=2),
        before_first_goes_on: CrashProcess(process="First", before_call=2),
    }
    for faults in (list(expected), list(expected)[::-1]):
        found = faults_for_real(recipe(*faults)).faults
        assert found == tuple(expected[fault] for fault in faults)


def test_a_crash_that_meets_several_processes_is_no_other_crash(recipe):
    both, later = CrashProcess(process="actor-*", at_s=3), CrashProcess(process="Second", at_s=7)
    found = faults_for_real(recipe(both, later)).faults
    assert found == (
        CrashProcess(process="actor-*", before_call=2),
        CrashProcess(process="Second", after_call=2),
    )


def test_a_crash_that_strikes_nobody_strikes_nobody_for_real(recipe):
    """It crashed the first process that it fitted, before its first call."""
    assert faults_for_real(recipe(CrashProcess(process="First", at_s=1000))).faults == ()


def test_what_strikes_at_a_call_stays_as_it_is(recipe):
    fault = CrashProcess(process="First", before_call=2)
    assert faults_for_real(recipe(fault)).faults == (fault,)

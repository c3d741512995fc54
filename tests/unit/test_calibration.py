"""`calibration`: a real runtime is measured, quickly here; what calls cost is read from what it has written down."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

import simactors
from simactors.calibration import Counts, measure, quantiles, service_times
from simactors.core import metering
from simactors.sim.config import SimConfig
from tests.unit.sim.test_profile import QUICK

FEW = Counts(calls=20, in_flight=20, waves=1, starts=2, restarts=1, transfers=1, spin_s=0.001)


def test_a_real_runtime_is_measured_and_can_be_simulated() -> None:
    told: list[str] = []
    profile = measure("local", told=told.append, counts=FEW)
    assert told[0] == "round trips"
    assert profile.backend == "local"
    assert (len(profile.round_trip_s), len(profile.process_start_s), len(profile.restart_s)) == (20, 2, 1)
    assert 0 < profile.round_trip_s[0] < 1
    assert 0 < profile.caller_work_s < 1
    assert 0 < profile.callee_work_s < 1
    assert profile.restart_s[0] > 0
    assert profile.slowdown >= 1
    assert not simactors.is_initialized()
    with simactors.simulate(seed=1, config=SimConfig().with_profile(profile)) as sim:
        simactors.get(simactors.put(1))
    assert sim.now_s < 1


def test_nothing_is_killed_by_a_number_that_may_be_of_another_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "kill", lambda pid, number: pytest.fail(f"{pid} got signal {number}"))
    assert measure("local", counts=FEW).restart_s[0] > 0


@pytest.mark.parametrize(
    ("samples", "kept"), [([3.0, 1.0, 2.0], [1.0, 2.0, 3.0]), (list(range(101)), [0, 50, 100])]
)
def test_quantiles_are_from_the_least_to_the_greatest(samples: list[float], kept: list[float]) -> None:
    assert quantiles(samples, 3) == kept


def write(folder: Path, process: int, *costs: metering.Cost) -> None:
    lines = [json.dumps(cost) for cost in costs]
    (folder / f"{process}{metering.SUFFIX}").write_text("\n".join(lines) + "\n")


def test_first_calls_of_a_process_are_told_from_later_ones(tmp_path: Path) -> None:
    cost = metering.Cost
    write(tmp_path, 1, cost("f", 9.0, 0), cost("f", 1.0, 0), cost("g", 3.0, 0), cost("f", 2.0, 0))
    write(tmp_path, 2, cost("f", 8.0, 0))
    later, first = service_times(tmp_path, QUICK)
    assert later == {"f": [1.0, 2.0], "g": [3.0]}
    assert first == {"f": [8.0, 9.0], "g": [3.0]}


def test_the_calls_that_code_has_made_are_no_work_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, 1, metering.Cost("f", 9.0, 3), metering.Cost("f", 0.5, 1))
    later, first = service_times(tmp_path, replace(QUICK, caller_work_s=0.5, wake_work_s=1.5))
    assert later == {"f": [0.0]}
    assert first == {"f": [3.0]}


def test_what_starting_a_process_costs_anyway_is_no_work_of_its_first_call(tmp_path: Path) -> None:
    write(
        tmp_path,
        1,
        metering.Cost("CalibrationEcho.__init__", 2.0, 0),
        metering.Cost("CalibrationEcho.ready", 1, 0),
    )
    write(tmp_path, 2, metering.Cost("A.__init__", 5.0, 0), metering.Cost("A.f", 5.0, 0))
    _, first = service_times(tmp_path, QUICK)
    assert first == {"A.__init__": [3.0], "A.f": [5.0]}

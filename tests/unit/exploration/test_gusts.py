"""Faults that are drawn without knowing the program."""

from __future__ import annotations

import pytest

from simactors.core.fault_plan import CrashNode, CrashProcess, Cut, FailCall, JumpClock, Partition, Pause
from simactors.exploration import gusts
from simactors.exploration.storms import KINDS
from simactors.sim import aims
from simactors.sim.config import NodeConfig, SimConfig


def test_the_same_seed_draws_the_same_faults_and_others_draw_others():
    plans = [gusts.draw(seed, KINDS, 3) for seed in range(50)]
    assert plans == [gusts.draw(seed, KINDS, 3) for seed in range(50)]
    assert len({repr(plan) for plan in plans}) > 40


def test_the_first_seed_is_the_run_in_which_nothing_goes_wrong():
    assert not gusts.draw(0, KINDS, 3).faults


@pytest.mark.parametrize(
    ("kind", "classes"),
    [
        ("delay", {Pause}),
        ("crash", {CrashProcess}),
        ("node", {CrashNode}),
        ("partition", {Partition, Cut}),
        ("skew", {JumpClock}),
        ("rpc", {FailCall}),
    ],
)
def test_each_kind_comes_up_and_brings_its_own_faults_only(kind, classes):
    found = {type(fault) for seed in range(100) for fault in gusts.draw(seed, (kind,), 3).faults}
    assert found == classes


def test_whatever_is_drawn_aims_at_what_there_may_be():
    for nodes in (1, 2, 5):
        config = SimConfig(nodes=(NodeConfig(count=nodes),))
        for seed in range(200):
            aims.check(gusts.draw(seed, KINDS, nodes), config)  # raises for what is not there


def test_one_machine_is_neither_lost_nor_cut_off():
    found = {type(fault) for seed in range(200) for fault in gusts.draw(seed, KINDS, 1).faults}
    assert found & {CrashNode, Partition, Cut} == set()
    assert CrashProcess in found

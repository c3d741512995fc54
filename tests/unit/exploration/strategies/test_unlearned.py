"""Orders that their seeds alone decide."""

from __future__ import annotations

import pytest

import simactors
from simactors import SimConfig
from simactors.core.choices import DullChoices
from simactors.exploration.strategies.unlearned import NAMES, choices_of
from simactors.sim.config import Slack

CONFIG = SimConfig(slack=Slack(messages_s=1.0, sleeps_s=1.0))


@simactors.remote
class Log:
    def __init__(self):
        self.entries = []

    def note(self, entry):
        self.entries.append(entry)

    def mark(self, entry):
        self.entries.append(entry)

    def all(self):
        return self.entries


@simactors.remote
def write(log, entry):
    simactors.get([log.note.remote(entry), log.mark.remote(-entry)])


def order(strategy: str, seed: int) -> tuple[int, ...]:
    with simactors.simulate(seed, config=CONFIG, choices=choices_of(strategy, seed)):
        log = Log.remote()
        simactors.get([write.remote(log, entry) for entry in range(1, 5)])
        return tuple(simactors.get(log.all.remote()))


@pytest.mark.parametrize("strategy", NAMES)
def test_a_seed_is_the_same_run_whatever_was_run_before(strategy):
    forward = [order(strategy, seed) for seed in range(8)]
    backward = [order(strategy, seed) for seed in reversed(range(8))]
    assert forward == backward[::-1]


@pytest.mark.parametrize("strategy", [name for name in NAMES if name not in ("sampled", "kinds")])
def test_seeds_are_different_orders(strategy):
    assert len({order(strategy, seed) for seed in range(12)}) > 5


def test_the_first_seed_is_the_plainest_run():
    assert isinstance(choices_of("portfolio", 0), DullChoices)
    assert order("portfolio", 0) == order("pct", 0)


def test_kinds_lets_all_calls_of_one_method_wait_for_those_of_another():
    orders = [order("kinds", seed) for seed in range(1, 20)]
    assert any(all(entry > 0 for entry in found[:4]) for found in orders)

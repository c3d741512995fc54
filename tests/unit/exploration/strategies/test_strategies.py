"""Each strategy finds the bugs that it is there for within so many runs, and makes the same hunt of the same seed."""

from __future__ import annotations

from typing import Any

import pytest

from simactors.core.choices import DullChoices
from simactors.core.fault_plan import FaultPlan
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Campaign, Quest, Tally
from simactors.exploration.runner import run_simulated
from simactors.exploration.strategies import STRATEGIES
from simactors.exploration.strategies.portfolio import Portfolio
from simactors.exploration.strategies.strategy import Path
from simactors.exploration.target import Program, Target
from tests.power.programs import FOLDER

SEEDS = (0,)


def hunted(name: str, runs: int, **quest: Any) -> Tally:
    program = Program(target=Target.parse(str(FOLDER / name)), preemption="stores")
    return Campaign(program, Quest(**{"audit_every": None, **quest})).run(Budget(runs))


@pytest.mark.parametrize(
    ("strategy", "name", "at_most"),
    [
        ("random", "lost_update.py:lost_3", 10),
        ("random", "abba.py:abba", 20),
        ("pct", "staggered.py:staggered_5", 60),
        ("pct", "passed_over.py:passed_over_10", 30),
        ("pos", "lost_update.py:lost", 10),
        ("pos", "abba.py:abba", 20),
        ("orders", "reorder.py:reorder_3", 40),
        ("orders", "staggered.py:staggered_20", 60),
        ("kinds", "reorder.py:reorder_10", 30),
        ("kinds", "staggered.py:staggered_20", 30),
        ("portfolio", "reorder.py:reorder_10", 40),
        ("portfolio", "staggered.py:staggered_20", 40),
        ("portfolio", "passed_over.py:passed_over_10", 40),
        ("sampled", "lost_update.py:lost_3", 30),
    ],
)
def test_a_strategy_finds_what_it_is_there_for(strategy: str, name: str, at_most: int) -> None:
    for seed in SEEDS:
        tally = hunted(name, at_most, strategy=strategy, first_seed=seed)
        assert tally.findings, f"seed {seed}: not in {at_most} runs"


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "systematic"])
def test_the_same_seed_is_the_same_hunt(strategy: str) -> None:
    digests = []
    for seed in (5, 5, 6):
        seen: list[Any] = []

        def watch(tally: Tally, seen: list[Any] = seen) -> None:
            seen.append(tally.last and tally.last.digest)

        program = Program(target=Target.parse(str(FOLDER / "lost_update.py:counted_3")))
        Campaign(
            program, Quest(strategy=strategy, first_seed=seed, faults=("delay", "crash"), keep_going=True)
        ).run(Budget(8), watch)
        digests.append(seen)
    assert digests[0] == digests[1] != digests[2]
    assert len(set(digests[0][1:])) > 3, "hardly any two runs are alike"


def test_a_portfolio_begins_with_the_plainest_run_and_lets_all_learn_from_all() -> None:
    portfolio = Portfolio()
    assert isinstance(portfolio.begin(0).choices, DullChoices)
    program = Quest().world_for(Program(target=Target.parse(str(FOLDER / "reorder.py:together_3"))))
    result = run_simulated(program, 0, choices=DullChoices())
    knows_nothing = isinstance(STRATEGIES["kinds"]().begin(1).choices, DullChoices)
    portfolio.learn(Path(result.path, FaultPlan(), failed=False))
    second, third = portfolio.begin(1).choices, portfolio.begin(2).choices
    assert knows_nothing, "by itself, it has seen no race yet"
    assert not isinstance(second, DullChoices)
    assert not isinstance(third, DullChoices)

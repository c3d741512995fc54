"""Isolation of random small histories, compared with trying out all orders of their transactions.

Of lists that are read at last, the judge must find exactly the histories that nothing explains; of others, only such.
The databases that make the histories are right, or forget conflicts, or are stale, or not isolated at all.
"""

from __future__ import annotations

import random

import pytest

from simactors.checkers.isolation import Level, isolated
from simactors.checkers.verdict import Ok, Violated
from tests.unit.checkers import trials

LEVELS: list[Level] = [
    "snapshot-isolation",
    "strong-session-snapshot-isolation",
    "strong-snapshot-isolation",
    "serializable",
    "strong-session-serializable",
    "strict-serializable",
]


@pytest.mark.parametrize("engine", trials.ENGINES)
@pytest.mark.parametrize("level", LEVELS)
def test_of_lists_exactly_what_no_order_explains_is_violated(engine: str, level: Level):
    for seed in range(50):
        history = trials.history(random.Random(seed), "list", engine)
        verdict = isolated(history, model="list", level=level)
        expected = Ok if trials.explained(history, level, "list") else Violated
        assert isinstance(verdict, expected), f"seed {seed}: {verdict}\n{history}"


@pytest.mark.parametrize("model", ["list", "register"])
@pytest.mark.parametrize("level", LEVELS)
def test_nothing_is_violated_that_some_order_explains(model: str, level: Level):
    for seed in range(100):
        rng = random.Random(seed)
        history = trials.history(rng, model, rng.choice(trials.ENGINES), is_read_at_last=False)
        verdict = isolated(history, model=model, level=level)  # type: ignore[arg-type]  # one of the two
        if isinstance(verdict, Violated):
            assert not trials.explained(history, level, model), f"seed {seed}: {verdict}\n{history}"


@pytest.mark.parametrize("model", ["list", "register"])
def test_what_was_executed_one_by_one_is_isolated_also_in_real_time(model: str):
    for seed in range(100):
        history = trials.history(random.Random(seed), model, "serial", most=30)
        for order in ("open", "sequential", "linearizable") if model == "register" else ("open",):
            verdict = isolated(history, model=model, level="strict-serializable", key_order=order)  # type: ignore[arg-type]
            assert verdict, f"seed {seed}: {verdict}"


@pytest.mark.parametrize("model", ["list", "register"])
def test_long_broken_histories_are_judged_with_a_reason_for_each_edge(model: str):
    found = set()
    for seed in range(20):
        for engine in trials.ENGINES:
            history = trials.history(random.Random(seed), model, engine, most=60)
            for level in LEVELS:
                verdict = isolated(history, model=model, level=level)  # type: ignore[arg-type]  # one of the two
                for anomaly in verdict.evidence if isinstance(verdict, Violated) else ():
                    found.add(anomaly.kind)
                    assert not anomaly.links or len(anomaly.links) == len(anomaly.transactions) > 1
    assert {"G1a", "G1b", "G1c", "internal", "lost-update", "G-single"} <= found

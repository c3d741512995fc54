"""Isolation of what actors of a simulation did: a store whose clients take several calls for a transaction, or one.

Goal: the judge finds, over a few seeds, what a real program does wrong, and never complains of the right one.
"""

from __future__ import annotations

from itertools import count

import pytest

import simactors
from simactors.checkers.isolation import isolated
from simactors.checkers.transactions import Step, append, read, transaction
from simactors.checkers.verdict import Violated
from simactors.core.history import History, Operation


@simactors.remote
class Store:
    """Lists by key."""

    def __init__(self) -> None:
        self.lists: dict[str, list[int]] = {"x": [], "y": []}

    def run(self, steps: list[Step]) -> list[Step]:
        return [self.step(step) for step in steps]

    def step(self, step: Step) -> Step:
        if step.kind == "append":
            self.lists[step.key].append(step.value)
            return step
        return read(step.key, list(self.lists[step.key]))


@simactors.remote
def client(name: str, number: int, store: object, is_atomic: bool) -> list[Operation]:
    """Three transactions; only the order of calls and returns within one client is known to it."""
    done = []
    for turn in range(3):
        mine, other = ("x", "y") if (number + turn) % 2 else ("y", "x")
        steps = [read(other), append(mine, 10 * number + turn)]
        if is_atomic:
            told = simactors.get(store.run.remote(steps))  # type: ignore[attr-defined]  # a handle
        else:
            told = [simactors.get(store.step.remote(step)) for step in steps]  # type: ignore[attr-defined]  # a handle
        done.append(transaction(*told, client=name, called=turn, returned=turn + 1))
    return done


def history(seed: int, *, is_atomic: bool) -> History:
    with simactors.simulate(seed=seed):
        store = Store.remote()
        sessions = simactors.get([client.remote(f"client-{i}", i, store, is_atomic) for i in range(3)])
    places = count()
    return History.of(
        transaction(*one.result, client=one.client, called=next(places), returned=next(places))
        for session in sessions
        for one in session
    )


@pytest.mark.parametrize("level", ["serializable", "strong-session-serializable"])
def test_a_store_that_runs_transactions_whole_is_isolated(level: str):
    for seed in range(10):
        verdict = isolated(history(seed, is_atomic=True), level=level)  # type: ignore[arg-type]  # a level
        assert verdict, verdict


def test_a_store_that_is_called_step_by_step_is_found_to_let_transactions_cross():
    verdicts = [isolated(history(seed, is_atomic=False)) for seed in range(10)]
    assert any(isinstance(verdict, Violated) and "G2-item" in verdict.reason for verdict in verdicts)

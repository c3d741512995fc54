"""What a simulated run tells of itself, judged: right actors pass, and planted mistakes are found over a few seeds."""

from __future__ import annotations

from typing import Any

import pytest

import simactors
from simactors.checkers.linearizability import linearizable
from simactors.checkers.ordering import causal, fifo
from simactors.checkers.simulated import record_calls
from simactors.checkers.specs import Register
from simactors.checkers.verdict import Verdict, Violated


@simactors.remote
class Cell:
    """A register; with a cache, its readers may be told what was there before the last write."""

    def __init__(self, cache: Any = None) -> None:
        self.value, self.cache = 0, cache

    def write(self, value: int) -> None:
        self.value = value
        if self.cache is not None:
            self.cache.write.remote(value)

    def read(self) -> int:
        return self.value


@simactors.remote
def client(number: int, writes: Any, reads: Any) -> None:
    simactors.get(writes.write.remote(number))
    simactors.get(reads.read.remote())


def program(*, has_cache: bool) -> Verdict:
    calls = record_calls()
    cache = Cell.remote()
    cell = Cell.remote(cache) if has_cache else cache
    simactors.get([client.remote(number, cell, cache) for number in (1, 2, 3)])
    asked = calls.history.where(lambda each: each.client.startswith("client"))
    return linearizable(asked, Register(0), key=lambda each: "the cell")


def test_a_register_is_linearizable_and_one_with_a_cache_is_found_not_to_be():
    verdicts = []
    for seed in range(20):
        with simactors.simulate(seed):
            assert program(has_cache=False)
        with simactors.simulate(seed):
            verdicts.append(program(has_cache=True))
    assert any(isinstance(verdict, Violated) for verdict in verdicts)


def test_explore_finds_it_too():
    def main() -> None:
        program(has_cache=True).check()

    assert simactors.explore(main, budget=50).failed


def test_calls_of_one_process_to_a_plain_actor_come_in_their_order():
    for seed in range(5):
        with simactors.simulate(seed, record=True) as sim:
            cell = Cell.remote()
            refs = [cell.write.remote(number) for number in range(10)]
            simactors.get([*refs, *(client.remote(number, cell, cell) for number in range(3))])
        assert fifo(sim.deliveries).seen == 16  # type: ignore[union-attr]  # it is ok
        assert causal(sim.deliveries)


def test_calls_of_a_threaded_actor_need_not_and_that_is_found():
    verdicts = []
    for seed in range(20):
        with simactors.simulate(seed, record=True) as sim:
            cell = Cell.options(max_concurrency=4).remote()
            simactors.get([cell.write.remote(number) for number in range(4)])
        verdicts.append(fifo(sim.deliveries))
    assert any(isinstance(verdict, Violated) for verdict in verdicts)


def test_where_nothing_is_simulated_it_says_what_to_do_instead():
    with pytest.raises(RuntimeError, match="inside simulate"):
        record_calls()

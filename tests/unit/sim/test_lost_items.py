"""Large items of generators that are lost: made again by running the generator again, or told to be gone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import simactors
from simactors import FaultPlan
from simactors.cluster_utils import Cluster
from simactors.faults import FailCall, LoseObject

LARGE = 30_000  # of these numbers are more than travels inside messages
LOST = FaultPlan((LoseObject(of="*items", nth=2), LoseObject(of="*items", nth=3)))


@simactors.remote
def items(count: int) -> Iterator[Any]:
    for i in range(count):
        yield np.full(LARGE, i)


@simactors.remote
class Source:
    """Yields the same."""

    def items(self, count: int) -> Iterator[Any]:
        for i in range(count):
            yield np.full(LARGE, i)


def first_of(ref: Any) -> Any:
    try:
        return int(simactors.get(ref)[0])
    except simactors.exceptions.RayError as error:
        return type(error).__name__


@pytest.mark.parametrize("max_retries", [2, -1])
@pytest.mark.parametrize("num_returns", ["streaming", "dynamic"])
def test_lost_items_of_a_task_are_made_again(num_returns: str, max_retries: int) -> None:
    with simactors.simulate(seed=1, faults=LOST):
        found = items.options(num_returns=num_returns, max_retries=max_retries).remote(4)
        refs = simactors.get(found) if num_returns == "dynamic" else found
        assert [first_of(ref) for ref in refs] == [0, 1, 2, 3]


def test_lost_items_that_may_not_be_made_again_are_gone_and_the_others_stay() -> None:
    gone = "ObjectReconstructionFailedError"
    with simactors.simulate(seed=1, faults=LOST):
        assert [first_of(ref) for ref in items.options(max_retries=0).remote(4)] == [0, gone, gone, 3]
    with simactors.simulate(seed=1, faults=LOST):
        assert [first_of(ref) for ref in Source.remote().items.remote(4)] == [0, gone, gone, 3]


def test_lost_items_of_an_actor_are_made_again_if_its_calls_are_retried() -> None:
    with simactors.simulate(seed=1, faults=LOST):
        source = Source.options(max_task_retries=-1).remote()
        assert [first_of(ref) for ref in source.items.remote(4)] == [0, 1, 2, 3]


def test_all_items_of_a_lost_node_come_from_one_more_run() -> None:
    with simactors.simulate(seed=1):
        cluster = Cluster()
        cluster.add_node(num_cpus=1)
        node = cluster.add_node(num_cpus=1, resources={"here": 1})
        refs = list(items.options(resources={"here": 1}, max_retries=1).remote(4))
        cluster.remove_node(node)
        cluster.add_node(num_cpus=1, resources={"here": 1})
        assert [first_of(ref) for ref in refs] == [0, 1, 2, 3]


@pytest.mark.parametrize("lost", ["request", "reply", "late"])
@pytest.mark.parametrize("seed", range(3))
def test_a_broken_connection_neither_loses_nor_repeats_items(seed: int, lost: str) -> None:
    faults = FaultPlan((FailCall(call="*items", lost=lost, nth=1),))
    with simactors.simulate(seed=seed, faults=faults):
        assert [first_of(ref) for ref in items.remote(4)] == [0, 1, 2, 3]
        source = Source.options(max_task_retries=1).remote()
        assert [first_of(ref) for ref in source.items.remote(3)] == [0, 1, 2]


@simactors.remote
def slow_items(count: int) -> Iterator[Any]:
    for i in range(count):
        time.sleep(0.1)
        yield np.full(LARGE, i)


@pytest.mark.parametrize("retries", [1, -1])
def test_what_is_lost_while_its_generator_runs_comes_from_one_more_run_after_that(retries: int) -> None:
    lost = FaultPlan((LoseObject(of="*slow_items", nth=2), LoseObject(of="*slow_items", nth=3)))
    with simactors.simulate(seed=1, faults=lost) as sim:
        found = slow_items.options(max_retries=retries).remote(5)
        assert [first_of(ref) for ref in found] == [0, 1, 2, 3, 4]
        # The second item waits for all of the first run, and for two items of the next one.
        assert sim.now_s > 0.7
    with simactors.simulate(seed=1, faults=lost):
        found = slow_items.options(max_retries=0).remote(5)
        gone = "ObjectReconstructionFailedError"
        assert [first_of(ref) for ref in found] == [0, gone, gone, 3, 4]


@simactors.remote(num_cpus=0, resources={"head": 1})
def taker(count: int) -> list[list[int]]:
    """Takes the items of several generators as they come."""
    generator = slow_items.options(max_retries=-1, _generator_backpressure_num_objects=1)
    open_ones = [generator.remote(count) for _ in range(3)]
    taken: list[list[int]] = [[] for _ in open_ones]
    numbers = {one: number for number, one in enumerate(open_ones)}
    while open_ones:
        ready, open_ones = simactors.wait(open_ones, num_returns=len(open_ones), timeout=0.1)
        for one in ready:
            ref = next(one, None)
            if ref is not None:
                taken[numbers[one]].append(int(simactors.get(ref)[0]))
                open_ones.append(one)
    return taken


@pytest.mark.parametrize("seed", range(3))
def test_generators_give_all_their_items_however_often_their_nodes_die(seed: int) -> None:
    with simactors.simulate(seed=seed):
        cluster = Cluster()
        cluster.add_node(num_cpus=1, resources={"head": 1})
        taken = taker.remote(6)
        nodes = [cluster.add_node(num_cpus=1) for _ in range(3)]
        for turn in range(8):
            time.sleep(0.1)
            cluster.remove_node(nodes.pop(turn % 2), allow_graceful=False)
            nodes.append(cluster.add_node(num_cpus=1))
        assert simactors.get(taken) == [list(range(6))] * 3

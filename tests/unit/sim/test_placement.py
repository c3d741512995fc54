"""Where things are placed, and who waits: policies of the simulated cluster, in runs."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest

import simactors
from simactors import exceptions
from simactors.sim.config import NodeConfig, SimConfig
from simactors.util.scheduling_strategies import NodeAffinitySchedulingStrategy


def here() -> int:
    return int(simactors.get_runtime_context().get_node_id(), 16)


@simactors.remote
def where(seconds: float = 0.0) -> int:
    time.sleep(seconds)
    return here()


@simactors.remote
class Actor:
    def where(self) -> int:
        return here()


def cluster(count: int = 3, **node: Any) -> SimConfig:
    return SimConfig(nodes=(NodeConfig(count=count, **node),))


def places(*args: float, count: int, **options: Any) -> list[int]:
    return simactors.get([where.options(**options).remote(*args) for _ in range(count)])


def test_tasks_stay_near_their_caller_until_its_node_is_half_full(results) -> None:
    def program() -> list[int]:
        return sorted(places(5.0, count=8))

    # Two on each node make all of them half full; the emptiest gets the next, of equals the first.
    assert results(program, config=cluster(num_cpus=4)) == [[1, 1, 1, 2, 2, 2, 3, 3]] * 4
    assert results(lambda: places(5.0, count=2), config=cluster(num_cpus=4)) == [[1, 1]] * 4


def test_spread_takes_one_node_after_the_other(results) -> None:
    def program() -> dict[int, int]:
        return dict(Counter(places(5.0, count=6, scheduling_strategy="SPREAD")))

    assert results(program, config=cluster(num_cpus=4)) == [{1: 2, 2: 2, 3: 2}] * 4


def test_what_does_not_fit_waits_and_what_asks_for_less_passes_it(results) -> None:
    def program() -> list[float]:
        @simactors.remote
        def at(seconds: float = 0.0) -> float:
            start = round(time.monotonic())
            time.sleep(seconds)
            return start

        first = at.options(num_cpus=3).remote(5.0)
        time.sleep(1)
        large, small = at.options(num_cpus=4).remote(), at.options(num_cpus=1).remote()
        return simactors.get([first, large, small])

    assert results(program, config=cluster(1, num_cpus=4)) == [[0, 5, 1]] * 4


def test_an_actor_needs_one_cpu_to_be_placed_and_none_to_live() -> None:
    with simactors.simulate(config=cluster(1, num_cpus=1)):
        actors = [Actor.remote() for _ in range(5)]
        assert simactors.get([actor.where.remote() for actor in actors]) == [1] * 5
        greedy = Actor.options(num_cpus=1).remote()
        simactors.get(greedy.where.remote())
        assert not simactors.wait([where.remote()], timeout=60)[0]


def test_hard_affinity_waits_for_its_node_and_soft_affinity_goes_elsewhere(results) -> None:
    def program() -> list[Any]:
        def on(node: int, *, soft: bool) -> Any:
            return NodeAffinitySchedulingStrategy(node_id=f"{node:056x}", soft=soft)

        hold = where.options(num_cpus=2, scheduling_strategy=on(2, soft=False)).remote(5.0)
        time.sleep(1)
        hard = where.options(scheduling_strategy=on(2, soft=False)).remote()
        gone = where.options(scheduling_strategy=on(9, soft=True)).remote()
        never = where.options(scheduling_strategy=on(9, soft=False)).remote()
        found: list[Any] = simactors.get([hold, hard, gone])
        with pytest.raises(exceptions.TaskUnschedulableError):
            simactors.get(never)
        return [*found, round(time.monotonic())]

    assert results(program, config=cluster(num_cpus=2)) == [[2, 2, 1, 5]] * 4


def test_label_selectors_choose_nodes(results) -> None:
    nodes = (NodeConfig(), NodeConfig(labels={"disk": "ssd"}), NodeConfig(labels={"disk": "hdd"}))

    def program() -> list[int]:
        selectors = ["ssd", "!ssd", "in(hdd, tape)", "!in(ssd, hdd)"]
        refs = [where.options(label_selector={"disk": text}).remote() for text in selectors]
        return simactors.get(refs)

    assert results(program, config=SimConfig(nodes=nodes)) == [[2, 1, 3, 1]] * 4


def test_a_task_that_waits_lends_its_cpus() -> None:
    @simactors.remote
    def parent(depth: int) -> int:
        return 1 + (simactors.get(parent.remote(depth - 1)) if depth else 0)

    with simactors.simulate(config=cluster(1, num_cpus=1)):
        assert simactors.get(parent.remote(5)) == 6


def test_resources_of_the_dead_are_given_back(results) -> None:
    def program() -> list[int]:
        found = []
        for _ in range(5):
            actor = Actor.options(num_cpus=4).remote()
            found.append(simactors.get(actor.where.remote()))
            simactors.kill(actor)
        time.sleep(1)
        assert simactors.available_resources()["CPU"] == 4
        return found

    assert results(program, config=cluster(1, num_cpus=4)) == [[1] * 5] * 4

"""Several nodes: where tasks and actors run, and what is lost with a node.

Each test opens a cluster of its own instead of the one node that the fixture `ray` started.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import simactors

nodes = pytest.mark.not_yet(
    local="one machine is one node; several are for the simulator and for Ray",
    ray="`Cluster` makes simulated nodes only: Ray's tests have ray.cluster_utils",
)
pytestmark = [nodes, pytest.mark.own_cluster]

NOBODY = "ab" * 28


@contextlib.contextmanager
def cluster_of(ray: ModuleType, **head: Any) -> Iterator[Any]:
    """A cluster with one node to begin with, and the driver connected to it."""
    from simactors.cluster_utils import Cluster

    ray.shutdown()
    cluster = Cluster(initialize_head=True, connect=True, head_node_args=head)
    try:
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


def node_of(ray: ModuleType, node: Any) -> Any:
    """What `ray.nodes()` tells about it."""
    return next(row for row in ray.nodes() if row["NodeID"] == node.node_id)


def on(node: Any, *, soft: bool = False) -> Any:
    from simactors.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node if isinstance(node, str) else node.node_id, soft=soft)


def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("never so")


@simactors.remote(num_cpus=0, resources={"head": 0.001})
class Tally:
    """Outlives the other nodes."""

    def __init__(self) -> None:
        self.notes: list[Any] = []

    def note(self, what: Any) -> int:
        self.notes.append(what)
        return len(self.notes)

    def read(self) -> list[Any]:
        return self.notes


@simactors.remote
def where() -> str:
    node: str = simactors.get_runtime_context().get_node_id()
    return node


@simactors.remote
def work(tally: Any, seconds: float) -> str:
    simactors.get(tally.note.remote(simactors.get_runtime_context().get_node_id()))
    time.sleep(seconds)
    return "done"


@simactors.remote
def array(tally: Any) -> Any:
    simactors.get(tally.note.remote("computed"))
    return np.ones(300_000)


@simactors.remote
def total(values: Any) -> float:
    return float(values.sum())


@simactors.remote
def put_two() -> list[Any]:
    return [simactors.put(np.ones(300_000)), simactors.put("small")]


@simactors.remote(num_cpus=0)
class Resident:
    """Lives on a node."""

    def __init__(self) -> None:
        self.calls = 0

    def where(self) -> str:
        node: str = simactors.get_runtime_context().get_node_id()
        return node

    def count(self) -> int:
        self.calls += 1
        return self.calls

    def work(self, tally: Any, seconds: float) -> str:
        simactors.get(tally.note.remote(self.where()))
        time.sleep(seconds)
        return "done"

    def array(self) -> Any:
        return np.ones(300_000)

    def put_two(self) -> list[Any]:
        return [simactors.put(np.ones(300_000)), simactors.put("small")]

    def reborn(self) -> Any:
        return simactors.get_runtime_context().was_current_actor_reconstructed


def test_nodes_come_and_go(ray: ModuleType) -> None:
    with cluster_of(ray, num_cpus=1, resources={"head": 1}) as cluster:
        head = cluster.head_node
        assert ray.get_runtime_context().get_node_id() == head.node_id
        node = cluster.add_node(num_cpus=2, resources={"spoon": 3}, labels={"zone": "x"})
        cluster.wait_for_nodes()
        assert [row["Alive"] for row in ray.nodes()] == [True, True]
        row = node_of(ray, node)
        assert row["Resources"]["CPU"] == 2.0
        assert row["Resources"]["spoon"] == 3.0
        assert "node:__internal_head__" not in row["Resources"]
        assert row["Labels"] == {"ray.io/node-id": node.node_id, "zone": "x"}
        assert len(node.node_id) == 56
        assert ray.cluster_resources()["CPU"] == 3.0
        assert len(cluster.list_all_nodes()) == 2
        cluster.remove_node(node)
        until(lambda: not node_of(ray, node)["Alive"])
        row = node_of(ray, node)
        assert row["alive"] is False
        assert row["Resources"] == {}
        until(lambda: ray.cluster_resources()["CPU"] == 1.0)
        assert "spoon" not in ray.cluster_resources()
        assert [n.node_id for n in cluster.list_all_nodes()] == [head.node_id]


def test_node_affinity_chooses_the_node(ray: ModuleType) -> None:
    with cluster_of(ray, num_cpus=1) as cluster:
        others = [cluster.add_node(num_cpus=2) for _ in range(2)]
        cluster.wait_for_nodes()
        for node in [cluster.head_node, *others]:
            assert ray.get(where.options(scheduling_strategy=on(node)).remote()) == node.node_id
            resident = Resident.options(scheduling_strategy=on(node)).remote()
            assert ray.get(resident.where.remote()) == node.node_id


def test_hard_affinity_fails_where_soft_affinity_goes_elsewhere(ray: ModuleType) -> None:
    with cluster_of(ray, num_cpus=1) as cluster:
        other = cluster.add_node(num_cpus=2)
        cluster.wait_for_nodes()
        too_large = where.options(num_cpus=2, scheduling_strategy=on(cluster.head_node, soft=True))
        assert ray.get(too_large.remote()) == other.node_id
        assert ray.get(where.options(scheduling_strategy=on(NOBODY, soft=True)).remote())
        for node, cpus in ((NOBODY, 1), (cluster.head_node, 2)):
            with pytest.raises(ray.exceptions.TaskUnschedulableError, match="The task is not schedulable"):
                ray.get(where.options(num_cpus=cpus, scheduling_strategy=on(node)).remote())
            resident = Resident.options(num_cpus=cpus, scheduling_strategy=on(node)).remote()
            for _ in range(2):
                with pytest.raises(
                    ray.exceptions.ActorUnschedulableError, match="The actor is not schedulable"
                ):
                    ray.get(resident.where.remote())
        with pytest.raises(ValueError, match="Invalid node_id 'here'"):
            on("here")


def test_spread_uses_several_nodes(ray: ModuleType) -> None:
    with cluster_of(ray, num_cpus=4) as cluster:
        for _ in range(2):
            cluster.add_node(num_cpus=4)
        cluster.wait_for_nodes()
        residents = [Resident.options(num_cpus=1, scheduling_strategy="SPREAD").remote() for _ in range(6)]
        assert len(set(ray.get([resident.where.remote() for resident in residents]))) > 1
        with pytest.raises(ValueError, match="Invalid scheduling_strategy value NEAR"):
            where.options(scheduling_strategy="NEAR").remote()


def test_custom_resources_are_found_on_their_node(ray: ModuleType) -> None:
    with cluster_of(ray, num_cpus=1) as cluster:
        spoons = cluster.add_node(num_cpus=1, resources={"spoon": 1})
        cluster.wait_for_nodes()
        assert ray.get(where.options(resources={"spoon": 0.5}).remote()) == spoons.node_id
        task = where.options(resources={"fork": 1}).remote()
        resident = Resident.options(resources={"fork": 1}).remote()
        call = resident.where.remote()
        assert ray.wait([task, call], timeout=0.2)[0] == []
        forks = cluster.add_node(num_cpus=1, resources={"fork": 2})
        assert ray.get([task, call]) == [forks.node_id] * 2
        until(lambda: ray.available_resources().get("fork") == 1.0)


def test_labels_select_nodes(ray: ModuleType) -> None:
    from simactors.util.scheduling_strategies import (
        DoesNotExist,
        Exists,
        In,
        NodeLabelSchedulingStrategy,
        NotIn,
    )

    with cluster_of(ray, num_cpus=1) as cluster:
        x = cluster.add_node(num_cpus=2, labels={"zone": "x", "disk": "ssd"})
        y = cluster.add_node(num_cpus=2, labels={"zone": "y"})
        cluster.wait_for_nodes()
        for selector, node in (
            ({"zone": "x"}, x),
            ({"zone": "y"}, y),
            ({"zone": "in(y,z)"}, y),
            ({"zone": "!x", "disk": "!ssd"}, y),
            ({"zone": "!in(x)"}, y),
        ):
            assert ray.get(where.options(num_cpus=2, label_selector=selector).remote()) == node.node_id
        resident = Resident.options(label_selector={"zone": "y"}).remote()
        assert ray.get(resident.where.remote()) == y.node_id
        for hard, node in (
            ({"zone": In("x")}, x),
            ({"zone": NotIn("x"), "disk": DoesNotExist()}, y),
            ({"disk": Exists()}, x),
            ({"zone": DoesNotExist()}, cluster.head_node),
        ):
            strategy = NodeLabelSchedulingStrategy(hard=hard)
            size = 1 if node is cluster.head_node else 2
            assert (
                ray.get(where.options(num_cpus=size, scheduling_strategy=strategy).remote()) == node.node_id
            )
        never = where.options(label_selector={"zone": "q"}).remote()
        assert ray.wait([never], timeout=0.1)[0] == []
        with pytest.raises(TypeError, match="The type of keyword 'label_selector' must be"):
            where.options(label_selector="x").remote()


def test_an_actor_dies_with_its_node(ray: ModuleType) -> None:
    with cluster_of(ray, num_cpus=1, resources={"head": 1}) as cluster:
        node = cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        tally = Tally.remote()
        resident = Resident.options(scheduling_strategy=on(node)).remote()
        running = resident.work.remote(tally, 0.5)
        until(lambda: ray.get(tally.read.remote()) == [node.node_id])
        cluster.remove_node(node)
        for ref in (running, resident.where.remote()):
            with pytest.raises(ray.exceptions.ActorDiedError, match="its node has died"):
                ray.get(ref)


def test_an_actor_is_restarted_on_another_node(ray: ModuleType) -> None:
    with cluster_of(ray, num_cpus=1, resources={"head": 1}) as cluster:
        node = cluster.add_node(num_cpus=2, resources={"spoon": 2})
        cluster.wait_for_nodes()
        tally = Tally.remote()
        resident = Resident.options(max_restarts=1, resources={"spoon": 1}).remote()
        retried = Resident.options(max_restarts=1, max_task_retries=-1, resources={"spoon": 1}).remote()
        assert ray.get([resident.count.remote(), resident.count.remote(), retried.count.remote()]) == [
            1,
            2,
            1,
        ]
        lost, again = resident.work.remote(tally, 0.4), retried.work.remote(tally, 0.4)
        until(lambda: ray.get(tally.read.remote()) == [node.node_id] * 2)
        cluster.remove_node(node)
        with pytest.raises(ray.exceptions.ActorUnavailableError):
            ray.get(lost)
        assert ray.wait([again], timeout=0.2)[0] == []  # there is no node for it
        other = cluster.add_node(num_cpus=2, resources={"spoon": 2})
        assert ray.get(again) == "done"
        assert ray.get([retried.where.remote(), retried.count.remote()]) == [other.node_id, 1]
        assert ray.get(retried.reborn.remote()) is True
        assert ray.get(tally.read.remote())[-1] == other.node_id


def test_a_task_is_retried_on_another_node(ray: ModuleType) -> None:
    with cluster_of(ray, num_cpus=1, resources={"head": 1}) as cluster:
        node = cluster.add_node(num_cpus=2, resources={"spoon": 2})
        cluster.wait_for_nodes()
        tally = Tally.remote()
        task = work.options(resources={"spoon": 1})
        again = task.remote(tally, 0.4)
        once = work.options(resources={"spoon": 1}, max_retries=0).remote(tally, 0.4)
        until(lambda: ray.get(tally.read.remote()) == [node.node_id] * 2)
        cluster.remove_node(node)
        with pytest.raises(ray.exceptions.NodeDiedError, match="the node it was running on is dead"):
            ray.get(once)
        other = cluster.add_node(num_cpus=2, resources={"spoon": 2})
        assert ray.get(again) == "done"
        assert ray.get(tally.read.remote()) == [node.node_id, node.node_id, other.node_id]


def test_a_lost_result_is_computed_again(ray: ModuleType) -> None:
    with cluster_of(ray, num_cpus=1, resources={"head": 1}) as cluster:
        node = cluster.add_node(num_cpus=2, resources={"spoon": 2})
        cluster.wait_for_nodes()
        tally = Tally.remote()
        once = array.options(resources={"spoon": 1}, max_retries=0)
        lost, given_up = array.options(resources={"spoon": 1}).remote(tally), once.remote(tally)
        ray.wait([lost, given_up], num_returns=2, fetch_local=False)
        cluster.remove_node(node)
        cluster.add_node(num_cpus=2, resources={"spoon": 2})
        assert ray.get(total.remote(lost)) == 300_000.0
        assert ray.get(tally.read.remote()) == ["computed"] * 3
        with pytest.raises(ray.exceptions.ObjectReconstructionFailedError, match="max_retries=0"):
            ray.get(given_up)
        with pytest.raises(ray.exceptions.ObjectReconstructionFailedError):
            ray.get(total.remote(given_up))


@pytest.mark.parametrize("wanted", [{"resources": {"spoon": 1}}, {"num_gpus": 1}], ids=["custom", "gpu"])
def test_who_waits_for_a_lost_argument_leaves_its_resources_to_who_makes_it_again(
    ray: ModuleType, wanted: dict[str, Any]
) -> None:
    with cluster_of(ray, num_cpus=1, resources={"head": 1}) as cluster:
        node = cluster.add_node(num_cpus=1, num_gpus=1, resources={"spoon": 1})
        cluster.wait_for_nodes()
        tally = Tally.remote()
        lost = array.options(**wanted).remote(tally)
        ray.wait([lost], fetch_local=False)
        cluster.remove_node(node)
        cluster.add_node(num_cpus=1, num_gpus=1, resources={"spoon": 1})
        assert ray.get(total.options(**wanted).remote(lost)) == 300_000.0
        assert ray.get(tally.read.remote()) == ["computed"] * 2


def test_small_results_outlive_the_node_that_computed_them(ray: ModuleType) -> None:
    with cluster_of(ray, num_cpus=1, resources={"head": 1}) as cluster:
        node = cluster.add_node(num_cpus=2)
        cluster.wait_for_nodes()
        ref = where.options(scheduling_strategy=on(node)).remote()
        ray.wait([ref])
        cluster.remove_node(node)
        until(lambda: not node_of(ray, node)["Alive"])
        assert ray.get(ref) == node.node_id


def test_what_an_actor_made_is_lost_with_its_node(ray: ModuleType) -> None:
    with cluster_of(ray, num_cpus=1, resources={"head": 1}) as cluster:
        node = cluster.add_node(num_cpus=2)
        cluster.wait_for_nodes()
        resident = Resident.options(scheduling_strategy=on(node)).remote()
        large, small = ray.get(resident.put_two.remote())
        result = resident.array.remote()
        ray.wait([large, result], num_returns=2, fetch_local=False)
        cluster.remove_node(node)
        until(lambda: not node_of(ray, node)["Alive"])
        for ref in (large, small):
            with pytest.raises(ray.exceptions.OwnerDiedError, match="The object's owner has exited"):
                ray.get(ref)
        with pytest.raises(ray.exceptions.OwnerDiedError):
            ray.get(total.remote(large))
        with pytest.raises(ray.exceptions.ObjectLostError):
            ray.get(result)
        assert ray.wait([large, small], num_returns=2) == ([large, small], [])


def test_bundles_spread_and_pack_over_nodes(ray: ModuleType) -> None:
    from simactors.util.placement_group import placement_group, placement_group_table, remove_placement_group

    with cluster_of(ray, num_cpus=2) as cluster:
        cluster.add_node(num_cpus=2)
        cluster.wait_for_nodes()

        def places(strategy: str) -> set[str]:
            group = placement_group([{"CPU": 1}, {"CPU": 1}], strategy=strategy)
            assert group.wait(10)
            found = set(placement_group_table(group)["bundles_to_node_id"].values())
            remove_placement_group(group)
            until(lambda: ray.available_resources().get("CPU") == 4.0)
            return found

        assert len(places("STRICT_SPREAD")) == len(places("SPREAD")) == 2
        assert len(places("STRICT_PACK")) == len(places("PACK")) == 1
        group = placement_group([{"CPU": 1}] * 3, strategy="STRICT_SPREAD")
        assert group.wait(0.2) is False
        cluster.add_node(num_cpus=1)
        assert group.wait(10) is True
        packed = placement_group([{"CPU": 2}, {"CPU": 1}], strategy="STRICT_PACK")
        assert packed.wait(0.2) is False


def test_bundles_of_a_dead_node_are_placed_again(ray: ModuleType) -> None:
    from simactors.util.placement_group import placement_group, placement_group_table

    with cluster_of(ray, num_cpus=1) as cluster:
        node = cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        group = placement_group([{"CPU": 1}, {"CPU": 1}], strategy="STRICT_SPREAD")
        assert group.wait(10)
        cluster.remove_node(node)
        until(lambda: placement_group_table(group)["state"] == "RESCHEDULING")
        other = cluster.add_node(num_cpus=1)
        until(lambda: placement_group_table(group)["state"] == "CREATED")
        places = set(placement_group_table(group)["bundles_to_node_id"].values())
        assert places == {cluster.head_node.node_id, other.node_id}

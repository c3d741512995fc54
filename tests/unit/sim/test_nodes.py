"""Machines: their names and clocks; and the barriers that may lie between them."""

from __future__ import annotations

import time

import pytest

import simactors
from simactors.cluster_utils import Cluster
from simactors.sim.nodes import Node, Nodes
from simactors.sim.rules import Barrier, Barriers

SECOND = 10**9


def nodes(*zones: str) -> Nodes:
    found = Nodes()
    for zone in zones:
        found.add({"CPU": 1}, {}, zone)
    return found


@pytest.mark.parametrize(
    ("pattern", "labels"),
    [
        ("node-2", ["node-2"]),
        ("node-*", ["node-1", "node-2", "node-3"]),
        ("b", ["node-2", "node-3"]),
        ("?", ["node-1", "node-2", "node-3"]),
        ("node", []),
        ("B", []),
    ],
)
def test_nodes_are_named_by_label_zone_or_wildcard(pattern: str, labels: list[str]) -> None:
    assert [node.label for node in nodes("a", "b", "b").matching(pattern)] == labels


def test_a_node_without_a_zone_is_in_none() -> None:
    assert [node.label for node in nodes("", "a").matching("[a-z]")] == ["node-2"]
    assert nodes("").matching("") == []


def test_a_dead_node_is_named_but_matches_no_more() -> None:
    found = nodes("a", "a")
    found.declare_dead(found.all[1])
    assert [node.label for node in found.matching("a")] == ["node-1"]
    assert [found.with_id(node.hex()) for node in found.all] == found.all
    assert found.with_id(f"{3:056x}") is None


def test_a_clock_is_off_and_drifts() -> None:
    node = Node(1, (), {})
    assert node.clock_ns(100 * SECOND) == 100 * SECOND
    node.offset_ns = -2 * SECOND
    node.drift_ppm = 50.0
    assert node.clock_ns(100 * SECOND) == 98 * SECOND + 100 * 50_000


def test_who_has_waited_for_one_barrier_may_meet_the_next_in_whatever_order_they_are_listed() -> None:
    one, other = nodes("a", "b").all
    first = Barrier(lambda _, __: True, 10, 20)
    second = Barrier(lambda source, _: source is one, 20, 35)
    for barriers in (Barriers([first, second]), Barriers([second, first])):
        assert [barriers.delay_ns(one, other, now) for now in (9, 10, 19, 20, 34, 35)] == [
            0,
            25,
            16,
            15,
            1,
            0,
        ]
        assert [barriers.delay_ns(other, one, now) for now in (9, 10, 19, 20)] == [0, 10, 1, 0]
        assert barriers.delay_ns(one, one, 15) == 0


def test_a_program_may_begin_with_another_cluster_while_a_node_of_the_first_one_leaves() -> None:
    with simactors.simulate():
        first = Cluster()
        first.add_node()
        first.remove_node(first.add_node())
        second = Cluster()
        second.add_node(num_cpus=3)
        time.sleep(30)  # until everybody must have noticed
        assert [node["Resources"]["CPU"] for node in simactors.nodes() if node["Alive"]] == [3]

"""Components and shortest cycles of random graphs, compared with those that networkx finds."""

from __future__ import annotations

import random

import networkx
import pytest

from simactors.checkers.graphs import Graph, components, shortest_cycle

A, B = 1, 2


def graph_of(edges: list[tuple[int, int, int]], size: int) -> Graph:
    graph = Graph(size)
    for source, target, kind in edges:
        graph.add(source, target, kind)
    return graph


def random_edges(rng: random.Random, size: int) -> list[tuple[int, int, int]]:
    pairs = [(s, t) for s in range(size) for t in range(size) if s != t]
    return [
        (s, t, rng.choice((A, B, A | B)))
        for s, t in rng.sample(pairs, rng.randint(0, min(len(pairs), 2 * size)))
    ]


@pytest.mark.parametrize("seed", range(100))
def test_components_are_those_that_networkx_finds(seed: int):
    rng = random.Random(seed)
    size = rng.randint(2, 30)
    edges = random_edges(rng, size)
    graph = graph_of(edges, size)
    for kinds in (A, B, A | B):
        reference = networkx.DiGraph([(s, t) for s, t, kind in edges if kind & kinds])
        expected = sorted(sorted(c) for c in networkx.strongly_connected_components(reference) if len(c) > 1)
        assert components(graph, kinds) == expected
        some = rng.sample(range(size), size // 2)
        inner = reference.subgraph(some)
        expected = sorted(sorted(c) for c in networkx.strongly_connected_components(inner) if len(c) > 1)
        assert components(graph, kinds, some) == expected


@pytest.mark.parametrize("seed", range(100))
def test_no_cycle_of_the_wanted_form_is_shorter_than_the_one_that_is_found(seed: int):
    rng = random.Random(seed)
    size = rng.randint(2, 7)
    edges = random_edges(rng, size)
    graph = graph_of(edges, size)
    reference = networkx.DiGraph([(s, t, {"kind": kind}) for s, t, kind in edges])
    fitting = []
    for cycle in networkx.simple_cycles(reference):
        kinds = [reference.edges[s, t]["kind"] for s, t in zip(cycle, cycle[1:] + cycle[:1], strict=True)]
        if any(
            first & A and all(k & B for j, k in enumerate(kinds) if j != i) for i, first in enumerate(kinds)
        ):
            fitting.append(len(cycle))
    found = []
    for component in components(graph, A | B):
        cycle = shortest_cycle(graph, component, A, B)
        if cycle is not None:
            found.append(len(cycle))
            assert cycle[0][2] == A
            assert all(kind == B for _, _, kind in cycle[1:])
            assert all(one[1] == other[0] for one, other in zip(cycle, cycle[1:] + cycle[:1], strict=True))
            assert all(graph.successors[s][t] & kind for s, t, kind in cycle)
    assert min(found, default=0) == min(fitting, default=0)


def test_a_component_may_be_longer_than_the_stack_of_python():
    size = 50_000
    graph = graph_of([(i, (i + 1) % size, A) for i in range(size)], size)
    (component,) = components(graph, A)
    assert len(component) == size


def test_a_hub_does_not_count_in_the_length_of_a_cycle():
    # 0 -A-> 1, and back over three hubs or over one node.
    graph = graph_of([(0, 1, A), (1, 2, B), (2, 0, B)], 3)
    before = 1
    for _ in range(3):
        hub = graph.add_hub()
        graph.add(before, hub, B)
        before = hub
    graph.add(before, 0, B)
    cycle = shortest_cycle(graph, components(graph, A | B)[0], A, B)
    assert cycle is not None
    assert [source for source, _, _ in cycle] == [0, 1, 3, 4, 5]


def test_without_effort_left_the_shortest_cycle_so_far_is_taken():
    graph = graph_of([(0, 1, A), (1, 2, B), (2, 0, B), (3, 4, A), (4, 3, B), (2, 3, B), (3, 2, B)], 5)
    component = components(graph, A | B)[0]
    hasty, thorough = (shortest_cycle(graph, component, A, B, effort=effort) for effort in (0, 1000))
    assert hasty is not None
    assert thorough is not None
    assert (len(hasty), len(thorough)) == (3, 2)

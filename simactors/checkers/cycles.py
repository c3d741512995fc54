"""The cycles among transactions that an isolation level forbids: the shortest of each kind, classified.

Not which level forbids what: `isolation.py`. Not how graphs are searched: `graphs.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from simactors.checkers.anomalies import Anomaly
from simactors.checkers.dependencies import KINDS, RW, SESSION, TIME, WORDS, WR, WW, reason
from simactors.checkers.graphs import Edge, Graph, components, shortest_cycle
from simactors.checkers.transactions import Transaction
from simactors.checkers.versions import Inferred


def cycles(
    graph: Graph,
    transactions: Sequence[Transaction],
    inferred: Inferred,
    *,
    forbids: Sequence[str],
    orders: int,
) -> Iterator[Anomaly]:
    """For each strongly connected component, a shortest cycle of each kind that there is.

    A cycle that needs the order of sessions is looked for where none is found without, and real time after that. In
    the same way cycles with several anti-dependencies are looked for where there are none with fewer.

    Args:
        forbids: the kinds to look for.
        orders: as for `dependencies`.
    """
    everything = WW | orders
    if "G1c" in forbids:
        everything |= WR
    if "G-single" in forbids:
        everything |= RW
    for component in components(graph, everything):
        for counted in (0, SESSION, SESSION | TIME):
            if counted & ~orders:
                continue
            found = list(_of_component(graph, component, forbids, counted))
            yield from (_anomaly(cycle, transactions, inferred) for cycle in found)
            if found:
                break


_Cycle = list[tuple[int, int]]
"""Transactions, each with the kind of the edge that leads to the next."""


def _of_component(
    graph: Graph, nodes: Sequence[int], forbids: Sequence[str], orders: int
) -> Iterator[_Cycle]:
    """The cycles of one component, the kinds in turn."""
    forward = WW | WR | orders
    found = False
    for kind, first, rest in (("G0", WW, WW | orders), ("G1c", WR, forward), ("G-single", RW, forward)):
        if kind in forbids:
            for cycle in _shortest(graph, nodes, first, rest):
                found = True
                yield cycle
    if "G-nonadjacent" in forbids and not found:
        for cycle in _apart(graph, nodes, forward):
            found = True
            yield cycle
    if "G2-item" in forbids and not found:
        yield from _shortest(graph, nodes, RW, forward | RW)


def _shortest(graph: Graph, nodes: Sequence[int], first: int, rest: int) -> Iterator[_Cycle]:
    """Of each component of these nodes, the shortest cycle with one edge of the kind `first` and others of `rest`."""
    for component in components(graph, first | rest, nodes):
        edges = shortest_cycle(graph, component, first, rest)
        if edges is not None:
            yield _contracted(edges, graph.hubs_from)


def _apart(graph: Graph, nodes: Sequence[int], forward: int) -> Iterator[_Cycle]:
    """Cycles with no two anti-dependencies in a row: snapshot isolation has none (Cerone and Gotsman, theorem 10).

    Each node is there twice, for those who came by an anti-dependency and may take none now, and for all others. The
    shortest such walk meets nobody twice: else one of its two halves, cut at that transaction, would be one itself.
    """
    places = {node: place for place, node in enumerate(nodes)}  # hubs stay behind all others
    twice = Graph(2 * sum(node < graph.hubs_from for node in nodes))
    twice.successors.extend({} for _ in range(2 * len(nodes) - len(twice.successors)))
    for source, target, kinds in graph.within(nodes, forward | RW):
        free, bound = 2 * places[source], 2 * places[source] + 1
        if kinds & forward:
            twice.add(free, 2 * places[target], kinds & forward)
            twice.add(bound, 2 * places[target], kinds & forward)
        if kinds & RW:
            twice.add(free, 2 * places[target] + 1, RW)
    for component in components(twice, forward | RW):
        edges = shortest_cycle(twice, component, RW, forward | RW)
        if edges is not None:
            back = [(nodes[source // 2], nodes[target // 2], kinds) for source, target, kinds in edges]
            yield _contracted(back, graph.hubs_from)


def _contracted(edges: Sequence[Edge], hubs_from: int) -> _Cycle:
    """Without hubs: an edge to one and the edge from it are one."""
    return [(source, next(k for k in KINDS if k & kinds)) for source, _, kinds in edges if source < hubs_from]


def _anomaly(cycle: _Cycle, transactions: Sequence[Transaction], inferred: Inferred) -> Anomaly:
    members = [transactions[number] for number, _ in cycle]
    kinds = [kind for _, kind in cycle]
    following = members[1:] + members[:1]
    links = [
        reason(one, other, kind, inferred) for one, other, kind in zip(members, following, kinds, strict=True)
    ]
    way = " ".join(f"{one.name} -{WORDS[kind]}->" for one, kind in zip(members, kinds, strict=True))
    said = f"{len(members)} transactions in a cycle: {way} {members[0].name}"
    return Anomaly(kind_of(kinds), said, tuple(members), tuple(links), _order(kinds))


def kind_of(kinds: Sequence[int]) -> str:
    """What a cycle with edges of these kinds is called."""
    against = [kind == RW for kind in kinds]
    if sum(against) == 0:
        return "G1c" if WR in kinds else "G0"
    if sum(against) == 1:
        return "G-single"
    in_a_row = any(one and other for one, other in zip(against, against[1:] + against[:1], strict=True))
    return "G2-item" if in_a_row else "G-nonadjacent"


def _order(kinds: Sequence[int]) -> Literal["", "session", "time"]:
    if TIME in kinds:
        return "time"
    return "session" if SESSION in kinds else ""

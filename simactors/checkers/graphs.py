"""Cycles in a directed graph: strongly connected components, and the shortest cycle that fits a pattern.

Not what nodes and edges stand for: `dependencies.py` and `sessions.py` build the graphs. Everything is in an order that
depends on the numbers of the nodes and on the order of the edges alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

MOST_EFFORT = 5_000_000
"""How many edges a search for the shortest cycle looks at, before it takes the shortest so far."""

Edge = tuple[int, int, int]
"""From which node to which, and of which kinds."""


class Graph:
    """Nodes 0, 1, ... and edges between them, each of one or more kinds, which are bits.

    Hubs are nodes that stand for nothing: they keep an order of n nodes from needing n² edges. They do not count in
    the length of a cycle. They come after all other nodes.
    """

    __slots__ = ("hubs_from", "successors")

    def __init__(self, size: int) -> None:
        self.hubs_from = size
        self.successors: list[dict[int, int]] = [{} for _ in range(size)]

    def add(self, source: int, target: int, kind: int) -> None:
        """An edge; between the same two nodes the kinds add up."""
        edges = self.successors[source]
        edges[target] = edges.get(target, 0) | kind

    def add_hub(self) -> int:
        """A new hub; its number."""
        self.successors.append({})
        return len(self.successors) - 1

    def within(self, nodes: Iterable[int], kinds: int) -> Iterator[Edge]:
        """The edges of these kinds between these nodes, with no other kinds."""
        inside = dict.fromkeys(nodes)
        for source in inside:
            for target, found in self.successors[source].items():
                if found & kinds and target in inside:
                    yield source, target, found & kinds


def components(graph: Graph, kinds: int, nodes: Iterable[int] | None = None) -> list[list[int]]:
    """The strongly connected components of more than one node, if only edges of `kinds` count.

    Args:
        nodes: only these, and edges between them; all if not given.

    Tarjan's algorithm, without recursion, because a component may be larger than Python's stack.
    Source: Tarjan, Depth-first search and linear graph algorithms, SIAM Journal on Computing 1(2), 1972.
    """
    chosen = None if nodes is None else dict.fromkeys(nodes)
    search = _Tarjan(graph, kinds, chosen)
    for root in range(len(graph.successors)) if chosen is None else chosen:
        if root not in search.order:
            search.visit(root)
    return sorted(search.found)


class _Tarjan:
    """One search in depth.

    Attributes:
        order: when each node was first seen, counted from 0.
        found: the components.
    """

    def __init__(self, graph: Graph, kinds: int, chosen: dict[int, None] | None) -> None:
        self._successors = graph.successors
        self._kinds = kinds
        self._chosen = chosen
        self._lowest: dict[int, int] = {}  # the first seen node that it leads back to
        self._open: list[int] = []  # seen, and in no component yet
        self._is_open: set[int] = set()
        self.order: dict[int, int] = {}
        self.found: list[list[int]] = []

    def visit(self, root: int) -> None:
        path = [root]
        ways = [self._enter(root)]
        while path:
            node = path[-1]
            for target in ways[-1]:
                if target not in self.order:
                    path.append(target)
                    ways.append(self._enter(target))
                    break
                if target in self._is_open:
                    self._lowest[node] = min(self._lowest[node], self.order[target])
            else:
                path.pop()
                ways.pop()
                if path:
                    self._lowest[path[-1]] = min(self._lowest[path[-1]], self._lowest[node])
                if self._lowest[node] == self.order[node]:
                    self._close(node)

    def _enter(self, node: int) -> Iterator[int]:
        self.order[node] = self._lowest[node] = len(self.order)
        self._open.append(node)
        self._is_open.add(node)
        kinds, chosen = self._kinds, self._chosen
        ways = [target for target, found in self._successors[node].items() if found & kinds]
        return iter(ways if chosen is None else [target for target in ways if target in chosen])

    def _close(self, first: int) -> None:
        component: list[int] = []
        while not component or component[-1] != first:
            component.append(self._open.pop())
        self._is_open.difference_update(component)
        if len(component) > 1:
            self.found.append(sorted(component))


def shortest_cycle(
    graph: Graph, component: Sequence[int], first: int, rest: int, *, effort: int = MOST_EFFORT
) -> list[Edge] | None:
    """The shortest cycle inside a component whose first edge is of the kinds `first` and whose others are of `rest`.

    Args:
        first: kinds of edges that never begin or end at a hub.
        effort: how many edges to look at; afterwards the shortest cycle so far is as good as any.

    Returns:
        Its edges, each with those of its kinds that fit; None if there is no such cycle, or none was found in time.
    """
    inside = dict.fromkeys(component)
    starts = list(graph.within(component, first))
    best: list[Edge] | None = None
    most = len(component)  # a cycle has no more edges
    for source, target, kinds in starts:
        path, looked = _shortest_path(graph, inside, target, source, rest, most)
        effort -= looked
        if path is not None:
            best = [(source, target, kinds), *path]
            most = sum(edge[1] < graph.hubs_from for edge in path)
        if most == 1 or effort < 0:
            break
    return best


def _shortest_path(
    graph: Graph, inside: dict[int, None], source: int, goal: int, kinds: int, most: int
) -> tuple[list[Edge] | None, int]:
    """A shortest path of less than `most` steps, and how many edges were looked at; a step to a hub is none.

    Breadth first, where what costs nothing comes first; so a node may be taken up twice, the second time in vain.
    """
    distance = {source: 0}
    came_from: dict[int, int] = {}
    waiting = deque([source])
    looked = 0
    while waiting:
        node = waiting.popleft()
        if node == goal:
            return _back(graph, came_from, source, goal, kinds), looked
        looked += len(graph.successors[node])
        for target, found in graph.successors[node].items():
            if not found & kinds or target not in inside:
                continue
            far = distance[node] + (target < graph.hubs_from)
            if far < distance.get(target, most):
                distance[target] = far
                came_from[target] = node
                if target < graph.hubs_from:
                    waiting.append(target)
                else:
                    waiting.appendleft(target)
    return None, looked


def _back(graph: Graph, came_from: dict[int, int], source: int, goal: int, kinds: int) -> list[Edge]:
    path: list[Edge] = []
    node = goal
    while node != source:
        before = came_from[node]
        path.append((before, node, graph.successors[before][node] & kinds))
        node = before
    return path[::-1]

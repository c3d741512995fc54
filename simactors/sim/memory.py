"""Memory that running code uses, as the config declares it; whoever is too much on a node is killed.

As Ray's memory monitor: of the calls on the node the youngest that would be made again, or else the youngest. How a
process ends is not decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from simactors.sim.cluster import Process, ProcessEnded
from simactors.sim.invocation import Invocation
from simactors.sim.nodes import Node

_GIB = 2**30


class Memory:
    """What the running calls of every node use.

    Args:
        kill: ends the process of a call, for a reason.
    """

    def __init__(self, use: Mapping[str, int], kill: Callable[[Invocation, str], None]) -> None:
        self._use = use
        self._sizes: dict[str, int] = {}
        self._held: dict[Node, dict[Invocation, tuple[Process, int]]] = {}  # the oldest first
        self._kill = kill

    def begin(self, process: Process, invocation: Invocation) -> None:
        """A call begins to run; what it uses is free again when it has ended.

        Raises:
            ProcessEnded: it was one too many.
        """
        size = self._size_of(invocation.label)
        if not size:
            return
        node = process.node
        # Who has ended says nothing here: looked at only when something is added, because only then it can be too much.
        held = {call: use for call, use in self._held.get(node, {}).items() if _runs(call, use[0])}
        held.pop(invocation, None)
        held[invocation] = process, size
        self._held[node] = held
        capacity = node.pool.quantity("memory")
        while sum(use for _, use in held.values()) > capacity:
            total = sum(use for _, use in held.values())
            victim = _victim(list(held))
            del held[victim]
            self._kill(
                victim,
                f"it was killed due to the node running low on memory: {node} has {capacity / _GIB:.3g} GiB, and "
                f"{total / _GIB:.3g} GiB were used, {self._size_of(victim.label) / _GIB:.3g} GiB of them by it",
            )
        if process.gone:
            raise ProcessEnded

    def _size_of(self, label: str) -> int:
        if label not in self._sizes:
            sizes = (size for pattern, size in self._use.items() if fnmatchcase(label, pattern))
            self._sizes[label] = next(sizes, 0)
        return self._sizes[label]


def _victim(calls: list[Invocation]) -> Invocation:
    retriable = [
        call for call in calls if (call.retries if call.actor is None else call.actor.extra.restarts)
    ]
    return (retriable or calls)[-1]


def _runs(call: Invocation, process: Process) -> bool:
    """Whether the code of `call` runs in `process`, or is suspended there."""
    actor: Any = process.actor
    if process.dead or actor is None:
        return process.task is call and not process.dead
    if actor.process is not process:
        return False
    return actor.current is call or (actor.lanes is not None and actor.lanes.is_running(call))

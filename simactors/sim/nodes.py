"""A simulated machine: what it has, who runs on it, how its clock goes.

Not who is placed on it (`placement.py`) nor what befalls it (`faults.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from simactors.core import ids
from simactors.core.resources import Amounts, Pool, amounts_of

_PPM = 1_000_000


class Node:
    """One machine of the cluster.

    Invariant: `alive` implies `up` or that nobody has noticed yet; a node that was declared dead never comes back to
    life, a machine that returns is a new node.

    Attributes:
        id: a counter, from 1.
        up: it runs; false as soon as it crashes.
        alive: the cluster believes that it runs; false once it was declared dead.
        halted: no code runs on it now: it is down, or stands still for a while.
        pool: what it has and what is free of it.
        labels: what label selectors match.
        zone: for links between zones; empty if it is in none.
        idle: worker processes that wait for a task, the longest first.
        has_dressed: a `runtime_env` has given some of its workers variables of their own.
        slowness: how many times longer its code takes; 1.0 for a healthy node.
        offset_ns, drift_ppm: how its clock differs from the true time.
        cores: what its working code shares; None before anything works.
        store: its object store; None before anything lies there.
    """

    __slots__ = (
        "alive",
        "cores",
        "drift_ppm",
        "halted",
        "has_dressed",
        "id",
        "idle",
        "label",
        "labels",
        "offset_ns",
        "pool",
        "slowness",
        "store",
        "up",
        "zone",
    )

    def __init__(self, number: int, total: Amounts, labels: Mapping[str, str], zone: str = "") -> None:
        self.id = number
        self.label = f"node-{number}"
        self.pool = Pool(total)
        self.label_with(labels)
        self.zone = zone
        self.up = True
        self.alive = True
        self.halted = False
        self.idle: list[Any] = []
        self.has_dressed = False
        self.slowness = 1.0
        self.offset_ns = 0
        self.drift_ppm = 0.0
        self.cores: Any = None
        self.store: Any = None

    def label_with(self, labels: Mapping[str, str]) -> None:
        """Give it other labels than it had, but for its id."""
        self.labels = {**labels, "ray.io/node-id": self.hex()}

    def hex(self) -> str:
        """The id as Ray writes it: 56 hexadecimal digits."""
        return ids.node_id(self.id).hex()

    def matches(self, pattern: str) -> bool:
        """Whether `pattern` means this node, by its name, its zone or a wildcard."""
        return is_meant(pattern, self.label, self.zone)

    def clock_ns(self, now_ns: int) -> int:
        """What its clock says has passed since the start."""
        if not self.drift_ppm:
            return now_ns + self.offset_ns
        return now_ns + self.offset_ns + int(now_ns * self.drift_ppm / _PPM)

    def __str__(self) -> str:
        return self.label


def is_meant(pattern: str, name: str, zone: str) -> bool:
    """Whether `pattern` means the node of that name, in that zone if it is in one."""
    return fnmatchcase(name, pattern) or (bool(zone) and fnmatchcase(zone, pattern))


class Nodes:
    """All nodes of a run.

    Attributes:
        all: dead ones too, the oldest first.
        alive: those that are not declared dead.
    """

    def __init__(self) -> None:
        self.all: list[Node] = []
        self.alive: list[Node] = []

    def add(self, quantities: Mapping[str, float], labels: Mapping[str, str], zone: str = "") -> Node:
        """A new node."""
        node = Node(len(self.all) + 1, amounts_of(quantities), labels, zone)
        self.all.append(node)
        self.alive.append(node)
        return node

    def declare_dead(self, node: Node) -> None:
        """From now on everybody takes it for dead."""
        node.alive = False
        self.alive.remove(node)

    def clear(self) -> None:
        """Forget all nodes: nobody has used them."""
        self.all.clear()
        self.alive.clear()

    def matching(self, pattern: str) -> list[Node]:
        """The nodes in the cluster that `pattern` means, by name, zone or wildcard, the oldest first."""
        return [node for node in self.alive if node.matches(pattern)]

    def with_id(self, text: str) -> Node | None:
        """The node with that hexadecimal id, dead or alive."""
        number = ids.NodeID.from_hex(text).number
        return self.all[number - 1] if 0 < number <= len(self.all) else None

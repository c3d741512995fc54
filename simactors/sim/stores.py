"""Object stores: where large values lie, how they get from node to node, what happens when a store is full.

Small values travel inside messages and live with their owner, as on Ray; only what is larger than `INLINE_BYTES` has a
place. Recomputing what was lost is not done here: that is the hook `recover`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable

from simactors.core import codec
from simactors.core.outcome import Outcome, Value
from simactors.exceptions import ObjectStoreFullError
from simactors.sim.cluster import Process
from simactors.sim.config import NS, SimConfig
from simactors.sim.invocation import State, outcome_of
from simactors.sim.kernel import Kernel
from simactors.sim.nodes import Node
from simactors.sim.sharing import Shared

INLINE_BYTES = 100 * 1024
"""What is larger lies in an object store."""


class StoredValue(Value):
    """A large value.

    Attributes:
        size: in bytes.
        number: a counter, which orders them.
        copies: the nodes that have one, the first one first; empty if it was lost.
    """

    __slots__ = ("__weakref__", "copies", "number", "size")

    def __init__(self, packed: object, size: int, number: int) -> None:
        super().__init__(packed)
        self.size = size
        self.number = number
        self.copies: dict[Node, None] = {}

    def __del__(self) -> None:
        # Nothing but accounts: nobody's code runs, whenever this is called.
        for node in self.copies:
            node.store.forget(self.number, self.size)


class NodeStore:
    """What lies on one node.

    Invariant: `used` is the sum of the sizes of what is in `memory`, and at most `capacity`.

    Attributes:
        capacity, used: in bytes.
        memory, disk: what lies where, by its number, the longest unused first.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.used = 0
        self.memory: dict[int, weakref.ref[StoredValue]] = {}
        self.disk: dict[int, weakref.ref[StoredValue]] = {}

    def keep(self, value: StoredValue) -> None:
        """Put a copy into memory, where there is room for it."""
        self.memory[value.number] = weakref.ref(value)
        self.used += value.size

    def forget(self, number: int, size: int) -> None:
        """A copy is gone."""
        if self.memory.pop(number, None) is not None:
            self.used -= size
        else:
            self.disk.pop(number, None)

    def touch(self, number: int) -> None:
        """A copy in memory was used."""
        self.memory[number] = self.memory.pop(number)

    def oldest(self) -> list[StoredValue]:
        """What is in memory, the longest unused first."""
        return [value for reference in self.memory.values() if (value := reference()) is not None]

    def all(self) -> list[StoredValue]:
        """Everything that lies here."""
        references = (*self.memory.values(), *self.disk.values())
        return [value for reference in references if (value := reference()) is not None]


class Stores:
    """The object stores of all nodes.

    Args:
        bandwidth: bytes per second from one node to another; None for no limit.
        recover: makes a lost value again, or its state a failure; returns when that is done.
    """

    def __init__(
        self,
        kernel: Kernel,
        config: SimConfig,
        bandwidth: Callable[[Node, Node], float | None],
        recover: Callable[[Process, State], None],
    ) -> None:
        self._kernel = kernel
        self._spilling = config.spilling
        self._spill_rate = config.spill_bytes_per_s
        self._bandwidth = bandwidth
        self._recover = recover
        self.loses: Callable[[str], bool] | None = None
        """Asked for each value that is stored: whether a fault plan loses it at once."""
        self._pipes: dict[tuple[int, int], Shared] = {}
        self._made = 0

    def stored(self, process: Process, packed: object, label: str) -> Value:
        """A value that code of `process` has made, put into the store of its node if it is large.

        Args:
            label: whose result it is: ``train``, ``put()``.

        Raises:
            ObjectStoreFullError: there is no room for it.
        """
        size = _size_of(packed)
        is_lost = self.loses is not None and self.loses(label)
        if size <= INLINE_BYTES and not is_lost:
            return Value(packed)
        self._made += 1
        value = StoredValue(packed, size, self._made)
        if not is_lost:
            self._keep(process, value)
        return value

    def obtain(self, process: Process, state: State) -> Outcome:
        """The outcome behind a ref, brought to the node of `process`; suspends the running code meanwhile."""
        node = process.node
        while True:
            outcome = outcome_of(state)
            if type(outcome) is not StoredValue:
                return outcome
            if node in outcome.copies:
                self._load(process, outcome)
                return outcome
            source = next((other for other in outcome.copies if other.up), None)
            if source is not None:
                self._transfer(process, source, outcome)
            else:
                self._recover(process, state)

    def node_died(self, node: Node) -> None:
        """What lay there is gone."""
        if node.store is None:
            return
        for value in node.store.all():
            value.copies.pop(node, None)
        node.store = NodeStore(node.store.capacity)

    def _transfer(self, process: Process, source: Node, value: StoredValue) -> None:
        """Copy a value from another node's store, which takes size / bandwidth, shared with other transfers."""
        target = process.node
        rate = self._bandwidth(source, target)
        if rate is not None:
            pipe = self._pipes.get((source.id, target.id))
            if pipe is None:
                pipe = Shared(self._kernel, lambda users: rate / NS / users)
                self._pipes[source.id, target.id] = pipe
            pipe.use(process, value.size, f"{value.size} bytes from {source}")
        if source.up and source in value.copies and target not in value.copies:
            self._keep(process, value)

    def _keep(self, process: Process, value: StoredValue) -> None:
        node = process.node
        store = self._store_of(node)
        self._make_room(process, store, value.size)
        value.copies[node] = None
        store.keep(value)

    def _load(self, process: Process, value: StoredValue) -> None:
        """Have a value in memory that lies on this node, perhaps on its disk."""
        store = self._store_of(process.node)
        if value.number in store.memory:
            store.touch(value.number)
            return
        self._make_room(process, store, value.size)
        self._use_disk(process, value.size)
        if store.disk.pop(value.number, None) is not None:
            store.keep(value)

    def _make_room(self, process: Process, store: NodeStore, size: int) -> None:
        """Drop copies that others have too, and then spill, the longest unused first."""
        candidates = store.oldest() if store.used + size > store.capacity else []
        for value in candidates:
            if store.used + size > store.capacity and len(value.copies) > 1:
                store.forget(value.number, value.size)
                del value.copies[process.node]
        if store.used + size > store.capacity and (not self._spilling or size > store.capacity):
            raise ObjectStoreFullError(
                f"Failed to put an object of {size} bytes into the object store of {process.node}, because it is "
                f"full: it holds {store.used} of {store.capacity} bytes, and everything in it is still referred to."
            )
        for value in candidates:
            if store.used + size > store.capacity and value.number in store.memory:
                store.disk[value.number] = store.memory[value.number]
                store.forget(value.number, value.size)
                self._use_disk(process, value.size)

    def _use_disk(self, process: Process, size: int) -> None:
        self._kernel.sleep(process, round(size / self._spill_rate * NS))

    def _store_of(self, node: Node) -> NodeStore:
        if node.store is None:
            node.store = NodeStore(int(node.pool.quantity("object_store_memory")))
        store: NodeStore = node.store
        return store


def _size_of(packed: object) -> int:
    if type(packed) is codec.Encoded:
        return len(packed.data) + sum(map(len, packed.buffers))
    return len(packed) if isinstance(packed, bytes | str) else 0

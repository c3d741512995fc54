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
from simactors.sim.invocation import State, check_packed, outcome_of
from simactors.sim.kernel import Kernel
from simactors.sim.nodes import Node
from simactors.sim.rules import Links
from simactors.sim.sharing import Shared
from simactors.sim.waiting import Timer, Waiter

INLINE_BYTES = 100 * 1024
"""What is larger lies in an object store."""

_STORES = "object stores"


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


def is_lost(outcome: Outcome | None) -> bool:
    """Whether this is a large value of which no copy is left."""
    return type(outcome) is StoredValue and not outcome.copies


def is_out_of_reach(outcome: Outcome | None) -> bool:
    """Whether all copies of a large value were on machines that run no more, perhaps without anybody's knowing that."""
    return type(outcome) is StoredValue and not any(node.up for node in outcome.copies)


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

    def spill(self, value: StoredValue) -> None:
        """Move a copy from memory to disk."""
        self.disk[value.number] = self.memory.pop(value.number)
        self.used -= value.size

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
        links: what holds between nodes.
        cut_ns: how long nothing gets from one node to another, from now on.
        recover: makes a lost value again, or its state a failure; returns when that is done.

    Attributes:
        loses: asked for each value that is stored, by whose result it is: whether a fault plan loses it at once.
    """

    def __init__(
        self,
        kernel: Kernel,
        config: SimConfig,
        links: Links,
        cut_ns: Callable[[Node, Node], int],
        recover: Callable[[Process, State], None],
    ) -> None:
        self._kernel = kernel
        self._spilling = config.spilling
        self._spill_rate = config.spill_bytes_per_s
        self._links = links
        self._cut_ns = cut_ns
        self._recover = recover
        self.loses: Callable[[str], bool] | None = None
        # Code that waits for a copy that is out of reach, and what else is to be done when a node is declared dead.
        self._stranded: dict[Waiter | Timer, None] = {}
        self._pipes: dict[tuple[int, int], Shared] = {}
        self._made = 0

    def stored(self, process: Process, packed: object, label: str) -> Value:
        """A value that code of `process` has made, put into the store of its node if it is large.

        Args:
            label: whose result it is: ``train``, ``put()``.

        Raises:
            ObjectStoreFullError: there is no room for it.
            ValueError, RuntimeError: it carries a ref or a handle of another session.
        """
        check_packed(process, packed)
        size = _size_of(packed)
        is_lost = self.loses is not None and self.loses(label)
        if size <= INLINE_BYTES and not is_lost:
            return Value(packed)
        self._made += 1
        self._kernel.touches(_STORES)
        value = StoredValue(packed, size, self._made)
        if not is_lost and process.node.alive:
            self._keep(process, value)
        return value

    def obtain(self, process: Process, state: State) -> Outcome:
        """The outcome behind a ref, brought to the node of `process`; suspends the running code meanwhile."""
        node = process.node
        while True:
            if state.outcome is None:  # it is being made again
                self._recover(process, state)
            # Who is behind a partition, and taken for dead, still has what is its own.
            outcome = state.outcome if state.caller is process else outcome_of(state)
            if type(outcome) is not StoredValue:
                assert outcome is not None
                return outcome
            self._kernel.touches(_STORES)
            if node in outcome.copies:
                self._load(process, outcome)
                return outcome
            if outcome.copies:
                if self._fetch(process, outcome) and not node.alive:
                    return outcome  # it has it, and nobody counts what lies there
            elif process.gone:  # nobody makes anything for it
                self._kernel.block(Waiter(process, f"{state}, as its node is cut off"))
            else:
                self._recover(process, state)

    def node_died(self, node: Node) -> None:
        """What lay there is gone."""
        if node.store is not None:
            for value in node.store.all():
                value.copies.pop(node, None)
            node.store = NodeStore(node.store.capacity)
        waiting, self._stranded = self._stranded, {}
        self._kernel.ready.extend(waiting)

    def when_node_dies(self, action: Callable[[], None]) -> None:
        """Run `action` as a step once the next node is declared dead."""
        self._stranded[Timer(action)] = None

    def _fetch(self, process: Process, value: StoredValue) -> bool:
        """Bring a value from a node that has it; or wait for a change, if none can be reached: false then."""
        away = {node: self._cut_ns(node, process.node) for node in value.copies if node.up}
        source = next((node for node, cut_ns in away.items() if not cut_ns), None)
        if source is not None:
            self._transfer(process, source, value)
            return source.up
        waiter = Waiter(process, f"an object on {', '.join(map(str, value.copies))}, out of reach")
        self._stranded[waiter] = None
        if away:
            self._kernel.timer(min(away.values()), lambda: self._look_again(waiter))
        self._kernel.block(waiter)
        return False

    def _look_again(self, waiter: Waiter) -> None:
        """A cut has healed."""
        if waiter in self._stranded:  # else a node was declared dead before
            del self._stranded[waiter]
            waiter.then(waiter)

    def _transfer(self, process: Process, source: Node, value: StoredValue) -> None:
        """Copy a value from another node's store, which takes size / bandwidth, shared with other transfers."""
        target = process.node
        rate = self._links.bandwidth(source, target)
        if rate is not None:
            pipe = self._pipes.get((source.id, target.id))
            if pipe is None:
                pipe = Shared(self._kernel, lambda users: rate / NS / users)
                self._pipes[source.id, target.id] = pipe
            size = self._links.bytes_for(source, target, value.size)
            pipe.use(process, size, f"{value.size} bytes from {source}")
        if source.up and source in value.copies and target not in value.copies and target.alive:
            self._keep(process, value)

    def _keep(self, process: Process, value: StoredValue) -> None:
        node = process.node
        store = self._store_of(node)
        if self._is_for_disk(store, value):
            value.copies[node] = None
            store.disk[value.number] = weakref.ref(value)
            self._use_disk(process, value.size)
            return
        self._make_room(process, store, value.size)
        value.copies[node] = None
        store.keep(value)

    def _load(self, process: Process, value: StoredValue) -> None:
        """Have a value in memory that lies on this node, perhaps on its disk."""
        store = self._store_of(process.node)
        if value.number in store.memory:
            store.touch(value.number)
            return
        if not self._is_for_disk(store, value):
            self._make_room(process, store, value.size)
            if store.disk.pop(value.number, None) is not None:
                store.keep(value)
        self._use_disk(process, value.size)

    def _is_for_disk(self, store: NodeStore, value: StoredValue) -> bool:
        """Whether it could never be in memory."""
        return self._spilling and value.size > store.capacity

    def _make_room(self, process: Process, store: NodeStore, size: int) -> None:
        """Drop copies that others have too, and then spill, the longest unused first."""
        for value in store.oldest() if store.used + size > store.capacity else ():
            if store.used + size > store.capacity and len(value.copies) > 1:
                store.forget(value.number, value.size)
                del value.copies[process.node]
        if store.used + size > store.capacity and not self._spilling:
            raise ObjectStoreFullError(
                f"Failed to put an object of {size} bytes into the object store of {process.node}, because it is "
                f"full: it holds {store.used} of {store.capacity} bytes, and everything in it is still referred to."
            )
        while store.used + size > store.capacity:  # asked anew each time: others fill it meanwhile
            oldest = store.oldest()[0]
            store.spill(oldest)
            self._use_disk(process, oldest.size)

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

"""Streaming generators: the items of a call on their way from the code that yields them to whoever takes them.

Not running the generator (`executor.py`) and not waiting for an item: that is waiting for a ref (`objects.py`).
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from simactors.core.outcome import Outcome, Value
from simactors.core.refs import ObjectRef
from simactors.sim.invocation import FIRST_ITEM, Invocation, StoredObject
from simactors.sim.kernel import Kernel
from simactors.sim.network import Network
from simactors.sim.stores import is_lost
from simactors.sim.waiting import Process, Waiter

_END = Value(None)


class Stream:
    """The items of one streaming call, at the process that made the call.

    Invariant: items before `total` exist or will arrive; `_END` is the outcome of those behind it, which nobody takes.

    Args:
        next_id: gives the ids of the items.
        arrived: called with each item as it arrives, so that its waiters are told.
        soon: runs an action as a step of its own.

    Attributes:
        taken: how many items have been handed out.
        total: how many there are in all; None as long as that is open.
        sent: how many items have been sent.
        told: how many items the producer knows to be taken.
        limit: how many items the producer may be ahead of `told`; None for no limit.
    """

    __slots__ = (
        "_arrived",
        "_given",
        "_invocation",
        "_items",
        "_next_id",
        "_producer",
        "_soon",
        "_watched",
        "limit",
        "sent",
        "taken",
        "told",
        "total",
    )

    def __init__(
        self,
        invocation: Invocation,
        limit: int | None,
        next_id: Callable[[], int],
        arrived: Callable[[StoredObject, Outcome], None],
        soon: Callable[[Callable[[], None]], None],
    ) -> None:
        self._invocation = invocation
        self._next_id = next_id
        self._arrived = arrived
        self._soon = soon
        self._given: weakref.WeakValueDictionary[int, StoredObject] = weakref.WeakValueDictionary()
        self._watched: weakref.ref[ObjectRef[Any]] | None = None
        self._items: dict[int, StoredObject] = {}
        self._producer: Callable[[], None] | None = None
        self.limit = limit
        self.taken = 0
        self.sent = 0
        self.told = 0
        self.total: int | None = None

    def item(self, index: int) -> StoredObject:
        """The item with that number, from 0; made when it is first asked for or arrives."""
        found = self._items.get(index)
        if found is None:
            call = self._invocation
            label = f"{call.label}[{index}]"
            found = StoredObject(self._next_id(), label, call.caller, None, call, index + FIRST_ITEM)
            self._items[index] = found
            if self.total is not None and index >= self.total:
                found.outcome = _END
        return found

    @property
    def next(self) -> StoredObject:
        """The item that is taken next."""
        return self.item(self.taken)

    @property
    def is_finished(self) -> bool:
        """Whether all items have been taken, and there will be no more."""
        return self.total is not None and self.taken >= self.total

    def take(self) -> StoredObject | None:
        """Hand out the next item, which has arrived; None at the end."""
        if self.is_finished:
            return None
        item = self._given[self.taken] = self._items.pop(self.taken)
        self.taken += 1
        return item

    def arrive(self, index: int, outcome: Outcome) -> None:
        """An item has come; one that came before, or after the end, is dropped: a retry yields it again."""
        lost = self._invocation.particulars().remade.pop(index, None)
        if lost is not None:
            self._arrived(lost, outcome)
            return
        came = self._given.get(index) or self._items.get(index)
        if came is not None and is_lost(came.outcome):
            came.outcome = outcome  # nobody has asked for it yet, but it comes all the same
            return
        if index < self.taken or (self.total is not None and index >= self.total):
            return
        item = self.item(index)
        if item.outcome is None:
            self._arrived(item, outcome)

    def end(self, outcome: Outcome) -> None:
        """The call has ended: well, with the number of items; or lost, and then there are those that came before."""
        if outcome.ok:
            self.total = outcome.unwrap()
        else:
            self.total = max(self.sent, self.taken)  # what is on its way will arrive
        assert self.total is not None
        for index, item in list(self._items.items()):
            if index >= self.total and item.outcome is None:
                self._arrived(item, _END)

    # The producer's side

    def watch(self, ref: ObjectRef[Any]) -> None:
        """Once nobody can take items any more, the producer need not wait for that."""
        self._watched = weakref.ref(ref, self._abandoned)

    def _abandoned(self, _: object) -> None:
        # In the middle of whatever dropped the last ref: nothing is done here but let the producer know.
        self.limit = None
        if self._producer is not None:
            self._soon(self._producer)

    def may_yield(self, produced: int) -> bool:
        """Whether the generator may go on after `produced` items."""
        return self.limit is None or produced - self.told < self.limit

    def on_taken(self, action: Callable[[], None] | None) -> None:
        """Run `action` when the producer next hears that an item was taken."""
        self._producer = action

    def hear(self, taken: int) -> None:
        """The producer hears how many items have been taken."""
        self.told = max(self.told, taken)
        if self._producer is not None:
            self._producer()


class Producer:
    """What the code that yields does with its items."""

    def __init__(self, kernel: Kernel, network: Network, invocation: Invocation) -> None:
        self._kernel = kernel
        self._network = network
        self._invocation = invocation
        self._stream: Stream = invocation.stream
        # Kept: by the time of an item, the call may run elsewhere once more.
        self._process: Any = invocation.process
        self.produced = 0
        # Nobody could tell what was taken while the call was on its way here, after another process of it had died.
        self._stream.told = max(self._stream.told, self._stream.taken)

    def send(self, outcome: Outcome) -> None:
        """Send one item home."""
        index, stream = self.produced, self._stream
        self.produced += 1
        stream.sent = max(stream.sent, self.produced)
        call, process = self._invocation, self._process
        assert call.link is not None
        if process.gone:
            return  # nobody listens to it any more
        node = process.node
        self._network.notify(call.link, node, call.caller.node, lambda: stream.arrive(index, outcome))

    def finish(self) -> tuple[Outcome, ...]:
        """What the call is answered with at the end: how many items there were."""
        return (Value(self.produced),)

    @property
    def may_go_on(self) -> bool:
        """Whether enough items have been taken for the next one."""
        return self._stream.may_yield(self.produced)

    def wait(self, process: Process) -> None:
        """Suspend the running generator until `may_go_on`."""
        while not self.may_go_on:
            waiter = Waiter(process, f"its items to be taken: {self._invocation}")

            def go_on(waiter: Waiter = waiter) -> None:
                self._stream.on_taken(None)
                waiter.then(waiter)

            self._stream.on_taken(go_on)
            self._kernel.block(waiter)

    def when_taken(self, action: Callable[[], Any]) -> None:
        """Run `action` once another item has been taken: the way of async generators."""

        def once() -> None:
            self._stream.on_taken(None)
            action()

        self._stream.on_taken(once)

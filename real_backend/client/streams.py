"""`Streams`: the items of this process's calls of generators, on their way from the producer to whoever takes them.

Not running the generator (`worker`) and not waiting for an item: that is waiting for a ref (`waiting`).
"""

from __future__ import annotations

import time
import weakref
from collections import deque
from typing import Any

from real_backend.client.pending import PendingCall
from real_backend.client.producers import ALL
from real_backend.client.pump import Pump
from real_backend.client.waiting import Waiting
from real_backend.messages import Taken
from real_backend.objects import ObjectEntry, ObjectTable
from simactors.core import codec
from simactors.core.outcome import Outcome, Value
from simactors.core.refs import DynamicObjectRefGenerator, ObjectRef, foreign

FIRST_ITEM = 2
"""The position of a generator's first item among the returns of its call; the generator itself has the first."""

_END = Value(None)


class _Items:
    """The items of one call, by number from 0.

    Invariant: items before `total` are there or will come; those behind it, which nobody takes, stand for `_END`.

    Attributes:
        total: how many there are in all; None as long as that is open.
    """

    def __init__(self, call: PendingCall, objects: ObjectTable) -> None:
        self.total: int | None = None
        self._objects = objects
        self._origin = call.entries[0].origin
        self._entries: dict[int, ObjectEntry] = {}
        self._arrived = 0

    def at(self, index: int) -> ObjectEntry:
        """The item with that number; made when it is first asked for or arrives."""
        found = self._entries.get(index)
        if found is None:
            task, actor, _ = self._origin
            found = self._entries[index] = self._objects.new(source=(task, actor, index + FIRST_ITEM))
            if self.total is not None and index >= self.total:
                found.outcome = _END
        return found

    def arrive(self, index: int, outcome: Outcome) -> None:
        """An item has come; one after the end is dropped: a retry may yield more than the attempt that was lost."""
        self._arrived = max(self._arrived, index + 1)
        if self.total is None or index < self.total:
            self._objects.seal(self.at(index), outcome)

    def end(self, total: int | None) -> None:
        """There are so many items; None if the call was lost: then there are those that came before."""
        self.total = self._arrived if total is None else total
        for index, entry in list(self._entries.items()):
            if index >= self.total:
                self._objects.seal(entry, _END)

    def take(self, index: int) -> ObjectEntry:
        """An item that is there, and not kept here any longer."""
        return self._entries.pop(index)

    def clear(self) -> None:
        """Keep none of them any longer."""
        self._entries.clear()


class Stream:
    """The items of one call, handed out one after the other; under the lock of the process.

    Attributes:
        entry: of the stream's own ref.
        taken: how many items have been handed out.
    """

    def __init__(self, call: PendingCall, objects: ObjectTable) -> None:
        self.entry = call.entries[0]
        self.taken = 0
        self._call = call
        self._items = _Items(call, objects)
        self._is_abandoned = False

    @property
    def is_finished(self) -> bool:
        """Whether all items have been taken, and there will be no more."""
        return self._items.total is not None and self.taken >= self._items.total

    @property
    def next(self) -> ObjectEntry:
        """The item that is taken next, be it there or not."""
        return self._items.at(self.taken)

    def take(self) -> ObjectEntry:
        """Hand out the next item, which is there."""
        entry = self._items.take(self.taken)
        self.taken += 1
        return entry

    def arrive(self, index: int, outcome: Outcome) -> None:
        """An item has come; one that nobody can take, or that was taken, is dropped: a retry yields it again."""
        if self._is_abandoned or index < self.taken:
            if index == 0:  # of another attempt, whose producer knows nothing of what was taken before
                self.tell_taken()
            return
        self._items.arrive(index, outcome)

    def end(self, total: int | None) -> None:
        """There are so many items; None if the call was lost: then there are those that came before."""
        self._items.end(total)

    def abandon(self) -> None:
        """Nobody can take items any more."""
        self._is_abandoned = True
        self._items.clear()
        self.tell_taken()

    def tell_taken(self) -> None:
        """Let the producer know how many items have been taken, if it waits for that."""
        carrier, options = self._call.carrier, self._call.options
        if self._items.total is None and carrier is not None and options is not None and options.backpressure:
            carrier.tell(self._call, Taken(self._call.id, ALL if self._is_abandoned else self.taken))

    def value(self) -> Value:
        """What the stream's own ref stands for when it has ended."""
        return _END


class Dynamic:
    """The items of a call whose value is the list of their refs, given when all are there."""

    def __init__(self, call: PendingCall, objects: ObjectTable) -> None:
        self._call, self._objects = call, objects
        self._items = _Items(call, objects)

    def arrive(self, index: int, outcome: Outcome) -> None:
        """An item has come; the first one again after a lost attempt, and then those of that one count no more."""
        if index == 0:
            self._items = _Items(self._call, self._objects)
        self._items.arrive(index, outcome)

    def end(self, total: int | None) -> None:
        """There are so many items; None if the call was lost."""
        self._items.end(total)

    def value(self) -> Value:
        """The list."""
        refs: list[ObjectRef[Any]] = [ObjectRef(self._items.at(i)) for i in range(self._items.total or 0)]
        return Value(codec.encode(DynamicObjectRefGenerator(refs), by_value=True))


class Streams:
    """Those of this process that somebody may still take items of; safe for threads."""

    def __init__(self, pump: Pump, objects: ObjectTable, waiting: Waiting) -> None:
        self._pump = pump
        self._objects = objects
        self._waiting = waiting
        self._by_id: dict[int, Stream] = {}
        self._watched: dict[int, weakref.ref[ObjectRef[Any]]] = {}
        self._dropped: deque[int] = deque()

    def open(self, call: PendingCall, ref: ObjectRef[Any]) -> None:
        """Give `call`, which is about to be made, the items that it will have; under the lock."""
        if call.num_returns == "dynamic":
            call.stream = Dynamic(call, self._objects)
            return
        call.stream = self._by_id[call.id] = Stream(call, self._objects)
        number = call.id
        # Runs in the middle of whatever drops the last ref, and with it the right to take items: it only takes a note.
        self._watched[number] = weakref.ref(ref, lambda _: self._note_dropped(number))

    def find(self, ref: ObjectRef[Any]) -> Stream:
        """The stream behind a ref.

        Raises:
            ValueError: it belongs to another session.
        """
        stream = self._by_id.get(ref.entry.id)
        if stream is None or stream.entry is not ref.entry:
            raise foreign(ref)
        return stream

    def peek(self, ref: ObjectRef[Any]) -> ObjectRef[Any]:
        """See `core.abilities.Streams`."""
        stream = self.find(ref)
        with self._pump.change:
            return ref if stream.is_finished else ObjectRef(stream.next)

    def next_item(self, ref: ObjectRef[Any], timeout_s: float | None) -> ObjectRef[Any] | None:
        """See `core.abilities.Streams`."""
        stream = self.find(ref)
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            following = self.peek(ref)
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not stream.is_finished and not self._waiting.wait([following], 1, left, False):
                return None
            with self._pump.change:
                if stream.is_finished:
                    raise StopIteration
                if following.entry is not stream.next:
                    continue  # another thread has taken it
                item = stream.take()
                stream.tell_taken()
                return ObjectRef(item)

    def _note_dropped(self, number: int) -> None:
        self._dropped.append(number)
        self._pump.note()

    def look_after_dropped(self) -> None:
        """Let the producers run on whose items nobody can take any more; under the lock."""
        while self._dropped:
            number = self._dropped.popleft()
            del self._watched[number]
            self._by_id.pop(number).abandon()

"""`ObjectTable`: what one process knows of objects, its own and borrowed ones.

Not the talk between processes: `client/client.py` fetches and answers. Who submits a call owns its results, who
puts a value owns it; an id tells its owner.

Life of an object: while no ref has left the owner, refs hold the entry, and it is freed with the last of them.
Once a ref has left, the owner keeps the object until the session ends; counting borrowers comes later.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable

from real_backend.messages import PROCESS_SHIFT, owner_of
from simactors.core.outcome import Outcome


class ObjectEntry:
    """One object as seen from one process.

    Attributes:
        outcome: None until it is known here.
        watchers: called once, when it is.
        askers: numbers of the processes that asked for it (owner only).
        fetching: the owner has been asked (borrowers only).
    """

    __slots__ = ("__weakref__", "askers", "fetching", "id", "outcome", "watchers")

    def __init__(self, object_id: int) -> None:
        self.id = object_id
        self.outcome: Outcome | None = None
        self.watchers: list[Callable[[ObjectEntry], None]] | None = None
        self.askers: list[int] | None = None
        self.fetching = False

    def watch(self, watcher: Callable[[ObjectEntry], None]) -> None:
        """Call `watcher` when the outcome is known."""
        if self.watchers is None:
            self.watchers = []
        self.watchers.append(watcher)

    def unwatch(self, watcher: Callable[[ObjectEntry], None]) -> None:
        """Forget `watcher`, if it was not called yet."""
        if self.watchers and watcher in self.watchers:
            self.watchers.remove(watcher)


class ObjectTable:
    """Mints ids and finds entries by id. Not safe for threads: used under the lock of the process."""

    def __init__(self, process: int) -> None:
        self._process = process
        self._last = process << PROCESS_SHIFT
        self._left: dict[int, ObjectEntry] = {}
        self._borrowed: weakref.WeakValueDictionary[int, ObjectEntry] = weakref.WeakValueDictionary()
        self._sealed: deque[ObjectEntry] = deque()

    def mint(self, count: int = 1) -> int:
        """The first of `count` new ids."""
        first = self._last + 1
        self._last += count
        return first

    def owns(self, entry: ObjectEntry) -> bool:
        """Whether this process is the owner."""
        return owner_of(entry.id) == self._process

    def keep(self, entry: ObjectEntry) -> None:
        """A ref to `entry` leaves this process."""
        if self.owns(entry):
            self._left[entry.id] = entry

    def kept(self) -> int:
        """How many objects others may ask for."""
        return len(self._left)

    def own(self, object_id: int) -> ObjectEntry | None:
        """The object of ours that another process names, or None if there is none."""
        return self._left.get(object_id)

    def find(self, object_id: int) -> ObjectEntry:
        """The entry for an id that came from another process."""
        if owner_of(object_id) == self._process:
            # An id of ours comes back only if it left, so it is there; a new entry would never be ready.
            return self._left[object_id]
        entry = self._borrowed.get(object_id)
        if entry is None:
            entry = self._borrowed[object_id] = ObjectEntry(object_id)
        return entry

    def seal(self, entry: ObjectEntry, outcome: Outcome) -> None:
        """Set the outcome; who waits for it hears at the next `next_sealed`. A second outcome is ignored."""
        if entry.outcome is not None:
            return
        entry.outcome = outcome
        if entry.watchers or entry.askers:
            self._sealed.append(entry)

    def next_sealed(self) -> ObjectEntry | None:
        """Take one sealed entry that somebody waits for.

        A queue and no recursion: a chain of calls, each waiting for the one before, may be thousands long.
        """
        return self._sealed.popleft() if self._sealed else None

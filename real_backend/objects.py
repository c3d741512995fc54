"""`ObjectTable`: what one process knows of objects, its own and borrowed ones.

Not the talk between processes: `client/borrowing.py` fetches and answers. Who submits a call owns its results, who
puts a value owns it; an id tells its owner.

Life of an object: refs hold the entry, and it is freed with the last of them. Where a ref has left the owner, the table
holds it, too, until no other process does (`client/counting.py` knows when).
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from real_backend.messages import PROCESS_SHIFT, owner_of
from simactors import exceptions
from simactors.core.outcome import Outcome, failure
from simactors.core.refs import Origin

Source = int | tuple[int, int | None, int] | None
"""Where an object comes from: None for a value that was put, or the single result of a task; the actor's id, for the
single result of its call; else what `core.refs.Origin` says."""


class Home(Protocol):
    """The process that an entry is in, as far as it can wait for it; safe for threads."""

    def when_done(self, entry: ObjectEntry, action: Callable[[Outcome], None]) -> None:
        """See `core.refs.Watchable`."""
        ...

    def wait_done(self, entry: ObjectEntry, timeout_s: float | None) -> bool:
        """See `core.refs.Watchable`."""
        ...


class ObjectEntry(Struct, weakref=True, eq=False):
    """One object as seen from one process.

    Attributes:
        home: the process that this entry is in.
        outcome: None until it is known here.
        watchers: called once, when it is.
        askers: numbers of the processes that asked for it (owner only).
        fetching: the owner has been asked (borrowers only).
        source: the call that it comes from, as short as it can be said; see `origin`.
    """

    id: int
    home: Home
    source: Source = None
    outcome: Outcome | None = None
    watchers: list[Callable[[ObjectEntry], None]] | None = None
    askers: list[int] | None = None
    fetching: bool = False

    @property
    def session(self) -> object:
        """See `core.refs.OfSession`."""
        return self.home

    @property
    def origin(self) -> Origin:
        """See `core.refs.Originated`."""
        source = self.source
        if source is None or isinstance(source, int):
            return Origin(self.id, source)
        return Origin(*source)

    def when_done(self, action: Callable[[Outcome], None]) -> None:
        """See `core.refs.Watchable`."""
        self.home.when_done(self, action)

    def wait_done(self, timeout_s: float | None) -> bool:
        """See `core.refs.Watchable`."""
        return self.home.wait_done(self, timeout_s)

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
    """Mints ids and finds entries by id. Not safe for threads: used under the lock of the process.

    Args:
        noted: called, from anywhere, when there is something for `take_dropped`.
        sealed: called when there is something for `next_sealed`.

    Attributes:
        home: see `Home`.
        dropped: ids of borrowed objects of which a last ref was dropped; may be stale.
    """

    home: Home

    def __init__(self, process: int, noted: Callable[[], None], sealed: Callable[[], None]) -> None:
        self._process = process
        self._noted = noted
        self._sealed_one = sealed
        self._last = process << PROCESS_SHIFT
        self._left: dict[int, ObjectEntry] = {}
        self._borrowed: dict[int, weakref.ref[ObjectEntry]] = {}
        self.dropped: deque[int] = deque()
        self._sealed: deque[ObjectEntry] = deque()

    def new(self, object_id: int | None = None, source: Source = None) -> ObjectEntry:
        """An object of this process; with a new id, if none is given."""
        return ObjectEntry(self.mint() if object_id is None else object_id, self.home, source)

    @property
    def minted(self) -> int:
        """How many ids of its own this process has used so far."""
        return self._last - (self._process << PROCESS_SHIFT)

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

    def release(self, object_id: int) -> bool:
        """No other process holds this object of ours; whether there was one of that id."""
        return self._left.pop(object_id, None) is not None

    def kept(self) -> int:
        """How many objects of ours others may ask for."""
        return len(self._left)

    def borrowed(self) -> int:
        """How many objects of others are held here."""
        return len(self._borrowed)

    def own(self, object_id: int) -> ObjectEntry | None:
        """The object of ours that another process names, or None if there is none."""
        return self._left.get(object_id)

    def find(self, object_id: int, source: Source) -> ObjectEntry:
        """The entry for an id that came from another process."""
        if owner_of(object_id) == self._process:
            # An id of ours comes back only if it left, so it is there, unless a process was killed before it had told.
            return self._left.get(object_id) or self._lost(object_id)
        noted = self._borrowed.get(object_id)
        entry = None if noted is None else noted()
        if entry is None:
            entry = ObjectEntry(object_id, self.home, source)
            # Runs wherever the last ref dies, perhaps in the middle of anything: it only takes a note.
            self._borrowed[object_id] = weakref.ref(entry, lambda _: self._note_dropped(object_id))
        return entry

    def _lost(self, object_id: int) -> ObjectEntry:
        entry = ObjectEntry(object_id, self.home)
        text = f"object-{object_id} is not known to its owner any more."
        entry.outcome = failure(exceptions.ObjectLostError(text))
        return entry

    def _note_dropped(self, object_id: int) -> None:
        self.dropped.append(object_id)
        self._noted()

    def take_dropped(self) -> list[int]:
        """The objects of others of which no ref is left here since the last time."""
        gone = []
        while self.dropped:
            object_id = self.dropped.popleft()
            noted = self._borrowed.get(object_id)
            if noted is not None and noted() is None:  # else another ref has come in meanwhile
                del self._borrowed[object_id]
                gone.append(object_id)
        return gone

    def seal(self, entry: ObjectEntry, outcome: Outcome) -> None:
        """Set the outcome; who waits for it hears at the next `next_sealed`. A second outcome is ignored."""
        if entry.outcome is not None:
            return
        entry.outcome = outcome
        if entry.watchers or entry.askers:
            self._sealed.append(entry)
            self._sealed_one()

    def next_sealed(self) -> ObjectEntry | None:
        """Take one sealed entry that somebody waits for.

        A queue and no recursion: a chain of calls, each waiting for the one before, may be thousands long.
        """
        return self._sealed.popleft() if self._sealed else None

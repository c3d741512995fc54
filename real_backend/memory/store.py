"""`Store`: the shared memory of one process: what it has written there, and what it has got from others.

Not which memory is free (`blocks`), not the limits (`ledger`), and not the system calls (`segments`).
"""

from __future__ import annotations

import errno
import os
import threading
import weakref
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable

from real_backend.memory.blocks import LARGE, Block, Blocks, Key
from real_backend.memory.ledger import Ledger
from real_backend.memory.pieces import Hold, Piece
from real_backend.memory.segments import Segment, address_of
from simactors.exceptions import ObjectStoreFullError

Fd = int

_PROCESS_SHIFT = 32
_IDLE_SEGMENTS = 16
"""So many segments of others stay mapped though nothing of them is used: most of them are used again."""
_FULL = (errno.ENOMEM, errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


class Store:
    """Safe for threads.

    Args:
        process: the number of this process.
        account: its account in the ledger.
        squeeze: asks the other processes to give back what they keep warm; returns once `ledger.has_room` for so
            many bytes, or nothing more can be expected.
        dropped: called, from anywhere, when `take_dropped` has something to tell.
    """

    def __init__(
        self,
        process: int,
        ledger: Ledger,
        account: int,
        squeeze: Callable[[int], None] = lambda _: None,
        dropped: Callable[[], None] = lambda: None,
    ) -> None:
        self._process = process
        self._ledger = ledger
        self._account = account
        self._squeeze = squeeze
        self._tell_dropped = dropped
        # Whose memory we have used and don't any more.
        self._no_longer_used: set[int] = set()
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._closed = False
        self._made = 0
        self._segments: dict[int, Segment] = {}
        self._addresses: list[tuple[int, Segment]] = []
        self._blocks = Blocks(ledger, account, self._create, self._leave, lambda key: key in self._counts)
        # How many holds there are on a block, and the one to be shared. A destructor may run in the middle of
        # anything: it takes the lock if it can, and otherwise leaves a note.
        self._counts: dict[Key, int] = {}
        self._holds: weakref.WeakValueDictionary[Key, Hold] = weakref.WeakValueDictionary()
        self._dropped: deque[Key] = deque()
        # Segments of others: how many of their blocks we use, and which of them are idle, the longest first.
        self._live: Counter[int] = Counter()
        self._idle: dict[int, None] = {}
        # Processes that are dead; their segments, and what these count for in our account.
        self._gone: set[int] = set()
        self._orphans: dict[int, int] = {}
        _stores.add(self)

    # What goes out

    def keep(self, raw: memoryview) -> bytes | memoryview:
        """An unchangeable copy of `raw`: in shared memory, if it is large.

        What lies in shared memory already is not copied.

        Raises:
            ObjectStoreFullError: there is no room for it.
        """
        if len(raw) < LARGE or os.getpid() != self._pid:
            return bytes(raw)
        if raw.readonly and self._find(raw) is not None:
            return raw
        try:
            block, warm = self._reserve(len(raw))
        except (OSError, MemoryError):  # no descriptor or address space is left: it travels in the message
            return bytes(raw)
        try:
            block.segment.write(block.start, raw, warm)
        except BaseException as error:
            with self._lock:
                self._blocks.give_up(block)
            if not isinstance(error, OSError) or error.errno not in _FULL:
                raise
            full = self._ledger.full(len(raw))
            raise ObjectStoreFullError(f"{full} (The system says: {error.strerror}.)") from error
        with self._lock:
            hold = self._hold(block.segment, block.start)
        return block.segment.window(block.start, hold)[: len(raw)]

    def piece(self, buffer: bytes | memoryview) -> Piece | None:
        """`buffer`, ready for the wire, if it lies in shared memory."""
        if type(buffer) is not memoryview or len(buffer) < LARGE:
            return None
        found = self._find(buffer)
        if found is None:
            return None
        hold, address = found
        return Piece(hold, address - hold.segment.address, len(buffer))

    def _find(self, raw: memoryview) -> tuple[Hold, int] | None:
        address = address_of(raw)
        with self._lock:
            index = bisect_right(self._addresses, address, key=lambda pair: pair[0]) - 1
            if index < 0:
                return None
            segment = self._addresses[index][1]
            inside = address - segment.address
            start = inside - inside % segment.block
            if inside + len(raw) > start + segment.block:
                return None
            hold = self._holds.get((segment.number, start))
            return None if hold is None else (hold, address)

    def _reserve(self, size: int) -> tuple[Block, int]:
        """A free block for `size` bytes, and how many of them have memory."""
        taken = self._take(size)
        if taken is None:
            # Others may keep warm what we need, and we may ourselves.
            self.trim()
            taken = self._take(size)
        if taken is None and size <= self._ledger.limit:
            self._squeeze(size)
            taken = self._take(size)
        if taken is None:
            raise self._ledger.full(size)
        return taken

    def _take(self, size: int) -> tuple[Block, int] | None:
        with self._lock:
            self._sweep()
            return self._blocks.take(size)

    def _create(self, block: int, length: int) -> Segment:
        self._made += 1
        segment = Segment.create((self._process << _PROCESS_SHIFT) + self._made, block, length)
        self._enter(segment)
        return segment

    # What comes in

    def land(self, number: int, block: int, start: int, length: int, fd: Fd) -> tuple[memoryview, bool]:
        """The bytes of a piece that has arrived; `fd` came with it, and holds its block.

        Returns:
            Them, and whether the store has kept the descriptor.

        Raises:
            MemoryError: it can't be mapped.
            OSError: its block can't be locked.
            ValueError: there is no such piece.
        """
        with self._lock:
            segment = self._segments.get(number)
            kept = segment is None and number >> _PROCESS_SHIFT != self._process
            if kept:
                segment = Segment(number, block, fd, writable=False)
            base = start - start % block
            if (
                segment is None
                or segment.block != block
                or not 0 <= base <= start <= start + length <= base + block <= segment.length
            ):
                if kept and segment is not None:
                    segment.unmap()
                raise ValueError(f"there is no such piece: {length} bytes at {start} of segment {number:x}")
            hold = self._hold_new(segment, base) if kept else self._hold(segment, base)
            if kept and number >> _PROCESS_SHIFT in self._gone:
                self._adopt(segment)
            self._sweep()
        return segment.window(base, hold)[start - base : start - base + length], kept

    def _hold_new(self, segment: Segment, start: int) -> Hold:
        """Hold a block of a segment that is not known yet; if that can't be, its descriptor is the caller's again."""
        self._enter(segment)
        try:
            return self._hold(segment, start)
        except BaseException:
            self._forget(segment)
            segment.unmap()
            raise

    def _enter(self, segment: Segment) -> None:
        self._segments[segment.number] = segment
        self._addresses.append((segment.address, segment))
        self._addresses.sort(key=lambda pair: pair[0])

    def _forget(self, segment: Segment) -> None:
        del self._segments[segment.number]
        self._idle.pop(segment.number, None)
        self._addresses.remove((segment.address, segment))

    def _leave(self, segment: Segment) -> None:
        self._forget(segment)
        segment.close()

    def _hold(self, segment: Segment, start: int) -> Hold:
        key = segment.number, start
        hold = self._holds.get(key)
        if hold is None:
            if key not in self._counts and not self._is_ours(segment):
                segment.lock(
                    start
                )  # before anything is counted: it may fail, and who is counted need not lock
                self._live[segment.number] += 1
                self._idle.pop(segment.number, None)
            self._counts[key] = self._counts.get(key, 0) + 1
            hold = self._holds[key] = Hold(segment, start, self._let_go)
        return hold

    def _is_ours(self, segment: Segment) -> bool:
        return segment.number >> _PROCESS_SHIFT == self._process

    # What is not used any more

    def _let_go(self, key: Key) -> None:
        """A hold has ended; called by its destructor, so from anywhere."""
        if os.getpid() != self._pid:
            return  # a child that user code has forked shares our locks, and must not touch them
        self._dropped.append(key)
        if self._lock.acquire(blocking=False):
            try:
                self._sweep()
                if self._closed and not self._counts:
                    self._give_back()
            finally:
                self._lock.release()
        if self._no_longer_used and not self._closed:
            self._tell_dropped()

    def _sweep(self) -> None:
        """Do what destructors have asked for."""
        while self._dropped:
            key = self._dropped.popleft()
            self._counts[key] -= 1
            if self._counts[key]:
                continue
            del self._counts[key]
            segment = self._segments[key[0]]
            if self._is_ours(segment):
                self._blocks.let_go(key)
            else:
                self._unlock(segment, key[1])

    def _unlock(self, segment: Segment, start: int) -> None:
        segment.unlock(start)
        self._no_longer_used.add(segment.number >> _PROCESS_SHIFT)
        self._live[segment.number] -= 1
        if self._live[segment.number]:
            return
        del self._live[segment.number]
        if segment.number in self._orphans:
            self._bury(segment)
            return
        self._idle[segment.number] = None
        if len(self._idle) > _IDLE_SEGMENTS:
            self._leave(self._segments[next(iter(self._idle))])

    def take_dropped(self) -> set[int]:
        """Processes that may look again whether their memory is free; a hint, that may get lost."""
        if not self._no_longer_used:
            return set()  # not this one: another thread may add to it while the caller walks through it
        with self._lock:
            taken, self._no_longer_used = self._no_longer_used, set()
        return taken

    def look_again(self) -> None:
        """Others may not use any more what they did."""
        with self._lock:
            self._sweep()
            self._blocks.collect()

    def trim(self) -> None:
        """Give back what is not used."""
        with self._lock:
            self._sweep()
            self._give_back()
            self._ledger.has_trimmed(self._account)

    def _give_back(self) -> None:
        self._blocks.trim()
        for number in list(self._idle):
            self._leave(self._segments[number])

    def close(self) -> None:
        """The session is over: what is not used goes now, the rest with the last array on it."""
        self._closed = True
        self.trim()

    def process_gone(self, process: int) -> None:
        """That process has ended: what we use of its memory counts as ours now, and what it used of ours is free."""
        with self._lock:
            self._sweep()
            self._blocks.collect()  # it can't tell us any more to look again
            self._gone.add(process)
            for segment in list(self._segments.values()):
                if segment.number >> _PROCESS_SHIFT == process:
                    self._adopt(segment)

    def _adopt(self, segment: Segment) -> None:
        if segment.number in self._orphans:
            return
        if segment.number not in self._live:
            self._leave(segment)
            return
        size = self._orphans[segment.number] = segment.resident()
        self._ledger.add(self._account, size, 1)

    def _bury(self, segment: Segment) -> None:
        """Nothing of a segment whose maker is dead is used any more."""
        self._ledger.add(self._account, -self._orphans.pop(segment.number), -1)
        self._leave(segment)

    # Forks by user code

    def before_fork(self) -> list[Fd]:
        """Descriptors that hold, for the child, all blocks that it inherits.

        It shares our open file descriptions, and so does not notice when we let go. Descriptors are inherited by a
        fork in any case; the parent closes them afterwards, the child never does.
        """
        with self._lock:
            starts: dict[int, list[int]] = {}
            for number, start in self._counts:
                starts.setdefault(number, []).append(start)
            return [self._segments[number].lend(blocks) for number, blocks in starts.items()]


_stores: weakref.WeakSet[Store] = weakref.WeakSet()
_lent_to_child: list[Fd] = []


def _before_fork() -> None:
    for store in _stores:
        _lent_to_child.extend(store.before_fork())


def _after_fork() -> None:
    while _lent_to_child:
        os.close(_lent_to_child.pop())


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork)

"""`Piece`: part of a block on its way to another process; `Hold`: that a block is used in this one.

Not the bytes of a message (`frames`): here is only what the pickle of a frame says of shared memory, and which
descriptors go along.
"""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable
from typing import Any, Protocol

from real_backend.memory.segments import Segment

MOST_SEGMENTS = 200
"""Of one frame: the kernel passes 253 descriptors at once."""

Fd = int


class Hold:
    """A block is used here as long as this lives."""

    __slots__ = ("__weakref__", "_ended", "segment", "start")

    def __init__(self, segment: Segment, start: int, ended: Callable[[tuple[int, int]], None]) -> None:
        self.segment = segment
        self.start = start
        self._ended = ended

    def __del__(self) -> None:
        self._ended((self.segment.number, self.start))


class Piece:
    """Bytes of a block. Pickled in frames only.

    Attributes:
        start: in the segment.
    """

    __slots__ = ("hold", "length", "start")

    def __init__(self, hold: Hold, start: int, length: int) -> None:
        self.hold = hold
        self.start = start
        self.length = length

    def __reduce__(self) -> tuple[Any, ...]:
        cargo, segment = leaving.cargo, self.hold.segment
        assert cargo is not None
        index = cargo.add(self)
        if index is None:
            begin = self.start - self.hold.start
            block = segment.window(self.hold.start, self.hold)
            return _itself, (pickle.PickleBuffer(block[begin : begin + self.length]),)
        return _land, (index, segment.number, segment.block, self.start, self.length)


def _itself(buffer: Any) -> Any:
    return buffer


def _land(*place: int) -> Any:
    assert arriving.arrival is not None
    return arriving.arrival.land(*place)


class Cargo:
    """What rides on a frame.

    Attributes:
        descriptors: closed when they are sent.
    """

    __slots__ = ("_pieces", "_segments", "descriptors")

    def __init__(self, descriptors: list[Fd]) -> None:
        self.descriptors = descriptors
        self._segments: list[Segment] = []
        # Held until they are on their way.
        self._pieces: list[list[Piece]] = []

    def add(self, piece: Piece) -> int | None:
        """Take the piece along.

        Returns:
            Which of the descriptors of this frame is that of its segment; None if there are too many.
        """
        segment = piece.hold.segment
        if segment not in self._segments:
            if len(self._segments) == MOST_SEGMENTS:
                return None
            self._segments.append(segment)
            self._pieces.append([])
        index = self._segments.index(segment)
        self._pieces[index].append(piece)
        return len(self.descriptors) + index

    def lend(self) -> list[Fd]:
        """Fresh descriptors of the segments, which hold the blocks of the pieces.

        Raises:
            OSError: there are none left.
        """
        lent: list[Fd] = []
        try:
            for segment, pieces in zip(self._segments, self._pieces, strict=True):
                lent.append(segment.lend({p.hold.start for p in pieces}))
        except OSError:
            for fd in lent:
                os.close(fd)
            raise
        return lent

    def count(self) -> int:
        """How many descriptors it needs."""
        return len(self.descriptors) + len(self._segments)

    def close(self) -> None:
        """It is sent, or never will be."""
        for fd in self.descriptors:
            os.close(fd)
        self.descriptors = []


class Lands(Protocol):
    """Takes pieces of shared memory in."""

    def land(self, number: int, block: int, start: int, length: int, fd: Fd) -> tuple[memoryview, bool]:
        """The bytes of a piece, and whether `fd` was kept."""
        ...


class Lost:
    """Stands for bytes that could not be received; their value becomes an error.

    Attributes:
        why: a sentence.
    """

    def __init__(self, why: str) -> None:
        self.why = why


class Arrival:
    """The descriptors of a frame that is being unpickled; some may have got lost."""

    __slots__ = ("_fds", "_store", "_taken")

    def __init__(self, store: Lands | None, fds: list[Fd]) -> None:
        self._store = store
        self._fds: list[Fd | None] = list(fds)
        self._taken = 0

    def take(self) -> Fd | None:
        """The next one of those that messages hand over."""
        if self._taken == len(self._fds):
            return None
        fd, self._fds[self._taken] = self._fds[self._taken], None
        self._taken += 1
        return fd

    def land(self, index: int, number: int, block: int, start: int, length: int) -> memoryview | Lost:
        """The bytes of a piece."""
        if self._store is None or index >= len(self._fds):
            return Lost(
                "A large value could not be received: this process has too many open files (see `ulimit -n`)."
            )
        fd = self._fds[index]
        try:
            # Of several pieces of a segment, the first one may have kept it.
            buffer, kept = self._store.land(number, block, start, length, -1 if fd is None else fd)
        except (MemoryError, OSError, ValueError) as error:
            return Lost(f"A large value could not be received: {error}")
        if kept:
            self._fds[index] = None
        return buffer

    def close(self) -> None:
        """Close what was not kept."""
        for fd in self._fds:
            if fd is not None:
                os.close(fd)
        self._fds.clear()


class _Leaving(threading.local):
    """The frame that this thread is pickling."""

    cargo: Cargo | None = None


class _Arriving(threading.local):
    """The frame that this thread is unpickling."""

    arrival: Arrival | None = None


leaving = _Leaving()
arriving = _Arriving()

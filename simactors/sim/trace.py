"""The one trace of a run: a running digest and the last records.

Records are plain tuples in the shape of `core.events.Record`, made into `Record` only when somebody reads them.
"""

from __future__ import annotations

import hashlib
import marshal
from collections import deque
from collections.abc import Sequence
from itertools import chain

from simactors.core.events import Record

_FULL = 512  # rows that are taken into the digest together
# Version 2 of marshal writes numbers and tuples by their value alone: no sharing, so that equal rows give equal bytes
# in every process and on every Python (tests/unit/sim/test_trace.py pins them).
_MARSHAL = 2

Row = tuple[int, str, int, str, str]


class Trace:
    """What happened, in the order in which it happened.

    Args:
        keep: how many of the last records stay readable.
    """

    def __init__(self, keep: int) -> None:
        self._open: list[Row] = []
        self._hash = hashlib.blake2b(digest_size=16)
        self._keep = keep
        self._kept: deque[list[Row]] = deque(maxlen=keep // _FULL + 2)  # by blocks
        self._frozen: str | None = None
        self.add = self._open.append
        """Write one record; see `core.events.Record` for its fields."""

    def fold(self) -> None:
        """Take the records so far into the digest, as far as they fill whole blocks."""
        while len(self._open) >= _FULL:
            block = self._open[:_FULL]
            del self._open[:_FULL]
            self._hash.update(_bytes(block))
            self._kept.append(block)

    def freeze(self) -> None:
        """The run is over: what is added from now on counts for nothing."""
        self._frozen = self.digest
        self._kept.append(self._open[:])

    @property
    def digest(self) -> str:
        """A fingerprint of all records so far, 32 hexadecimal digits."""
        # On a copy: looking at the digest must not change what it will be.
        if self._frozen is not None:
            return self._frozen
        self.fold()
        total = self._hash.copy()
        total.update(_bytes(self._open))
        return total.hexdigest()

    def last(self, count: int) -> list[Record]:
        """At most `count` of the last records, oldest first."""
        rows = list(chain.from_iterable(self._kept))
        if self._frozen is None:
            rows += self._open
        if count <= 0:
            return []
        return [Record(*row) for row in rows[-min(count, self._keep) :]]


def _bytes(rows: Sequence[Row]) -> bytes:
    """What the digest is taken of; by columns, because that is twice as fast as row by row."""
    if not rows:
        return b""
    times, kinds, numbers, processes, whats = zip(*rows, strict=True)
    words = "\0".join(kinds + processes + whats)
    return marshal.dumps((times, numbers), _MARSHAL) + words.encode()

"""The one trace of a run: a running digest and the last records.

Records are plain tuples in the shape of `core.events.Record`, made into `Record` only when somebody reads them.
"""

from __future__ import annotations

import hashlib
import marshal
from collections import deque

from simactors.core.events import Record

_FULL = 512
# Version 2 of marshal writes numbers, strings and tuples by their value alone: no sharing, no interning, so that
# equal records give equal bytes in every process and on every Python (tests/unit/sim/test_trace.py pins them).
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
        self._kept: deque[Row] = deque(maxlen=keep)
        self.add = self._open.append
        """Write one record; see `core.events.Record` for its fields."""

    def fold(self) -> None:
        """Take the records since the last call into the digest, if there are enough of them."""
        if len(self._open) >= _FULL:
            self._hash.update(marshal.dumps(self._open, _MARSHAL))
            self._kept.extend(self._open)
            self._open.clear()

    @property
    def digest(self) -> str:
        """A fingerprint of all records so far, 32 hexadecimal digits."""
        # On a copy: looking at the digest must not change what it will be.
        total = self._hash.copy()
        total.update(marshal.dumps(self._open, _MARSHAL))
        return total.hexdigest()

    def last(self, count: int) -> list[Record]:
        """At most `count` of the last records, oldest first."""
        rows = [*self._kept, *self._open][-count:] if count > 0 else []
        return [Record(*row) for row in rows]

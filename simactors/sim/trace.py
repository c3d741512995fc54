"""The one trace of a run: a running digest and the last records.

Records are plain tuples in the shape of `core.events.Record`, made into `Record` only when somebody reads them.
"""

from __future__ import annotations

import hashlib
import marshal
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NamedTuple

from simactors.core.events import Record
from simactors.core.fault_plan import Fault

_FULL = 512  # rows that are taken into the digest together
_CELLS = 5  # in a row
# Version 2 of marshal writes numbers and tuples by their value alone: no sharing, so that equal rows give equal bytes
# in every process and on every Python (tests/unit/sim/test_trace.py pins them).
_MARSHAL = 2

Row = tuple[int, str, int, str, str]


class Trouble(NamedTuple):
    """Something that went wrong, on purpose or because of that, as data: a record has only words for it.

    Attributes:
        row: the record of its beginning.
        end_ns: when it is over, which may be after the run; None for what happens at once, or is never over.
        faults: which of the plan it is; none for what only follows from some.
    """

    row: Row
    end_ns: int | None = None
    faults: tuple[Fault, ...] = ()


class Trace:
    """What happened, in the order in which it happened.

    Args:
        keep: how many of the last records stay readable.
        watch: told of each record as it is written, by the code to which it happens.

    Attributes:
        troubles: what went wrong, in the order in which it happened; not what ended as somebody wanted. None unless
            somebody has put a list there: there may be many.
        struck: the faults of the plan that have befallen something, in the order in which they first did.
    """

    def __init__(self, keep: int, watch: Callable[[Row], None] | None = None) -> None:
        # Cells, not rows: a row's tuple lives for a moment only, so that Python makes the next one of the same memory,
        # and folding takes whole columns. Twice as fast as a list of rows.
        self._open: list[Any] = []
        self._hash = hashlib.blake2b(digest_size=16)
        self._keep = keep
        self._kept: deque[list[Any]] = deque(maxlen=keep // _FULL + 2)  # by blocks
        self._frozen: str | None = None
        self.troubles: list[Trouble] | None = None
        self.struck: dict[Fault, None] = {}
        self.add: Callable[[Row], None] = self._open.extend
        """Write one record; see `core.events.Record` for its fields."""
        if watch is not None:
            self.add = self._watched(watch)

    def _watched(self, watch: Callable[[Row], None]) -> Callable[[Row], None]:
        write = self.add

        def add(row: Row) -> None:
            write(row)
            if self._frozen is None:
                watch(row)

        return add

    def meet(self, row: Row, end_ns: int | None = None, faults: Sequence[Fault] = ()) -> None:
        """Write the record of something that goes wrong; see `Trouble`."""
        for fault in faults:
            self.struck[fault] = None
        if self.troubles is not None and self._frozen is None:
            self.troubles.append(Trouble(row, end_ns, tuple(faults)))
        self.add(row)

    def fold(self) -> None:
        """Take the records so far into the digest, as far as they fill whole blocks."""
        while len(self._open) >= _FULL * _CELLS:
            block = self._open[: _FULL * _CELLS]
            del self._open[: _FULL * _CELLS]
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
        cells = list(chain.from_iterable(self._kept))
        if self._frozen is None:
            cells += self._open
        if count <= 0:
            return []
        cells = cells[-min(count, self._keep) * _CELLS :]
        return [Record(*cells[at : at + _CELLS]) for at in range(0, len(cells), _CELLS)]


def _bytes(cells: list[Any]) -> bytes:
    """What the digest is taken of: the rows' cells, by columns."""
    if not cells:
        return b""
    times, kinds, numbers, processes, whats = (cells[column::_CELLS] for column in range(_CELLS))
    words = "\0".join(kinds + processes + whats)
    return marshal.dumps((tuple(times), tuple(numbers)), _MARSHAL) + words.encode("utf-8", "surrogatepass")

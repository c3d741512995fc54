"""`Blocks`: the segments that one process has made, and which of their blocks are free.

Not who uses them (`store`). Blocks come in sizes that are powers of two; a segment has blocks of one size, so that
finding room is popping from a list. The rest of a block costs nothing: pages that nobody has written do not exist.
A block that nobody uses any more stays *warm* up to a limit, for copying to memory that is there takes a fourth of
the time.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from real_backend.memory.ledger import Ledger
from real_backend.memory.segments import Segment

LARGE = 1 << 18
"""Buffers from this size on go into shared memory; below, the socket is as fast."""
_SEGMENT = 1 << 26
_WARM = 1 << 28
_PAGE = os.sysconf("SC_PAGE_SIZE")

Key = tuple[int, int]
"""A block: the number of its segment, and where it starts there."""


class Block:
    """Room for one buffer.

    Attributes:
        resident: so many bytes of it have memory.
        used: by a buffer, of this process or of another one.
    """

    __slots__ = ("resident", "segment", "start", "used")

    def __init__(self, segment: Segment, start: int) -> None:
        self.segment = segment
        self.start = start
        self.resident = 0
        self.used = False


class Blocks:
    """All blocks of this process; under the lock of the `Store`.

    Args:
        account: where memory is booked.
        create: makes a segment with blocks of one size, of that length.
        leave: closes one.
        in_use: whether this process uses a block.
    """

    def __init__(
        self,
        ledger: Ledger,
        account: int,
        create: Callable[[int, int], Segment],
        leave: Callable[[Segment], None],
        in_use: Callable[[Key], bool],
    ) -> None:
        self._ledger = ledger
        self._account = account
        self._create = create
        self._leave = leave
        self._in_use = in_use
        self._blocks: dict[Key, Block] = {}
        self._free: dict[int, list[Block]] = {}
        # Those that we don't use, but others do.
        self._lingering: dict[Key, Block] = {}
        self._warm = 0

    def take(self, size: int) -> tuple[Block, int] | None:
        """A free block for `size` bytes, and how many of them have memory; None if that is too much.

        Raises:
            OSError, MemoryError: no descriptor or no address space is left.
        """
        room = max(LARGE, 1 << (size - 1).bit_length())
        self.collect()
        free = self._free.setdefault(room, [])
        if not free:
            self._add_segment(room, free)
        # The last one freed is the warmest; those that never were used lie at the bottom.
        block = free[-1]
        warm = block.resident
        growth = max(0, _pages(size) - warm)
        if not self._ledger.take(self._account, growth, 1):
            return None
        free.pop()
        self._warm -= warm
        block.resident += growth
        block.used = True
        return block, warm

    def _add_segment(self, room: int, free: list[Block]) -> None:
        segment = self._create(room, max(room, _SEGMENT))
        for start in range(segment.length - room, -1, -room):
            block = self._blocks[segment.number, start] = Block(segment, start)
            free.append(block)

    def give_up(self, block: Block) -> None:
        """It could not be written."""
        block.used = False
        self._cool(block, -1)
        self._free[block.segment.block].insert(0, block)

    def let_go(self, key: Key) -> None:
        """This process does not use the block any more."""
        block = self._lingering[key] = self._blocks[key]
        if self._is_settled(block):
            del self._lingering[key]

    def collect(self) -> None:
        """Look again whether others still use what we don't."""
        self._lingering = {k: b for k, b in self._lingering.items() if not self._is_settled(b)}

    def _is_settled(self, block: Block) -> bool:
        """Free a block that nobody uses; false as long as only others do."""
        if self._in_use((block.segment.number, block.start)):
            return True  # it came back to us; when that ends, we look again
        if block.segment.is_held(block.start):
            return False
        block.used = False
        if self._warm + block.resident <= _WARM:
            self._ledger.add(self._account, 0, -1)
            self._warm += block.resident
            self._free[block.segment.block].append(block)
            return True
        self._cool(block, -1)
        if block.segment.block == block.segment.length:
            del self._blocks[block.segment.number, block.start]
            self._leave(block.segment)
        else:
            self._free[block.segment.block].insert(0, block)
        return True

    def _cool(self, block: Block, objects: int) -> None:
        block.segment.punch(block.start)
        self._ledger.add(self._account, -block.resident, objects)
        block.resident = 0

    def trim(self) -> None:
        """Give back what is kept warm, and close segments that are not used at all."""
        self.collect()
        used = {number for (number, _), b in self._blocks.items() if b.used}
        for room, free in self._free.items():
            for block in free:
                if block.resident:
                    self._cool(block, 0)
            unused = {b.segment.number: b.segment for b in free if b.segment.number not in used}
            self._free[room] = [b for b in free if b.segment.number in used]
            for segment in unused.values():
                for start in range(0, segment.length, room):
                    del self._blocks[segment.number, start]
                self._leave(segment)
        self._warm = 0


def _pages(size: int) -> int:
    return -(-size // _PAGE) * _PAGE

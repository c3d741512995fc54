"""What of the orders of messages was seen before: which call an actor ran right after which other one."""

from __future__ import annotations

from simactors.exploration.strategies.strategy import Path

MOST_PAIRS = 1_000_000
"""So many pairs are remembered; after them, nothing is new."""


class Novelty:
    """Remembers.

    Attributes:
        seen: how many such pairs.
    """

    def __init__(self) -> None:
        self._pairs: set[tuple[str, str]] = set()  # is only asked what is in it, never gone through
        self.seen = 0

    def look_at(self, path: Path) -> int:
        """How many pairs of a run had not been seen before."""
        before = self.seen
        for pairs in path.pairs:
            if len(self._pairs) >= MOST_PAIRS:
                break
            self._pairs.update(pairs)
        self.seen = len(self._pairs)
        return self.seen - before

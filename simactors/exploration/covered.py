"""Which runs of a hunt were made: nearly all up to some number, and some beyond, where several processes made them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple


class Share(NamedTuple):
    """Every `of`-th run, from the one at position `number` on, which counts from 0; and how many of them were made."""

    number: int = 0
    of: int = 1
    runs: int = 0


@dataclass(frozen=True, slots=True)
class Covered:
    """Runs, by their numbers from 1.

    Invariant: `beyond` is sorted, and all of it is larger than `until` + 1.

    Attributes:
        until: all up to that were made.
        beyond: and these.
    """

    until: int = 0
    beyond: tuple[int, ...] = ()

    def __len__(self) -> int:
        return self.until + len(self.beyond)

    def missing(self, share: Share) -> Iterator[int]:
        """The numbers of the runs of a share that were not made, in their order, without end."""
        beyond = frozenset(self.beyond)
        return (number for number in count(self._first(share), share.of) if number not in beyond)

    def part(self, runs: int, share: Share) -> int:
        """How many of the next `runs` runs are in a share."""
        last = self.until + runs
        for number in self.beyond:
            last += number <= last
        whole = len(range(self._first(share), last + 1, share.of))
        return whole - sum(number <= last for number in self._of(share))

    def also(self, *shares: Share) -> Covered:
        """These, and what was made of some shares since, which are of one size."""
        if not shares:
            return self
        of = shares[0].of
        runs = {share.number: share.runs for share in shares}
        # Of each share, the first run that is missing: all of its runs before that were made.
        ends = [self._missing_at(Share(number, of), runs.get(number, 0)) for number in range(of)]
        until = min(ends) - 1
        made = {number for number in self.beyond if number > until}
        for end in ends:
            made.update(range(end - of, until, -of))
        for number in sorted(made):
            if number == until + 1:
                until = number
        return Covered(until, tuple(number for number in sorted(made) if number > until))

    def to_fields(self) -> list[object]:
        """What JSON can hold."""
        return [self.until, list(self.beyond)]

    @classmethod
    def from_fields(cls, told: Sequence[Any]) -> Covered:
        """What `to_fields` wrote."""
        until, beyond = told
        return cls(until, tuple(beyond))

    def _first(self, share: Share) -> int:
        """The first number of a share beyond `until`."""
        return self.until + 1 + (share.number - self.until) % share.of

    def _of(self, share: Share) -> list[int]:
        """What of `beyond` is in a share."""
        return [number for number in self.beyond if (number - 1) % share.of == share.number]

    def _missing_at(self, share: Share, position: int) -> int:
        """The number at that position, from 0, of those that `missing` gives."""
        found = self._first(share) + share.of * position
        for number in self._of(share):
            if number <= found:
                found += share.of
        return found


NOTHING = Covered()
"""Before the first run."""

"""Which runs of a hunt were made: nearly all up to some number, and some beyond, where several processes made them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from typing import NamedTuple


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
        whole = -(-(self.until - share.number) // share.of) if self.until > share.number else 0
        numbers = count(share.number + share.of * whole + 1, share.of)
        return (number for number in numbers if number not in beyond)

    def also(self, *shares: Share) -> Covered:
        """These, and what was made of some shares since."""
        more = [number for share in shares for number in islice(self.missing(share), share.runs)]
        numbers = sorted({*self.beyond, *more})
        until = self.until
        for number in numbers:
            if number == until + 1:
                until = number
        return Covered(until, tuple(number for number in numbers if number > until))

"""Which steps of a run depend on which: whose order matters, and which of those could have come the other way round.

What a step has to do with was noted while it ran (`sim.offers.Offer.touched`). Not what follows from that for a search:
`tree.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from simactors.sim.offer import ALL, CLOCK, MESSAGES, Offer
from simactors.sim.placement import RESOURCES, SCARCE


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a step had to do with.

    Attributes:
        touched: what it may have changed, or looked at.
        counted: what it changed in such a way that the order among those who do only that does not matter.
    """

    touched: frozenset[str] = frozenset()
    counted: frozenset[str] = frozenset()

    def depends_on(self, other: Footprint) -> bool:
        """Whether it may matter which of two steps comes first."""
        mine, theirs = self.touched, other.touched
        if ALL in mine or ALL in theirs:
            return True
        return not (
            mine.isdisjoint(theirs) and mine.isdisjoint(other.counted) and self.counted.isdisjoint(theirs)
        )

    def with_other(self, other: Footprint) -> Footprint:
        """That of a step that went in different ways at different times."""
        return Footprint(self.touched | other.touched, self.counted | other.counted)


class Event:
    """A step of a run, together with the cluster's own ones that followed from it at once.

    Attributes:
        name: as `Offer.name`.
        line: as `Offer.line`.
        causes: the numbers of the events that it came of.
        is_timed: it happens at its time, not before.
        is_urgent: time does not go on before it has happened.
        call: where a call arrived, and of which method; None if it is something else.
    """

    def __init__(self, offer: Offer, causes: tuple[int, ...]) -> None:
        self.name = offer.name
        self.line = offer.line
        self.causes = causes
        self.is_timed = offer.is_timed
        self.is_urgent = offer.kind not in MESSAGES
        where = offer.what if offer.line < 0 else offer.target  # a task is named by its function
        self.call = (where, offer.what) if offer.kind == "call" else None
        self._steps = [offer]

    def add(self, offer: Offer) -> None:
        """Another step that belongs to it."""
        self._steps.append(offer)

    def footprint(self, *, is_scarce: bool) -> Footprint:
        """What it had to do with.

        Args:
            is_scarce: there may be too few resources for all who want some; otherwise it does not matter who comes
                first.
        """
        ignored = SCARCE if is_scarce else (SCARCE, RESOURCES)
        touched = frozenset(w for step in self._steps for w in step.touched if not w.startswith(ignored))
        return Footprint(touched, frozenset(w for step in self._steps for w in step.counted))

    @property
    def is_scarce(self) -> bool:
        """Whether it was in want of resources that others want, too."""
        return any(SCARCE in step.touched for step in self._steps)

    @property
    def reads_clock(self) -> bool:
        """Whether it looked at the clock, of whose times each run shows only one."""
        return any(CLOCK in step.counted for step in self._steps)


@dataclass(frozen=True, slots=True)
class Race:
    """Two steps that could have come the other way round, with nothing between them that both of them need.

    Attributes:
        first, second: their numbers in the run.
        instead: the steps that can come at the place of `first`, so that `second` comes before it.
    """

    first: int
    second: int
    instead: tuple[int, ...]


def races(events: Sequence[Event], footprints: Sequence[Footprint]) -> Iterator[Race]:
    """All races of a run."""
    past: list[int] = []
    last: dict[int, int] = {}
    for number, event in enumerate(events):
        before = 0
        for cause in event.causes:
            before |= past[cause] | 1 << cause
        if event.line >= 0:
            if event.line in last:
                before |= past[last[event.line]] | 1 << last[event.line]
            last[event.line] = number
        racing = []
        for other in range(number - 1, -1, -1):
            if before >> other & 1 or not footprints[number].depends_on(footprints[other]):
                continue
            if event.is_timed and events[other].is_urgent:
                # Time does not go on before it: it is what has led to it that may come after the timer.
                before |= 1 << other
                if events[other].is_timed:
                    racing.append(other)
            else:
                before |= past[other] | 1 << other
                racing.append(other)
        past.append(before)
        for other in racing:
            yield Race(other, number, tuple(_initials(past, other, number)))


def _initials(past: Sequence[int], first: int, second: int) -> Iterable[int]:
    """Of what does not need `first`, up to `second`: what needs nothing else of it."""
    free = [k for k in range(first + 1, second) if not past[k] >> first & 1]
    free.append(second)
    mask = 0
    for number in free:
        if not past[number] & mask:
            yield number
        mask |= 1 << number

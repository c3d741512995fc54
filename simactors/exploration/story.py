"""A failing run as something that can be told: `Story`.

Made of the trace of one run and of what a hunt has found out about it. Not how it looks: that is the business of
`reports/space_time.py` and `reports/diagram.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simactors.core.events import Record
from simactors.exploration import folds, reading
from simactors.exploration.folds import Fold
from simactors.exploration.hops import Activation, Event, Hops, Lane, Message, Wait
from simactors.exploration.runner import Ending

MOST_SHOWN = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisive:
    """The step after which the run could hardly go well any more, as measured by running on from there many times.

    Attributes:
        record: its index among the records.
        before: how much of what could follow the step before fails, from 0 to 1.
        after: the same for this step.
    """

    record: int
    before: float
    after: float

    def __post_init__(self) -> None:
        if not (0 <= self.before <= 1 and 0 <= self.after <= 1):
            raise ValueError(f"{self.before} and {self.after} must be probabilities, between 0 and 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One run.

    Attributes:
        decisive: see `Decisive`; None if nobody has measured it.
        decided_at: the number of that step's event; None if there is none.
        rows: what to show unless everything is wanted: events, and folds for those that are left out.
    """

    hops: Hops
    ending: Ending
    decisive: Decisive | None
    decided_at: int | None
    rows: tuple[Event | Fold, ...]

    @classmethod
    def of(
        cls,
        records: Sequence[Record],
        *,
        ending: Ending,
        decisive: Decisive | None = None,
        notes: Mapping[int, str] | None = None,
        most: int = MOST_SHOWN,
    ) -> Story:
        """Tell a run.

        Args:
            records: the whole trace, as `simulate` tells it to `watch`.
            notes: by the index of a record, what is remarkable about it: ``delayed past Account.write #7``.
            most: about how many events to show; the others are folded.

        Raises:
            IndexError: the decisive step isn't among the records.
        """
        if decisive is not None and not 0 <= decisive.record < len(records):
            raise IndexError(f"record {decisive.record} of {len(records)} can't be the decisive one")
        hops = reading.read(records, notes or {})
        decided_at = None if decisive is None else _event_of(hops, decisive.record)
        anchors = _anchors(hops, decided_at)
        return cls(
            hops=hops,
            ending=ending,
            decisive=decisive,
            decided_at=decided_at,
            rows=folds.rows(hops, anchors, most),
        )

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """One for each process: the driver first, then as they appeared."""
        return self.hops.lanes

    @property
    def events(self) -> tuple[Event, ...]:
        """What happened, in order; an event's number is its place here."""
        return self.hops.events

    @property
    def messages(self) -> tuple[Message, ...]:
        """Who sent what to whom, by when it was sent."""
        return self.hops.messages

    @property
    def activations(self) -> tuple[Activation, ...]:
        """Which call ran when."""
        return self.hops.activations

    @property
    def waits(self) -> tuple[Wait, ...]:
        """Who stood still when."""
        return self.hops.waits

    @property
    def is_folded(self) -> bool:
        """Whether `rows` leaves events out."""
        return any(isinstance(row, Fold) for row in self.rows)

    def past(self, number: int) -> frozenset[int]:
        """The numbers of all events that may have led to this one, and its own: its causal past."""
        found = {number}
        edge = [number]
        while edge:
            for cause in self.hops.causes[edge.pop()]:
                if cause not in found:
                    found.add(cause)
                    edge.append(cause)
        return frozenset(found)


def _event_of(hops: Hops, record: int) -> int | None:
    """The event that a record became, or became a part of."""
    later = [event.number for event in hops.events if event.record >= record]
    return later[0] if later else (len(hops.events) - 1 if hops.events else None)


def _anchors(hops: Hops, decided_at: int | None) -> list[int]:
    """What must be seen: the end, where the driver ended and who waits; what decided; what was noted; faults."""
    last: dict[int, int] = {}
    for event in hops.events:
        last[event.lane] = event.number
    found = [] if decided_at is None else [decided_at]
    found += [number for lane, number in last.items() if lane == 0]
    found += [wait.first for wait in hops.waits if wait.last is None]
    found += [event.number for event in hops.events if event.note]
    found += [event.number for event in hops.events if event.is_fault]
    return list(dict.fromkeys(found))

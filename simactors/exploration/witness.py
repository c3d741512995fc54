"""What a run did, record by record, each with the user's code that it happened in: what an audit compares.

Not the trace itself, which knows nothing of code.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType
from typing import NamedTuple

from simactors.core.events import Record
from simactors.exploration.runner import Ending
from simactors.sim.intercept.names import is_users_file

_MOST_RECORDS = 500_000
_DEPTH = 6
ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b")
"""What a repr says of where an object lies: another one in each run."""


class Place(NamedTuple):
    """A line of the user's code that was running."""

    file: str
    line: int
    function: str


class Sighting(NamedTuple):
    """One record.

    Attributes:
        stack: the user's code that it happened in, the innermost first; empty if it was the runtime's own doing.
    """

    record: Record
    stack: tuple[Place, ...]


class Witness:
    """Notes the records of one run, as far as memory allows; give it to `simulate` as `watch`."""

    def __init__(self) -> None:
        self.sightings: list[Sighting] = []

    def __call__(self, record: Record) -> None:
        """Note one; those beyond the first half million count by the digest of the trace alone."""
        if len(self.sightings) < _MOST_RECORDS:
            self.sightings.append(Sighting(record, _stack(sys._getframe(1))))


def _stack(frame: FrameType | None) -> tuple[Place, ...]:
    found: list[Place] = []
    while frame is not None and len(found) < _DEPTH:
        code = frame.f_code
        if is_users_file(code.co_filename):
            found.append(Place(code.co_filename, frame.f_lineno, code.co_qualname))
        frame = frame.f_back
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Testimony:
    """One run, as an audit compares it.

    Attributes:
        ending: how it ended, without what differs from process to process by nature.
        sightings: its records, the first of them if there were very many.
    """

    digest: str | None
    ending: tuple[str, str | None, str]
    sightings: tuple[Sighting, ...]

    @classmethod
    def of(cls, end: Ending, digest: str | None, sightings: Sequence[Sighting]) -> Testimony:
        """What can be said of a run."""
        message = ADDRESS.sub("0x...", end.message or "")
        return cls(digest=digest, ending=(end.outcome, end.kind, message), sightings=tuple(sightings))


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where two runs part.

    Attributes:
        number: of the record, from 1.
        first, second: what each of the runs did there; None if it had ended.
        before: the last record that both have; None if there is none.
    """

    number: int
    first: Sighting | None
    second: Sighting | None
    before: Sighting | None


def difference(first: Testimony, second: Testimony) -> Difference | None:
    """The first record in which two runs differ; None if they don't."""
    one, other = first.sightings, second.sightings
    for number in range(max(len(one), len(other))):
        mine = one[number] if number < len(one) else None
        yours = other[number] if number < len(other) else None
        if mine is None or yours is None or mine.record != yours.record:
            before = one[number - 1] if number else None
            return Difference(number=number + 1, first=mine, second=yours, before=before)
    if first.ending != second.ending or first.digest != second.digest:
        return Difference(number=len(one) + 1, first=None, second=None, before=one[-1] if one else None)
    return None

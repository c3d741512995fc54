"""What ran where and when in a run, for pictures: processes are rows, calls are spans, with their messages.

Columns of numbers, because a run may have a million calls. Of more than `MOST_SPANS` every second is left out, and
again if need be: which ones depends on nothing but their numbers, so that the picture is the same each time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import Struct, field

from simactors.core.events import Record
from simactors.exceptions import NondeterminismError
from simactors.exploration.recipe import Recipe
from simactors.sim.inspection import Inspection
from simactors.sim.simulation import Simulation

MOST_SPANS = 100_000
MOST_ROWS = 1_000
MOST_LANES = 8

RETURNED, RAISED, DIED, RUNNING = range(4)
"""How a span ended: with a value, with an exception, with its process, or not before the run did."""


class Row(Struct, kw_only=True):
    """A process.

    Attributes:
        name: its own, or its class and rank: ``Account#1``; of the driver and of workers as traces have it.
        process: as traces have it: ``actor-1``.
        lanes: how many calls it ran side by side, at most `MOST_LANES`.
        born_us, died_us: when it was first seen, and when it ended for good; None if that was not before the run did.
    """

    name: str
    process: str
    node: str
    lanes: int = 1
    born_us: float = 0.0
    died_us: float | None = None


class Timeline(Struct, kw_only=True):
    """Columns of equal length, one entry a span, in the order of their beginnings; times in microseconds.

    Attributes:
        labels: what calls are called.
        row, lane, label: where it ran, beside which others, and what.
        start_us, end_us: when.
        ended: see `RETURNED` and its siblings.
        source: the row of who has called; -1 if that has none.
        sent_us, answered_us: when the call was made, and when its answer was with the caller; -1 if it never was.
        every: only one call in so many is there.
        left_out: processes beyond the first `MOST_ROWS`.
        duration_us: of the run.
    """

    rows: list[Row]
    labels: list[str]
    row: list[int] = field(default_factory=list)
    lane: list[int] = field(default_factory=list)
    label: list[int] = field(default_factory=list)
    call: list[int] = field(default_factory=list)
    start_us: list[float] = field(default_factory=list)
    end_us: list[float] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    source: list[int] = field(default_factory=list)
    sent_us: list[float] = field(default_factory=list)
    answered_us: list[float] = field(default_factory=list)
    every: int = 1
    left_out: int = 0
    duration_us: float = 0.0


def recorded(recipe: Recipe, digest: str) -> Timeline:
    """Make a simulated run once more, and look.

    Args:
        digest: of the run that it is to be.

    Raises:
        TargetError: the program can't be loaded.
        NondeterminismError: it has become another run.
    """
    watcher = _Watcher()
    made = recipe.run(watcher.drawing.watch, onlookers=[watcher])
    if made.digest != digest:
        raise NondeterminismError(
            f"the run with seed {recipe.seed} went another way when it was made once more to be drawn, so no timeline "
            "is drawn: something in the program does not repeat; "
            f"`simactors run ... --seed {recipe.seed} --check-determinism` says what"
        )
    return watcher.drawing.timeline((made.virtual_time_s or 0.0) * 1e6)


def drawn(
    records: Sequence[Record], place_of: Callable[[str], tuple[str, str] | None], duration_us: float
) -> Timeline:
    """A run of which all is known; see `Drawing`."""
    drawing = Drawing(place_of)
    for record in records:
        drawing.watch(record)
    return drawing.timeline(duration_us)


@dataclass(slots=True)
class _Span:
    call: int
    label: str
    source: str
    sent_ns: int
    row: int = -1
    start_ns: int = -1
    end_ns: int = -1
    ended: int = RUNNING
    answered_ns: int = -1


class _Watcher:
    """An `Onlooker`, who draws."""

    def __init__(self) -> None:
        self._inspection: Inspection | None = None
        self.drawing = Drawing(self._place_of)

    def opened(self, simulation: Simulation) -> None:
        """See `Onlooker`."""
        self._inspection = simulation.inspection()

    def failed(self, error: BaseException) -> None:
        """See `Onlooker`."""

    def _place_of(self, process: str) -> tuple[str, str] | None:
        assert self._inspection is not None
        return self._inspection.place_of(process)


class Drawing:
    """Makes a timeline of the records of a run.

    Args:
        place_of: the name of a process that records speak of, and its node; None if nobody knows.
    """

    def __init__(self, place_of: Callable[[str], tuple[str, str] | None]) -> None:
        self._place_of = place_of
        self._rows: dict[str, int] = {}
        self._described: list[Row] = []
        self._left_out: set[str] = set()
        self._open: dict[int, _Span] = {}
        self._spans: list[_Span] = []
        self._every = 1

    def watch(self, record: Record) -> None:
        """The run has written a record."""
        kind = record.kind
        if kind == "call":
            if record.call % self._every == 0:
                self._open[record.call] = _Span(record.call, record.what, record.process, record.time_ns)
            self._row(record)
        elif kind == "start":
            self._started(record)
        elif kind == "die":
            self._died(record)
        else:
            span = self._open.get(record.call)
            if span is None:
                return
            if kind in ("return", "raise"):
                span.end_ns, span.ended = record.time_ns, RETURNED if kind == "return" else RAISED
                if span.answered_ns >= 0:
                    del self._open[record.call]
            elif kind in ("ready", "fail"):
                span.answered_ns = record.time_ns
                if span.ended != RUNNING or span.start_ns < 0:  # who has cancelled it is told before it ends
                    del self._open[record.call]

    def _started(self, record: Record) -> None:
        row = self._row(record)
        span = self._open.get(record.call)
        if span is None or row < 0:
            return
        if span.start_ns >= 0:  # it is made again: the first attempt stays as it was
            span = _Span(span.call, span.label, span.source, span.sent_ns)
            self._open[record.call] = span
        span.row, span.start_ns = row, record.time_ns
        self._spans.append(span)
        if len(self._spans) > MOST_SPANS:
            self._every *= 2
            self._spans = [each for each in self._spans if each.call % self._every == 0]
            self._open = {call: each for call, each in self._open.items() if call % self._every == 0}

    def _died(self, record: Record) -> None:
        row = self._rows.get(record.process)
        if row is None:
            return
        self._described[row].died_us = record.time_ns / 1000
        for span in self._open.values():
            if span.row == row and span.ended == RUNNING:
                span.end_ns, span.ended = record.time_ns, DIED

    def _row(self, record: Record) -> int:
        """That of its process; -1 if there are too many."""
        process = record.process
        found = self._rows.get(process)
        if found is not None:
            self._described[found].died_us = None  # it has been started again
            return found
        if len(self._rows) >= MOST_ROWS:
            self._left_out.add(process)
            return -1
        name, node = self._place_of(process) or (process, "")
        born_us = record.time_ns / 1000
        self._described.append(Row(name=name, process=process, node=node, born_us=born_us))
        self._rows[process] = len(self._rows)
        return self._rows[process]

    def timeline(self, duration_us: float) -> Timeline:
        """What was seen."""
        spans = sorted(self._spans, key=lambda span: span.start_ns)
        labels = {label: number for number, label in enumerate(dict.fromkeys(span.label for span in spans))}
        ends = [duration_us if span.end_ns < 0 else span.end_ns / 1000 for span in spans]
        lanes = self._lanes(spans, ends)
        return Timeline(
            rows=self._described,
            labels=list(labels),
            row=[span.row for span in spans],
            lane=lanes,
            label=[labels[span.label] for span in spans],
            call=[span.call for span in spans],
            start_us=[span.start_ns / 1000 for span in spans],
            end_us=ends,
            ended=[span.ended for span in spans],
            source=[self._rows.get(span.source, -1) for span in spans],
            sent_us=[span.sent_ns / 1000 for span in spans],
            answered_us=[-1 if span.answered_ns < 0 else span.answered_ns / 1000 for span in spans],
            every=self._every,
            left_out=len(self._left_out),
            duration_us=duration_us,
        )

    def _lanes(self, spans: list[_Span], ends_us: list[float]) -> list[int]:
        """For each span the first lane of its row that is free; the last one, if none is."""
        free_us: dict[int, list[float]] = {}
        lanes = []
        for span, end_us in zip(spans, ends_us, strict=True):
            taken = free_us.setdefault(span.row, [])
            start_us = span.start_ns / 1000
            lane = next((n for n, until_us in enumerate(taken) if until_us <= start_us), len(taken))
            lane = min(lane, MOST_LANES - 1)
            if lane == len(taken):
                taken.append(end_us)
            else:
                taken[lane] = max(taken[lane], end_us)
            lanes.append(lane)
        for row, taken in free_us.items():
            self._described[row].lanes = len(taken)
        return lanes


def as_fields(timeline: Timeline) -> dict[str, Any]:
    """What a page embeds: starts as differences, all times as whole tenths of a microsecond, to be short."""
    begins = [round(10 * time_us) for time_us in timeline.start_us]
    return {
        "rows": [
            [
                row.name,
                row.process,
                row.node,
                row.lanes,
                round(10 * row.born_us),
                -1 if row.died_us is None else round(10 * row.died_us),
            ]
            for row in timeline.rows
        ],
        "labels": timeline.labels,
        "row": timeline.row,
        "lane": timeline.lane,
        "label": timeline.label,
        "call": timeline.call,
        "start": [now - before for now, before in zip(begins, [0, *begins], strict=False)],
        "took": [round(10 * end_us) - begin for end_us, begin in zip(timeline.end_us, begins, strict=True)],
        "ended": timeline.ended,
        "source": timeline.source,
        "ahead": [
            begin - round(10 * sent_us) for sent_us, begin in zip(timeline.sent_us, begins, strict=True)
        ],
        "back": [
            -1 if answered_us < 0 else round(10 * answered_us) - round(10 * end_us)
            for answered_us, end_us in zip(timeline.answered_us, timeline.end_us, strict=True)
        ],
        "every": timeline.every,
        "left_out": timeline.left_out,
        "duration": round(10 * timeline.duration_us),
    }

"""The picture of a run: lifelines, bars, arrows, as SVG in slices.

Not the page around it: `space_time.py` puts each slice beside the words of its rows, so that both stay together when
the page is printed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from simactors.exploration.folds import Fold
from simactors.exploration.hops import Event, Message
from simactors.exploration.story import Story

ROW = 24
NOTED = 42
BANNER = 62
END = 44
_EDGE = 28  # from the border to the first lane
_HALF = 5  # of a bar's width
_SHIFT = 8  # of a bar that runs beside another
_LABELLED = 90  # lanes at least as far apart have room for the names of methods
_STEPS = ((3, 200), (5, 160), (8, 124), (12, 96), (20, 72))
_NARROWEST = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the page: an event, a fold, what was measured, or the end."""

    kind: Literal["event", "fold", "banner", "end"]
    top: int
    height: int
    event: Event | None = None
    fold: Fold | None = None

    @property
    def middle(self) -> int:
        """Where its dot is."""
        return self.top + (ROW if self.kind == "event" else self.height) // 2


@dataclass(frozen=True, slots=True)
class _Shape:
    """A piece of SVG, with what it covers from top to bottom."""

    top: float
    bottom: float
    svg: str


def laid_out(story: Story, *, everything: bool) -> list[Row]:
    """The lines of the page, each under the one before."""
    rows: list[Row] = []
    top = 0

    def add(
        kind: Literal["event", "fold", "banner", "end"],
        height: int,
        event: Event | None = None,
        fold: Fold | None = None,
    ) -> None:
        nonlocal top
        rows.append(Row(kind=kind, top=top, height=height, event=event, fold=fold))
        top += height

    for row in story.events if everything else story.rows:
        if isinstance(row, Fold):
            add("fold", ROW, fold=row)
            continue
        add("event", NOTED if row.note else ROW, event=row)
        if row.number == story.decided_at:
            add("banner", BANNER)
    add("end", END)
    return rows


class Picture:
    """Draws one run along the rows of its page."""

    def __init__(self, story: Story, rows: Sequence[Row]) -> None:
        self._story = story
        self._rows = rows
        self._bottom = rows[-1].top + rows[-1].height
        self._over = self._bottom - END // 2  # where lines end
        self._row_of = _rows_by_event(rows)
        self._shown = {row.event.number for row in rows if row.event is not None}
        self.lanes = self._lanes_in_use()
        self.step = next((step for most, step in _STEPS if len(self.lanes) <= most), _NARROWEST)
        self.width = 2 * max(_EDGE, self.step // 2) + self.step * max(len(self.lanes) - 1, 0)
        self._x = {lane: self.step // 2 + at * self.step for at, lane in enumerate(self.lanes)}
        self._depths = {(one.lane, one.call): one.depth for one in story.activations if one.call}
        self._shapes = [
            *self._bands(),
            *self._lifelines(),
            *self._bars(),
            *self._stillness(),
            *(shape for message in story.messages for shape in self._arrow(message)),
            *self._dots(),
            *self._ends(),
        ]

    def slice(self, first: Row, last: Row) -> str:
        """The SVG of these rows and all between."""
        top, bottom = first.top, last.top + last.height
        inside = "".join(s.svg for s in self._shapes if s.top < bottom and s.bottom > top)
        return (
            f'<svg width="100%" height="{bottom - top}" aria-hidden="true" focusable="false">'
            f'<g transform="translate(0 {-top})">{inside}</g></svg>'
        )

    def _lanes_in_use(self) -> list[int]:
        events = self._story.events
        used = {events[number].lane for number in self._shown} | {0}
        for message in self._story.messages:
            ends = [number for number in (message.source, message.target) if number is not None]
            if any(number in self._shown for number in ends):
                used.update(events[number].lane for number in ends)
        return sorted(used)

    def _y(self, number: int) -> int:
        return self._row_of[number].middle

    def _bands(self) -> list[_Shape]:
        """Across all lanes: what is pointed at, what is left out, what decided."""
        shapes = []
        for row in self._rows:
            name = {"event": "band", "fold": "fold", "banner": "decisive", "end": "over"}[row.kind]
            number = f' data-n="{row.event.number}"' if row.event is not None else ""
            svg = f'<rect class="{name}"{number} y="{row.top}" width="100%" height="{row.height}"/>'
            if row.kind == "banner":
                svg += f'<rect class="line" y="{row.top}" width="100%" height="2"/>'
            shapes.append(_Shape(row.top, row.top + row.height, svg))
        return shapes

    def _lifelines(self) -> list[_Shape]:
        shapes = []
        for lane in self.lanes:
            mine = [event for event in self._story.events if event.lane == lane]
            if not mine:
                continue
            x, first = self._x[lane], self._y(mine[0].number)
            died = mine[-1].kind in ("die", "lose")
            last = self._y(mine[-1].number) if died else self._over
            shapes.append(_Shape(first, last, f'<path class="life" d="M{x} {first}V{last}"/>'))
            if died:
                rest = f'<path class="life gone" d="M{x} {last}V{self._over}"/>'
                shapes.append(_Shape(last, self._bottom, rest))
        return shapes

    def _bars(self) -> list[_Shape]:
        shapes = []
        gaps = {lane: self._gaps(lane) for lane in self.lanes}
        for one in self._story.activations:
            if one.lane not in self._x:
                continue
            top = self._y(one.first)
            bottom = self._over if one.last is None else self._y(one.last)
            if top == bottom and one.first not in self._shown:
                continue
            x = self._x[one.lane] - _HALF + one.depth * _SHIFT
            name = "bar driver" if one.call == 0 else "bar"
            end = bottom + (4 if one.last is not None else 0)
            for start, stop in _without(top - 4, end, gaps[one.lane] if one.depth == 0 else []):
                svg = (
                    f'<rect class="{name}" x="{x}" y="{start}" width="{2 * _HALF}" '
                    f'height="{stop - start}" rx="2"/>'
                )
                shapes.append(_Shape(start, stop, svg))
        return shapes

    def _gaps(self, lane: int) -> list[tuple[int, int, str]]:
        """Where a lane stands still: from where to where, and how."""
        found = []
        for wait in self._story.waits:
            if wait.lane != lane:
                continue
            top = self._y(wait.first) + 7
            bottom = self._over if wait.last is None else self._y(wait.last) - 7
            if bottom > top:
                name = "forever" if wait.last is None else "sleeps" if wait.sleeps else "waits"
                found.append((top, bottom, name))
        return found

    def _stillness(self) -> list[_Shape]:
        return [
            _Shape(top, bottom, f'<path class="{name}" d="M{self._x[lane]} {top}V{bottom}"/>')
            for lane in self.lanes
            for top, bottom, name in self._gaps(lane)
        ]

    def _arrow(self, message: Message) -> list[_Shape]:
        source, target = message.source, message.target
        if source not in self._shown and target not in self._shown:
            return []
        start = self._story.events[source]
        x, y = self._place(start)
        if target is None:
            return [self._stub(message, x, y)]
        end = self._story.events[target]
        to_x, to_y = self._place(end)
        if end.lane == start.lane:
            reach = min(self.step // 3, 34)
            line = f"M{x + _HALF + 1} {y}C{x + reach} {y} {x + reach} {to_y} {x + _HALF + 1} {to_y}"
        else:
            side = 1 if to_x > x else -1
            line = f"M{x + side * (_HALF + 1)} {y}L{to_x - side * (_HALF + 2)} {to_y}"
        svg = f'<path {_marked(message)} d="{line}"><title>{_title(message)}</title></path>'
        return [_Shape(min(y, to_y) - 5, max(y, to_y) + 5, svg)]

    def _stub(self, message: Message, x: int, y: int) -> _Shape:
        """What hasn't arrived: a short arrow that ends at nothing."""
        to_x, to_y = x + min(self.step // 2 - 6, 52), y + 16
        cross = f"M{to_x - 4} {to_y - 4}l8 8m0 -8l-8 8" if message.failed else f"M{to_x} {to_y}h5m3 0h2m3 0h1"
        svg = (
            f'<path {_marked(message, " open")} d="M{x + _HALF + 1} {y}L{to_x} {to_y}"/>'
            f'<path {_marked(message, " nowhere")} d="{cross}"/>'
        )
        return _Shape(y - 5, to_y + 6, svg)

    def _dots(self) -> list[_Shape]:
        shapes = []
        came_from = {m.target: m.source for m in self._story.messages if m.target is not None}
        for row in self._rows:
            if row.fold is not None:
                shapes += self._counts(row, row.fold)
            if row.event is None or row.event.lane not in self._x:
                continue
            event = row.event
            x, y = self._place(event)
            svg = _mark(event, x, y)
            if event.kind == "start" and self.step >= _LABELLED:
                source = came_from.get(event.number)
                from_right = (
                    source is not None and self._x[self._story.events[source].lane] >= self._x[event.lane]
                )
                svg += _label(event, x, y, left=from_right, room=self.step)
            shapes.append(_Shape(row.top, row.top + row.height, svg))
        return shapes

    def _place(self, event: Event) -> tuple[int, int]:
        """Where an event is drawn: beside the lane's middle if its call runs beside another one."""
        depth = self._depths.get((event.lane, event.call), 0)
        return self._x[event.lane] + depth * _SHIFT, self._y(event.number)

    def _counts(self, row: Row, fold: Fold) -> list[_Shape]:
        return [
            _Shape(
                row.top,
                row.top + row.height,
                f'<rect class="chip" x="{self._x[lane] - 17}" y="{row.top + 4}" width="34" height="16" rx="8"/>'
                f'<text class="chip" x="{self._x[lane]}" y="{row.top + 16}">⋯ {number}</text>',
            )
            for lane, number in fold.counts
            if lane in self._x
        ]

    def _ends(self) -> list[_Shape]:
        """Where the driver ended, and who still waits."""
        x, y = self._x[0], self._over
        failed = self._story.ending.outcome != "passed"
        mark = (
            f'<circle class="end failed" cx="{x}" cy="{y}" r="9"/>'
            f'<path class="cross" d="M{x - 4} {y - 4}l8 8m0 -8l-8 8"/>'
            if failed
            else f'<circle class="end" cx="{x}" cy="{y}" r="6"/>'
        )
        svg = [mark]
        for lane in sorted({w.lane for w in self._story.waits if w.last is None and w.lane in self._x} - {0}):
            svg.append(f'<text class="stuck" x="{self._x[lane]}" y="{y + 13}">waits</text>')
        return [_Shape(self._bottom - END, self._bottom, "".join(svg))]


def _rows_by_event(rows: Sequence[Row]) -> dict[int, Row]:
    found: dict[int, Row] = {}
    for row in rows:
        if row.event is not None:
            found[row.event.number] = row
        if row.fold is not None:
            found.update((number, row) for number in range(row.fold.first, row.fold.last + 1))
    return found


def _without(top: int, bottom: int, gaps: Sequence[tuple[int, int, str]]) -> list[tuple[int, int]]:
    """A bar from top to bottom, cut where it stands still."""
    pieces = []
    for start, stop, _ in gaps:
        if top <= start < bottom:
            pieces.append((top, start))
            top = stop
    return [piece for piece in [*pieces, (top, bottom)] if piece[0] < piece[1]]


def _marked(message: Message, more: str = "") -> str:
    failed = " failed" if message.failed else ""
    noted = " noted" if message.note else ""
    target = "" if message.target is None else message.target
    return f'class="m {message.sort}{failed}{noted}{more}" data-s="{message.source}" data-t="{target}"'


def _title(message: Message) -> str:
    return escape(
        f"{message.sort} {message.what} #{message.call}" + (f": {message.note}" if message.note else "")
    )


def _mark(event: Event, x: int, y: int) -> str:
    name = f'class="dot {event.kind}" data-n="{event.number}"'
    if event.is_fault:
        return (
            f'<path {name} d="M{x} {y - 9}l8.5 15.5h-17z"/><path class="bang" d="M{x} {y - 3}v5m0 1.5v1.5"/>'
        )
    if event.kind in ("put", "thread", "joinable", "join"):
        return f'<rect {name} x="{x - 3.5}" y="{y - 3.5}" width="7" height="7"/>'
    if event.kind in ("preempt", "cancel"):
        return f'<path {name} d="M{x} {y - 6}l6 6l-6 6l-6 -6z"/>'
    return f'<circle {name} cx="{x}" cy="{y}" r="{3 if event.kind == "sleep" else 4}"/>'


def _label(event: Event, x: int, y: int, *, left: bool, room: int) -> str:
    name = event.what.rpartition(".")[2]
    most = (room - 22) // 7
    short = name if len(name) <= most else f"{name[: most - 1]}…"
    at, anchor = (x - 11, "end") if left else (x + 11, "start")
    return f'<text class="name" x="{at}" y="{y + 4}" text-anchor="{anchor}">{escape(short)}</text>'

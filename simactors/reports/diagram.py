"""A failing run for a terminal: processes as columns where they fit, else a list; never wider than asked for.

The same story as `space_time.py` tells on a page. An arrow stands where a message arrives, and comes from the column
that sent it.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from simactors.exploration.folds import Fold
from simactors.exploration.hops import Event, Message
from simactors.exploration.story import Story
from simactors.reports import phrases

_NARROWEST = 16  # columns that still hold something
_WIDEST = 30
_GUTTER = 12  # time, and a space
_LEAST = 40
_KEY = "┃ starts or runs, ○ returns, ● calls or receives, ✕ fails, ! fault, ━ or ◔ remarkable"
_NAMES = 16  # of processes, in the list


def text(story: Story, width: int, plan: Sequence[str] = ()) -> str:
    """The run, line by line.

    Args:
        width: of the terminal; no line is longer, except that less than 40 columns are taken for 40.
        plan: how to make it happen, one step a line.
    """
    width = max(width, _LEAST)
    unit = phrases.unit(story)
    lanes = _lanes_in_use(story)
    column = min((width - _GUTTER) // len(lanes), _WIDEST)
    body = _columns(story, unit, width, lanes, column) if column >= _NARROWEST else _list(story, unit, width)
    blocks = [
        "\n".join([*_wrapped(phrases.size(story, unit), width), *_wrapped(_KEY, width)]),
        "\n".join(line.rstrip() for line in body),
    ]
    if plan:
        steps = [line for at, step in enumerate(plan, 1) for line in _wrapped(step, width, f"  {at}. ")]
        blocks.append("\n".join(["How to make it happen:", *steps]))
    return "\n\n".join(blocks)


def _lanes_in_use(story: Story) -> list[int]:
    return sorted({0} | {row.lane for row in story.rows if isinstance(row, Event)})


# Columns


def _columns(story: Story, unit: str, width: int, lanes: Sequence[int], column: int) -> Iterator[str]:
    sheet = _Sheet(story, unit, width, lanes, column)
    yield from sheet.heads()
    for row in story.rows:
        if isinstance(row, Fold):
            yield sheet.fold(row)
            continue
        yield sheet.event(row)
        if row.note:
            yield sheet.beside(f"◔ {row.note}")
        if row.number == story.decided_at:
            yield from _banner(story, width)
    yield sheet.last()
    yield from _end(story, width)


class _Sheet:
    """Lines in which each process has a column; a lane's line is in its column's second place."""

    def __init__(self, story: Story, unit: str, width: int, lanes: Sequence[int], column: int) -> None:
        self._story = story
        self._unit = unit
        self._width = width
        self._column = column
        self._at = {lane: _GUTTER + at * column + 1 for at, lane in enumerate(lanes)}
        self._bars = _bars(story)
        self._arrivals = {m.target: m for m in story.messages if m.target is not None}
        self._lost = {m.source for m in story.messages if m.target is None and m.failed}
        self._now = -1  # the event that was last printed
        self._time = ""

    def heads(self) -> Iterator[str]:
        lanes = [self._story.lanes[lane] for lane in self._at]
        yield self._head(f"{self._unit:>{_GUTTER - 2}}", [lane.name or lane.process for lane in lanes])
        yield self._head("", [f"({lane.process})" if lane.name else "" for lane in lanes])

    def _head(self, first: str, names: Sequence[str]) -> str:
        cells = [_fitted(name, self._column - 1) for name in names]
        return f"{first:<{_GUTTER}}" + "".join(
            f"{cell}{' ' * (self._column - _cells(cell))}" for cell in cells
        )

    def event(self, event: Event) -> str:
        self._now = event.number
        time = phrases.clock(event.time_ns, self._unit)
        line = self._line("" if time == self._time else time)
        self._time = time
        at = self._at[event.lane]
        line[at] = _mark(event)
        message = self._arrivals.get(event.number)
        side = self._arrow(line, message, at) if message is not None else 0
        self._write(line, at, event, side=side)
        return "".join(line)

    def _arrow(self, line: list[str], message: Message, at: int) -> int:
        """Draw a message where it arrives; returns on which side it came in: -1, 1, or 0 if not drawn."""
        lane = self._story.events[message.source].lane
        if lane not in self._at or self._at[lane] == at:
            return 0
        start = self._at[lane]
        side = -1 if start < at else 1
        stroke = "━" if message.note else "─" if message.sort in ("request", "retry") else "╌"
        for place in range(min(start, at) + 1, max(start, at)):
            line[place] = stroke if line[place] == " " else "┼"
        line[start] = "├" if side < 0 else "┤"
        line[at + side] = "▶" if side < 0 else "◀"
        return side

    def _write(self, line: list[str], at: int, event: Event, *, side: int) -> None:
        """Beside the mark, on the side where nothing came in; else over the arrow, or left of it all."""
        says = _says(event, lost=event.number in self._lost)
        if side <= 0:
            _put(line, at + 2, _fitting(says, self._width - at - 2))
            return
        arrow = line.index("┤", at)
        left = at - 2 - _GUTTER
        if left >= _cells(says[0]) > arrow - at - 6:
            _put(line, at - 1 - _cells(says[0]), says[0])
        else:
            _put(line, at + 3, f" {_fitting(says, arrow - at - 6)} ")

    def fold(self, fold: Fold) -> str:
        self._now = fold.last
        self._time = ""
        return _fitted(f"{'':<{_GUTTER}} ┆ … {fold.words}", self._width)

    def beside(self, words: str) -> str:
        line = self._line("")
        at = self._at[self._story.events[self._now].lane]
        start = max(min(at + 2, self._width - _cells(words)), _GUTTER)
        if start <= at:
            line[at] = " "
        _put(line, start, _fitted(words, self._width - start))
        return "".join(line)

    def last(self) -> str:
        line = self._line("")
        for wait in self._story.waits:
            if wait.last is None and wait.lane in self._at:
                _put(line, self._at[wait.lane] + 2, "still waits")
        return "".join(line)

    def _line(self, time: str) -> list[str]:
        """Only time and lifelines: heavy where something runs."""
        line = list(f"{time:>{_GUTTER - 2}}".ljust(self._width))
        for lane, at in self._at.items():
            spans = self._bars.get(lane, [])
            runs = any(first <= self._now < last for first, last in spans)
            line[at] = "┃" if runs else "│"
        return line


def _bars(story: Story) -> dict[int, list[tuple[int, int]]]:
    """On each lane, from which event to which one something runs."""
    found: dict[int, list[tuple[int, int]]] = {}
    for one in story.activations:
        last = len(story.events) if one.last is None else one.last
        found.setdefault(one.lane, []).append((one.first, last))
    return found


def _put(line: list[str], at: int, words: str) -> None:
    """Write over a line; what is two columns wide takes two places, the second of them empty."""
    for character in words:
        wide = _cells(character)
        if at + wide > len(line):
            return
        if wide:
            line[at : at + wide] = [character] + [""] * (wide - 1)
        at += wide


# The list


def _list(story: Story, unit: str, width: int) -> Iterator[str]:
    arrivals = {m.target: m for m in story.messages if m.target is not None}
    names = min(max(len(lane.process) for lane in story.lanes), _NAMES)
    yield f"{unit:>{_GUTTER - 2}}"
    latest = ""
    for row in story.rows:
        if isinstance(row, Fold):
            yield _fitted(f"{'':<{_GUTTER}}… {row.words}", width)
            latest = ""
            continue
        time = phrases.clock(row.time_ns, unit)
        process = _fitted(story.lanes[row.lane].process, names)
        words = f"{process:<{names}} {_mark(row)} {phrases.numbered(row)}{_origin(story, arrivals, row)}"
        yield _fitted(f"{'' if time == latest else time:>{_GUTTER - 2}}  {words}", width)
        latest = time
        if row.note:
            yield from _wrapped(f"◔ {row.note}", width, " " * (_GUTTER + names + 3))
        if row.number == story.decided_at:
            yield from _banner(story, width)
    waiting = [story.lanes[wait.lane].process for wait in story.waits if wait.last is None]
    if waiting:
        yield from _wrapped(f"still waiting: {', '.join(waiting)}", width, " " * _GUTTER)
    yield from _end(story, width)


def _origin(story: Story, arrivals: Mapping[int, Message], event: Event) -> str:
    message = arrivals.get(event.number)
    if message is None:
        return ""
    source = story.events[message.source].lane
    return f" ◀ {story.lanes[source].process}" if source != event.lane else ""


# Both


def _banner(story: Story, width: int) -> Iterator[str]:
    """A line across everything, with what was measured."""
    for line in _wrapped(f"this step decided: {phrases.decided(story)}", width - 6):
        yield f"━━ {line} ".ljust(width, "━")[:width]


def _end(story: Story, width: int) -> Iterator[str]:
    yield from _wrapped(phrases.ended(story.ending), width, " " * (_GUTTER - 1) + "✕ ")


def _mark(event: Event) -> str:
    if event.is_fault:
        return "!"
    return {"start": "┃", "return": "○", "raise": "✕", "ready": "●", "fail": "✕", "sleep": "·"}.get(
        event.kind, "●"
    )


def _says(event: Event, *, lost: bool) -> list[str]:
    """What to write beside it, and what else if there is no room for that."""
    more = " (lost)" if lost else ""
    says = [phrases.numbered(event) + more]
    if event.call and not event.is_fault:
        says += [f"{name} #{event.call}{more}" for name in (event.what, event.what.rpartition(".")[2])]
    return [_plain(words) for words in says]


def _fitting(says: Sequence[str], width: int) -> str:
    """The first that fits, or as much of the last as does."""
    return next((words for words in says if _cells(words) <= width), _fitted(says[-1], width))


def _wrapped(words: str, width: int, first: str = "") -> list[str]:
    """Words over several lines, the later ones indented as far as the first one is."""
    room = max(width - len(first), 10)
    lines = textwrap.wrap(_plain(words), room) or [""]
    return [_fitted((first if at == 0 else " " * len(first)) + line, width) for at, line in enumerate(lines)]


def _fitted(words: str, width: int) -> str:
    """On one line, cut with an ellipsis if it doesn't fit."""
    words = _plain(words)
    if _cells(words) <= width:
        return words
    kept = ""
    for character in words:
        if _cells(kept) + _cells(character) > width - 1:
            break
        kept += character
    return f"{kept}…"


def _plain(words: str) -> str:
    """Without what would move the cursor, or colour what follows."""
    return "".join(c if unicodedata.category(c)[0] != "C" else " " for c in words)


def _cells(words: str) -> int:
    """How many columns a terminal gives it."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in words
    )

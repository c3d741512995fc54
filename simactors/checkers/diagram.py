"""A drawing of the operations around the one that nothing explains, as text: who ran when, and the order that fits.

::

    alice  [1--]     [!--]
    bob      [2--]
    carol          [3~~~~~~

    an order that fits so far:        the state after it:
      1  alice: set(1) -> None        1
      2  bob: set(2) -> None          2
    what does not fit:
      !  alice: get() -> 1            would have returned 2
    not in it:
      3  carol: set(3) (unknown)

It is not the space-time diagram of a run, which is in `reports`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from simactors.checkers.search import Configuration
from simactors.core.history import History, Operation

MOST_BEFORE = 8
MOST_BESIDE = 8
WIDEST_TEXT = 64


@dataclass(frozen=True, slots=True)
class Bar:
    """One operation to be drawn, with what stands for it, its line below, and what is said beside that."""

    mark: str
    operation: Operation
    note: str = ""

    @property
    def line(self) -> str:
        """It in words."""
        return f"  {self.mark:>2}  {_short(str(self.operation))}"


def draw(history: History, stuck: Operation, longest: Configuration, would: str) -> str:
    """The operations around `stuck`, in several lines.

    Args:
        history: of the object that is judged.
        stuck: the operation whose answer nothing explains.
        longest: the order that explains all answers before it.
        would: how the specification would have answered: ``would have returned 2``.
    """
    order = longest.order()
    shown = order[-MOST_BEFORE:]
    fits = [
        Bar(str(number), step.operation, _short(repr(step.state))) for number, step in enumerate(shown, 1)
    ]
    inside = {step.operation.called for step in order} | {stuck.called}
    beside = [each for each in history if each.called not in inside and _overlap(each, stuck)]
    nearest = sorted(beside, key=lambda each: stuck.called - each.called)[:MOST_BESIDE]
    nearest.sort(key=lambda each: each.called)
    others = [Bar(str(number), each) for number, each in enumerate(nearest, len(fits) + 1)]
    wrong = Bar("!", stuck, f"would have {would}")
    omitted = len(order) - len(shown)
    before = f" (the last {len(shown)} of {len(order)})" if omitted else ""
    lines = _rows([*fits, wrong, *others])
    lines += ["", *_legend(f"an order that fits so far{before}:", "the state after it:", fits)]
    lines += _legend("what does not fit:", "", [wrong])
    lines += _legend("not in it:", "", others)
    if any(each.operation.status == "unknown" for each in [*fits, *others]):
        lines.append("~ no answer came: it may take effect at any time, or never")
    return "\n".join(line.rstrip() for line in lines)


def _overlap(one: Operation, other: Operation) -> bool:
    """Whether either could come first."""
    if one.status == "unknown":
        one = replace(one, returned=None)
    return (one.returned is None or one.returned > other.called) and (
        other.returned is None or other.returned > one.called
    )


def _rows(bars: Sequence[Bar]) -> list[str]:
    """Time from left to right; a row for each client, and more for one that asks again before it is answered."""
    columns, right = _columns(bars)
    rows: dict[str, list[str]] = {}
    for bar in sorted(bars, key=lambda bar: bar.operation.called):
        start = columns[bar.operation.called]
        drawn = _drawn(bar, columns, right)
        mine = rows.setdefault(bar.operation.client, [])
        for number, row in enumerate(mine):
            if len(row) <= start:
                mine[number] = row.ljust(start) + drawn
                break
        else:
            mine.append(" " * start + drawn)
    wide = max(map(len, rows), default=0)
    return [
        f"{client if number == 0 else '':<{wide}}  {row}"
        for client, mine in rows.items()
        for number, row in enumerate(mine)
    ]


def _drawn(bar: Bar, columns: dict[int, int], right: int) -> str:
    start, end = columns[bar.operation.called], _end(bar.operation)
    if end is None:
        return f"[{bar.mark}".ljust(right - start, "~")
    return f"[{bar.mark}".ljust(columns[end] - start, "-") + "]"


def _columns(bars: Sequence[Bar]) -> tuple[dict[int, int], int]:
    """A column for each call and return, as far left as the marks allow; and the first one right of all."""
    marks = {bar.operation.called: bar.mark for bar in bars}
    calls = {end: bar.operation.called for bar in bars if (end := _end(bar.operation)) is not None}
    columns: dict[int, int] = {}
    free = 0
    for moment in sorted([*marks, *calls]):
        column = free
        if moment in calls:
            call = calls[moment]
            column = max(free, columns[call] + len(marks[call]) + 2)
        columns[moment] = column
        free = column + 1
    return columns, free + 3


def _end(operation: Operation) -> int | None:
    """Where its effect must have come; nowhere if nobody knows."""
    return None if operation.status == "unknown" else operation.returned


def _legend(title: str, noted: str, bars: Sequence[Bar]) -> list[str]:
    if not bars:
        return []
    wide = max(len(title), *(len(bar.line) for bar in bars)) + 4
    return [f"{title:<{wide}}{noted}", *(f"{bar.line:<{wide}}{bar.note}" for bar in bars)]


def _short(text: str) -> str:
    return text if len(text) <= WIDEST_TEXT else f"{text[: WIDEST_TEXT - 3]}..."

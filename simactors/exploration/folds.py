"""Chooses what of a long run is worth a reader's time, and says what was left out.

Near the end, near the step that decided, near faults, in the past of those: that is shown, call by call; but not the
fortieth call of the same kind. What is left out is counted where it happened, so that nobody takes the picture for all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simactors.exploration.hops import Event, Hops

_ALIKE = 4  # calls of one kind by one process
_AROUND = 2  # events before and after one that must be seen
_SMALLEST = 3  # what hides fewer events takes more room than it saves
_NAMED = 2  # kinds of calls that a fold names


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """A stretch of events that isn't shown.

    Attributes:
        first, last: numbers of its first and its last event.
        counts: how many of them there are on each lane that has any.
        words: for a reader: ``150 steps: 37 Account.read, 1 other``.
    """

    first: int
    last: int
    counts: tuple[tuple[int, int], ...]
    words: str

    @property
    def size(self) -> int:
        """How many events it hides."""
        return self.last - self.first + 1


def rows(hops: Hops, anchors: Iterable[int], most: int) -> tuple[Event | Fold, ...]:
    """The events to show, in order, and between them what was left out.

    Args:
        anchors: numbers of the events that must be seen, the most important ones first.
        most: about how many events to show; a run that has no more is shown whole.
    """
    if len(hops.events) <= most:
        return hops.events
    shown = _chosen(hops, list(anchors), most)
    found: list[Event | Fold] = []
    hidden: list[Event] = []
    for event in hops.events:
        if event.number not in shown:
            hidden.append(event)
            continue
        found += _folded(hidden)
        hidden = []
        found.append(event)
    return (*found, *_folded(hidden))


def _folded(hidden: Sequence[Event]) -> Sequence[Event | Fold]:
    if len(hidden) < _SMALLEST:
        return hidden
    counts = Counter(event.lane for event in hidden)
    fold = Fold(
        first=hidden[0].number,
        last=hidden[-1].number,
        counts=tuple(sorted(counts.items())),
        words=_words(hidden),
    )
    return [fold]


def _words(hidden: Sequence[Event]) -> str:
    calls = Counter(event.what for event in hidden if event.kind == "start")
    common = sorted(calls.items(), key=lambda item: (-item[1], item[0]))
    named = [f"{count} {what}" for what, count in common[:_NAMED]]
    rest = sum(count for _, count in common[_NAMED:])
    told = ", ".join([*named, *([f"{rest} other{'s' if rest > 1 else ''}"] if rest else [])])
    return f"{len(hidden):,} steps: {told}" if told else f"{len(hidden):,} steps"


def _chosen(hops: Hops, anchors: Sequence[int], most: int) -> set[int]:
    shown: set[int] = set()
    for anchor in anchors:
        if len(shown) < most:
            shown.update(range(max(anchor - _AROUND, 0), min(anchor + _AROUND + 1, len(hops.events))))
    alike: Counter[tuple[int, str]] = Counter()
    taken: set[int] = set()
    of_call = _by_call(hops.events)
    for number in _nearest_first(hops, anchors):
        event = hops.events[number]
        if len(shown) >= most:
            break
        if event.call in taken:
            continue
        group = of_call.get(event.call, [number])
        taken.update(group if event.call == 0 else [event.call])
        key = (hops.events[group[0]].lane, event.what if event.call else event.kind)
        alike[key] += 1
        if alike[key] <= _ALIKE:
            shown.update(group)
    return shown


def _by_call(events: Sequence[Event]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for event in events:
        if event.call:
            found.setdefault(event.call, []).append(event.number)
    return found


def _nearest_first(hops: Hops, anchors: Sequence[int]) -> Iterable[int]:
    """What led to the anchors, by how few steps lie between; of equals, the latest first."""
    seen = set(anchors)
    edge = sorted(seen, reverse=True)
    while edge:
        yield from edge
        further = {cause for number in edge for cause in hops.causes[number]} - seen
        seen |= further
        edge = sorted(further, reverse=True)

"""What is certainly wrong with the operations of a queue, seen without trying any order.

Where the judge would have to try all orders to say that none fits, which for queues are too many. Not every mistake is
seen: of elements that were put in twice little can be said, and `size` and `peek` are not looked at. Each of these is
one, in whatever order the operations are put:

- an element was got more often than anybody had put it;
- one element was in the queue before another one was, and came out after it;
- the queue was found empty, while at each moment of that some element was in it.

Source: T. Henzinger, A. Sezgin, V. Vafeiadis, "Aspect-oriented linearizability proofs", CONCUR 2013.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

from simactors.core.history import Operation


@dataclass(frozen=True, slots=True)
class QueueAsked:
    """What was asked of a queue.

    Attributes:
        initial: what was in it before, the first one first.
        puts: those that may have put something in.
        gets: those that may have taken something out, or have found nothing.
        value: what was put, or got.
    """

    initial: Sequence[Hashable]
    puts: Sequence[Operation]
    gets: Sequence[Operation]
    value: Callable[[Operation], Hashable]

    def before(self, place: int) -> QueueAsked:
        """What was known at a place of the history."""
        return replace(
            self,
            puts=[_known(put, place) for put in self.puts if put.called < place],
            gets=[_known(get, place) for get in self.gets if get.called < place],
        )


def first_mistake(asked: QueueAsked) -> Operation | None:
    """The operation with whose answer the history is certainly wrong; None if nothing is."""
    if not _is_wrong(asked):
        return None
    answered = [each for each in (*asked.puts, *asked.gets) if each.status in ("returned", "raised")]
    answered.sort(key=_end)
    place = bisect_left(answered, True, key=lambda each: _is_wrong(asked.before(int(_end(each)) + 1)))
    return answered[place]


def _known(operation: Operation, place: int) -> Operation:
    if operation.returned is None or operation.returned < place:
        return operation
    return replace(operation, status="unknown", returned=None, result=None)


def _end(operation: Operation) -> float:
    return math.inf if operation.status == "unknown" or operation.returned is None else operation.returned


@dataclass(frozen=True, slots=True)
class _Stay:
    """An element whose value is like no other's: between which places it came, and left.

    Attributes:
        is_taken: somebody is known to have taken it; otherwise somebody may have who was not told.
    """

    came_from: float
    came_to: float
    left_from: float = math.inf
    left_to: float = math.inf
    is_taken: bool = False


def _is_wrong(asked: QueueAsked) -> bool:
    known = {*asked.initial, *map(asked.value, asked.puts)}
    told = [get for get in asked.gets if get.status != "unknown"]
    found_nothing = [get for get in told if _found_nothing(get, asked, known)]
    takers = [get for get in told if not _found_nothing(get, asked, known)]
    if _is_got_too_often(asked, takers):
        return True
    stays = list(_stays(asked, takers))
    unknown = sorted(get.called for get in asked.gets if get.status == "unknown")
    return (
        _is_overtaken(stays) or _are_too_many_gone(stays, unknown) or _was_full(stays, unknown, found_nothing)
    )


def _found_nothing(get: Operation, asked: QueueAsked, known: set[Hashable]) -> bool:
    return get.status == "raised" or (get.result is None and asked.value(get) not in known)


def _is_got_too_often(asked: QueueAsked, takers: Sequence[Operation]) -> bool:
    left = Counter(asked.initial)
    events = [(float(put.called), 1, asked.value(put)) for put in asked.puts]
    events += [(_end(get), -1, asked.value(get)) for get in takers]
    for _, change, value in sorted(events, key=lambda event: event[0]):
        left[value] += change
        if left[value] < 0:
            return True
    return False


def _stays(asked: QueueAsked, takers: Sequence[Operation]) -> Iterator[_Stay]:
    counts = Counter([*asked.initial, *map(asked.value, asked.puts)])
    gets = {asked.value(get): get for get in takers}
    first = -2.0 * len(asked.initial)
    came = [(value, first + 2 * n, first + 2 * n + 1) for n, value in enumerate(asked.initial)]
    came += [(asked.value(put), put.called, _end(put)) for put in asked.puts]
    for value, begin, end in came:
        get = gets.get(value)
        if counts[value] == 1:
            yield _Stay(begin, end) if get is None else _Stay(begin, end, get.called, _end(get), True)


def _is_overtaken(stays: Sequence[_Stay]) -> bool:
    """Whether some element was in before another one came, and left after that had left."""
    by_end = sorted((stay for stay in stays if stay.is_taken), key=lambda stay: stay.came_to)
    latest, place = -math.inf, 0
    for stay in sorted(stays, key=lambda stay: stay.came_from):
        while place < len(by_end) and by_end[place].came_to < stay.came_from:
            latest = max(latest, by_end[place].left_from)
            place += 1
        if stay.left_to < latest:
            return True
    return False


def _are_too_many_gone(stays: Sequence[_Stay], unknown: Sequence[int]) -> bool:
    """Whether an element was got, and more were in before it and must be gone than there were others who may have got
    them.
    """
    in_before = sorted(stay.came_to for stay in stays if not stay.is_taken)
    return any(
        bisect_left(in_before, stay.came_from) > bisect_left(unknown, stay.left_to)
        for stay in stays
        if stay.left_to < math.inf
    )


def _was_full(stays: Sequence[_Stay], unknown: Sequence[int], found_nothing: Sequence[Operation]) -> bool:
    """Whether somebody found the queue empty while there was no moment at which it can have been."""
    events: list[tuple[float, int, int]] = [(called, 0, -1) for called in unknown]
    for stay in stays:
        if not stay.is_taken:
            events.append((stay.came_to, 0, 1))
        elif stay.came_to < stay.left_from:
            events += [(stay.came_to, 1, 0), (stay.left_from, -1, 0)]
    events.sort()
    # After which of these places the queue may have been empty: before the first it may have been.
    empty_after = [-math.inf]
    full_after: list[float] = []
    held = loose = 0
    for at, taken, untaken in events:
        held, loose = held + taken, loose + untaken
        is_empty = not held and loose <= 0
        (empty_after if is_empty else full_after).append(at)
    return any(not _may_find_nothing(get, empty_after, full_after) for get in found_nothing)


def _may_find_nothing(get: Operation, empty_after: Sequence[float], full_after: Sequence[float]) -> bool:
    """Whether there was such a moment before its call and nothing came since, or while it ran."""
    latest = bisect_left(empty_after, _end(get)) - 1
    moment = empty_after[latest]
    if moment > get.called:
        return True
    later = bisect_left(full_after, get.called) - 1
    return later < 0 or full_after[later] < moment

"""In which order the operations of a queue came, as far as the elements tell that went through it.

A guess, for the judge to look there first (`specification.KnowsOrder`): a wrong one costs time, and changes no verdict.
Elements that are put and got must have one order, which agrees with the order of the puts that did not overlap and
with that of the gets that did not. Any such order will do, if there is one; and then elements are put in as late and
taken out as early as possible, for whoever found the queue empty.

Source: T. Henzinger, A. Sezgin, V. Vafeiadis, "Aspect-oriented linearizability proofs", CONCUR 2013, for what makes
histories of a queue wrong: only two elements that came in and went out in different orders, elements that nobody has
put, and queues that can't have been empty.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from simactors.core.history import Operation


@dataclass(slots=True, eq=False)
class _Element:
    """One element, and when it may have come and gone: places of the history.

    Attributes:
        put, get: by whom; None if it was there first, or if nobody is known to have taken it.
        put_from, put_to, get_from, get_to: between these it was put in, and taken out.
        rank: its place among all elements.
    """

    put: Operation | None
    put_from: float
    put_to: float
    get: Operation | None = None
    get_from: float = math.inf
    get_to: float = math.inf
    rank: int = -1

    def taken_by(self, get: Operation) -> None:
        """Note who has taken it."""
        self.get, self.get_from = get, get.called
        self.get_to = math.inf if get.status == "unknown" or get.returned is None else get.returned


def guess(
    initial: Sequence[Hashable],
    puts: Sequence[Operation],
    gets: Sequence[Operation],
    value: Callable[[Operation], Hashable],
) -> dict[int, float]:
    """A number for each operation, by where it was called: the smaller came first.

    Args:
        initial: what was in the queue before, the first one first.
        puts: those that may have put something in.
        gets: those that may have taken something out, or have found nothing.
        value: what was put, or got.
    """
    elements, found_nothing = _elements(initial, puts, gets, value)
    unknown = deque(get for get in gets if get.status == "unknown")
    order = list(_in_one_order(elements, unknown))
    for rank, element in enumerate(order):
        element.rank = rank
    return _Line(order, found_nothing).numbers()


def _elements(
    initial: Sequence[Hashable],
    puts: Sequence[Operation],
    gets: Sequence[Operation],
    value: Callable[[Operation], Hashable],
) -> tuple[list[_Element], list[Operation]]:
    """All elements; and those gets that found none."""
    first = -2.0 * len(initial)
    elements = [_Element(None, first + 2 * n, first + 2 * n + 1) for n in range(len(initial))]
    there: dict[Hashable, deque[_Element]] = {}
    for held, element in zip(initial, elements, strict=True):
        there.setdefault(held, deque()).append(element)
    for put in puts:
        end = math.inf if put.status == "unknown" or put.returned is None else put.returned
        elements.append(_Element(put, put.called, end))
        there.setdefault(value(put), deque()).append(elements[-1])
    found_nothing = []
    for get in sorted(gets, key=lambda get: get.returned or 0):
        if get.status == "unknown":
            continue
        mine = there.get(value(get)) if get.status == "returned" else None
        if mine:
            mine.popleft().taken_by(get)
        elif get.status == "raised" or get.result is None:
            found_nothing.append(get)
    seen = [element for element in elements if element.put_to < math.inf or element.get is not None]
    return seen, found_nothing


def _in_one_order(elements: Sequence[_Element], unknown: deque[Operation]) -> Iterator[_Element]:
    """The elements, so that none stands before one that came before it, or went before it, as far as possible.

    Args:
        unknown: gets of which nobody knows what they took; they are used up for what must have gone.
    """
    by_put = _Waiting(elements, lambda e: e.put_from, lambda e: e.put_to)
    by_get = _Waiting(elements, lambda e: e.get_from, lambda e: e.get_to)
    eligible: dict[_Element, int] = {}
    ready: list[tuple[float, float, int, _Element]] = []
    done: set[_Element] = set()
    for _ in elements:
        for free in (*by_put.free(done), *by_get.free(done)):
            eligible[free] = eligible.get(free, 0) + 1
            if eligible[free] == 2:
                heapq.heappush(ready, (free.put_to, free.get_to, len(eligible), free))
        while ready and ready[0][-1] in done:
            heapq.heappop(ready)
        if ready:
            chosen = heapq.heappop(ready)[-1]
        else:  # nobody took it, though others went that came later: if no unknown get did, the history is wrong
            chosen = by_put.most_urgent(done)
            if chosen.get is None and unknown:
                chosen.taken_by(unknown.popleft())
        done.add(chosen)
        yield chosen


class _Waiting:
    """Elements by one of the two things that happen to them: which of them no other must precede."""

    def __init__(
        self,
        elements: Sequence[_Element],
        begin: Callable[[_Element], float],
        end: Callable[[_Element], float],
    ) -> None:
        self._begin = begin
        self._waiting = deque(sorted(elements, key=begin))
        self._urgent = deque(sorted(elements, key=end))
        self._end = end

    def free(self, done: set[_Element]) -> Iterator[_Element]:
        """Those that have become free since the last time: nothing is over before they begin."""
        while self._urgent and self._urgent[0] in done:
            self._urgent.popleft()
        soonest = self._end(self._urgent[0]) if self._urgent else math.inf
        while self._waiting and self._begin(self._waiting[0]) <= soonest:
            yield self._waiting.popleft()

    def most_urgent(self, done: set[_Element]) -> _Element:
        """The one that is over first."""
        return next(element for element in self._urgent if element not in done)


class _Line:
    """The operations one after the other, of elements that have an order."""

    def __init__(self, order: Sequence[_Element], found_nothing: Sequence[Operation]) -> None:
        self._order = order
        self._of_put = {element.put.called: element for element in order if element.put is not None}
        self._of_get = {element.get.called: element for element in order if element.get is not None}
        self._empty = {get.called: get for get in found_nothing}
        self._waiting: dict[int, None] = {}  # gets that find nothing, run, and have no number yet
        self._called: set[int] = set()
        self._numbers: dict[int, float] = {}
        self._put = self._got = 0

    def numbers(self) -> dict[int, float]:
        """See `guess`."""
        for _, is_return, called in sorted(self._events()):
            if is_return:
                self._ends(called)
            else:
                self._called.add(called)
                if called in self._empty:
                    self._waiting[called] = None
                self._take()
        return self._numbers

    def _events(self) -> Iterator[tuple[float, bool, int]]:
        known: list[Any] = [element.put for element in self._order] + [element.get for element in self._order]
        for operation in [*known, *self._empty.values()]:
            if operation is not None:
                yield operation.called, False, operation.called
                if operation.status != "unknown" and operation.returned is not None:
                    yield operation.returned, True, operation.called

    def _ends(self, called: int) -> None:
        """An operation is over, and must have happened by now."""
        element = self._of_put.get(called) or self._of_get.get(called)
        while element is not None and self._put <= element.rank:
            self._number(self._order[self._put].put)
            self._put += 1
            self._take()
        if called in self._waiting:
            del self._waiting[called]
            self._numbers.setdefault(called, len(self._numbers))

    def _take(self) -> None:
        """Let everybody take what is there, in its order, who runs."""
        while self._got < self._put:
            get = self._order[self._got].get
            if get is None or get.called not in self._called:
                return
            self._number(get)
            self._got += 1
        for called in self._waiting:
            self._numbers.setdefault(called, len(self._numbers))
        self._waiting.clear()

    def _number(self, operation: Operation | None) -> None:
        if operation is not None:
            self._numbers.setdefault(operation.called, len(self._numbers))

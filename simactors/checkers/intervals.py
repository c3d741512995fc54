"""Which operations of a history run at the same time: its operations in lanes, with no two in a lane overlapping.

The search asks it, for one moment after the other; it knows of no specification.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Callable, Iterable

from simactors.core.history import History, Operation


class Intervals:
    """The operations of a history, those with an answer in the order of their answers.

    An operation with an answer is called by its place in `answered`, one without by its place in `unanswered`.

    Args:
        history: what is judged.
        reads: which operations change nothing: without an answer, they say nothing.

    Attributes:
        answered: those that returned or raised, in the order in which they did.
        unanswered: those of which nobody knows whether they took effect, in the order of their calls.
        lane: for each of `answered`, the number of its lane.

    Raises:
        ValueError: an operation has an answer, and no place where it returned.
    """

    def __init__(self, history: History, reads: Callable[[Operation], bool]) -> None:
        in_order = [operation for operation in history if operation.status in ("returned", "raised")]
        self.answered = sorted(in_order, key=_answer)
        self.unanswered = [each for each in history if each.status == "unknown" and not reads(each)]
        self._deadlines = [_answer(operation) for operation in self.answered]
        self._calls = [operation.called for operation in self.unanswered]
        self._lanes: list[list[int]] = []
        self._starts: list[list[int]] = []
        self.lane = [0] * len(in_order)
        self._fill(in_order)

    def _fill(self, in_order: Iterable[Operation]) -> None:
        """Give each operation, in the order of calls, a lane in which nothing runs any more, or a new one."""
        place = {operation.called: number for number, operation in enumerate(self.answered)}
        busy: list[tuple[int, int]] = []
        for operation in in_order:
            if busy and busy[0][0] < operation.called:
                lane = heapq.heappop(busy)[1]
            else:
                lane = len(self._lanes)
                self._lanes.append([])
                self._starts.append([])
            number = place[operation.called]
            self._lanes[lane].append(number)
            self._starts[lane].append(operation.called)
            self.lane[number] = lane
            heapq.heappush(busy, (self._deadlines[number], lane))

    def running(self, first: int) -> list[int]:
        """Those answered ones that run just before the answer of `first` comes, with it, in the order of answers."""
        deadline = self._deadlines[first]
        found = []
        for starts, lane in zip(self._starts, self._lanes, strict=True):
            latest = bisect_left(starts, deadline) - 1
            if latest >= 0 and lane[latest] >= first:
                found.append(lane[latest])
        return sorted(found)

    def open(self, first: int) -> int:
        """How many of those without an answer were called before the answer of `first` came."""
        return bisect_left(self._calls, self._deadlines[first])


def _answer(operation: Operation) -> int:
    if operation.returned is None:
        raise ValueError(f"has an answer, but no place where it returned: {operation}")
    return operation.returned

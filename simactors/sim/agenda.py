"""What is due later: SimPy's clock and queue, stepped by whole instants.

Not who runs next: `kernel.py` decides that among what is ready, and alone uses this.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from heapq import heapify, heappop, heappush
from typing import Any, Protocol

import simpy
from simpy.events import URGENT


class Step(Protocol):
    """Something that can happen now."""

    @property
    def then(self) -> Callable[[Any], None]:
        """What happens; called with the step itself."""
        ...


class Scheduled(Step, Protocol):
    """A step that can be put on SimPy's queue."""

    @property
    def callbacks(self) -> Any:
        """As SimPy's events have; None if it simply becomes ready when it is due, as most do."""
        ...


class End:
    """Stands on the queue behind the last time that a run may reach."""

    callbacks = ()  # it never becomes ready


class Agenda(simpy.Environment):
    """SimPy's environment, stepped by whole instants.

    Invariant: an `End` stands before all that is due after `last_ns`, so that the queue is never empty.

    Args:
        ready: where what is due goes.
        last_ns: the last time that the run may reach.

    Attributes:
        queue: what is due later, as a heap of ``(time_ns, priority, number, event)``.
        push: puts ``(time_ns, NORMAL, next_number(), event)`` on the queue, as `Environment.schedule` does, but with
            no Python frame: every message comes here.
        next_number: keeps events of one time in the order in which they were scheduled.
    """

    def __init__(self, ready: list[Step], last_ns: int) -> None:
        super().__init__()
        self._ready = ready
        self.queue: list[tuple[int, Any, int, Any]] = self._queue  # type: ignore[assignment]  # we only add integers
        self.push: Callable[[tuple[int, Any, int, Scheduled]], None] = partial(heappush, self._queue)
        self.next_number: Callable[[], int] = self._eid.__next__
        self.queue.append((last_ns + 1, URGENT, 0, End()))

    def make_ready(self, event: Any, now_ns: int) -> None:
        """Make ready what is due now: `event`, just taken off the queue, and whatever else is due at this time.

        Environment.step() without what only SimPy's own events need (failure, StopSimulation): everything on this
        queue is a `Scheduled`.
        """
        queue = self._queue
        while True:
            callbacks = event.callbacks
            if callbacks is None:
                self._ready.append(event)
            else:
                event.callbacks = None  # as SimPy does
                for callback in callbacks:
                    callback(event)
            if queue[0][0] != now_ns:
                return
            event = heappop(queue)[3]

    def drop(self, unwanted: Callable[[Any], bool]) -> None:
        """Forget queued events; the others keep their order, which their keys alone decide."""
        self._queue[:] = [entry for entry in self._queue if not unwanted(entry[3])]
        heapify(self._queue)

    @property
    def due(self) -> int:
        """How many events are queued, without the `End`."""
        return len(self._queue) - 1

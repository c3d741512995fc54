"""`Rounds`: asks all processes how they are; the answers are used when all have come, or after a while.

Nobody is waited for: a process that is stopped shall not keep the others from being seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from msgspec import Struct, field

from real_backend.control import HowAreYou, StatusIs

PATIENCE_S = 0.3


class _Round(Struct):
    expected: set[int]
    deadline: float
    done: Callable[[dict[int, StatusIs]], None]
    answers: dict[int, StatusIs] = field(default_factory=dict)


class Rounds:
    """Those that are under way.

    Args:
        ask: asks every process; returns the numbers of those from whom an answer can be expected.
    """

    def __init__(self, ask: Callable[[HowAreYou], Sequence[int]]) -> None:
        self._ask = ask
        self._last = 0
        self._open: dict[int, _Round] = {}

    def begin(self, done: Callable[[dict[int, StatusIs]], None], *, wants_events: bool = False) -> None:
        """Ask; `done` gets the answers, by process."""
        self._last += 1
        expected = set(self._ask(HowAreYou(self._last, wants_events)))
        self._open[self._last] = _Round(expected, time.monotonic() + PATIENCE_S, done)
        self.look()

    def answered(self, process: int, message: StatusIs) -> None:
        """A process says how it is."""
        found = self._open.get(message.edition)
        if found is not None:
            found.answers[process] = message
            found.expected.discard(process)
            self.look()

    def gone(self, process: int) -> None:
        """A process has ended: no answer will come."""
        for found in self._open.values():
            found.expected.discard(process)

    @property
    def patience_s(self) -> float | None:
        """In how many seconds `look` has to be called; None if there is no hurry."""
        if not self._open:
            return None
        return max(0.0, min(found.deadline for found in self._open.values()) - time.monotonic())

    def look(self) -> None:
        """End the rounds whose answers have all come, or whose time is up."""
        for edition, found in list(self._open.items()):
            if not found.expected or time.monotonic() >= found.deadline:
                del self._open[edition]
                found.done(found.answers)

"""What had to come before what in a run, and which messages could have come in another order.

A step must come after the one that caused it, and a message after those that the same process sent to the same place
before. Nothing else is a must: two messages at one actor of which neither must come first are a race.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simactors.core.choices import Offer

STARTS = ("call", "begin")
"""Kinds of steps with which an actor's work on a call begins: that it arrives, and if several run side by side, that it
starts there, in an order that is another one."""

MOST_STEPS = 3_000
"""Of longer runs only the beginning is looked at."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The calls that arrived at one place.

    Attributes:
        place: the actor or task.
        positions: where in the run, in order.
    """

    place: str
    positions: tuple[int, ...]


class Order:
    """What is known of the order of a run's steps.

    Attributes:
        steps: the steps, at most the first `MOST_STEPS`.
        arrivals: by place, in the order of the first arrival there.
    """

    def __init__(self, steps: Sequence[Offer]) -> None:
        self.steps = steps[:MOST_STEPS]
        self._past: list[int] = []
        with_past: list[int] = []  # each step, and all that had to come before it
        places: dict[str, list[int]] = {}
        last: dict[tuple[str, str], int] = {}
        for position, step in enumerate(self.steps):
            past, kind = 0, step.kind
            for cause in step.causes:
                past |= with_past[cause]
            if kind == "call":
                line = step.source, step.target
                if line in last:
                    past |= with_past[last[line]]
                last[line] = position
            if kind in STARTS:
                places.setdefault(step.target, []).append(position)
            self._past.append(past)
            with_past.append(past | 1 << position)
        self.arrivals = [Arrivals(place, tuple(positions)) for place, positions in places.items()]

    def past(self, position: int) -> int:
        """All that had to come before a step, as bits at their positions."""
        return self._past[position]

    def must_precede(self, first: int, second: int) -> bool:
        """Whether the step at position `first` had to come before the one at `second`."""
        return bool(self._past[second] >> first & 1)

"""What a strategy is: somebody who says who answers in the next run, and hears how it went.

Not the runs themselves: `campaign.py` makes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from simactors.core.choices import NEXT, Choices, DullChoices, Offer, SeededChoices
from simactors.core.fault_plan import FaultPlan
from simactors.exploration.races import Order


@dataclass(frozen=True)
class Path:
    """The way that a run went.

    Attributes:
        steps: what happened, in order; at most the first 200,000.
        faults: what was planned to go wrong in it.
        failed: whether it did.
    """

    steps: Sequence[Offer]
    faults: FaultPlan
    failed: bool

    @cached_property
    def order(self) -> Order:
        """What had to come before what."""
        return Order(self.steps)

    @cached_property
    def pairs(self) -> list[list[tuple[str, str]]]:
        """By place: which step began there right after which other one; the first one after the place itself."""
        found = []
        for arrivals in self.order.arrivals:
            names = [self.steps[position].name for position in arrivals.positions]
            found.append(list(zip([arrivals.place, *names], names, strict=False)))
        return found


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a strategy wants of a run.

    Attributes:
        choices: who answers.
        faults: what goes wrong in it; None: whatever the hunt draws.
    """

    choices: Choices
    faults: FaultPlan | None = None


class Strategy(Protocol):
    """One way to search. `begin` and `learn` are called in turn.

    Attributes:
        is_done: there is nothing left to try.
        verdict: what has been proved, or why nothing has, if it is a strategy that can prove anything; else empty.
    """

    @property
    def is_done(self) -> bool: ...  # noqa: D102  # see above
    @property
    def verdict(self) -> str: ...  # noqa: D102

    def begin(self, seed: int) -> Attempt:
        """What the next run is to be; for the same seed, after the same runs, the same."""
        ...

    def learn(self, path: Path) -> None:
        """How that run went."""
        ...


class Schedule(Protocol):
    """Picks what happens next, and nothing else."""

    def pick(self, options: Sequence[Offer]) -> int:
        """The index of one of `options`, which may be one only."""
        ...


class Scheduled:
    """Choices whose order is somebody's schedule, and whose other answers are drawn from a seed.

    Args:
        schedule: who picks what happens next.
        seed: what the other answers are derived from; None: they are all 0.
    """

    def __init__(self, schedule: Schedule, seed: int | None) -> None:
        self._pick = schedule.pick
        self._others = DullChoices() if seed is None else SeededChoices(seed)
        self.number = self._others.number
        self.sampler = self._others.sampler

    def pick(self, label: str, options: Sequence[object]) -> int:
        """See `Choices.pick`."""
        if label == NEXT:
            return self._pick(options)  # type: ignore[arg-type]  # see `core.choices.NEXT`
        return self._others.pick(label, options)


LIKELIHOODS = 2**53
"""Priorities are drawn from so many."""


def thread_of(offer: Offer) -> str:
    """Who goes on with a step: a call is a step of who makes it, all others of who is hit by them."""
    return offer.source if offer.kind in ("call", "create") else offer.target

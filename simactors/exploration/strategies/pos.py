"""Partial order sampling: every step gets a random priority, and those that race with what happened get a new one.

Yuan, Yang and Gu: Partial Order Aware Concurrency Sampling, CAV 2018. What matters of an order is which of two steps at
the same place comes first; drawing anew for those that lost makes rare partial orders about as likely as common ones.
"""

from __future__ import annotations

from collections.abc import Sequence

from simactors.core.choices import Offer, SeededChoices, sub_seed
from simactors.exploration.strategies.strategy import LIKELIHOODS, Attempt, Path, Scheduled


class Pos:
    """See `Strategy`; it learns nothing."""

    is_done = False
    verdict = ""

    def begin(self, seed: int) -> Attempt:
        """See `Strategy.begin`."""
        return Attempt(Scheduled(_Drawn(sub_seed(seed, "pos")), seed))

    def learn(self, path: Path) -> None:
        """See `Strategy.learn`."""


class _Drawn:
    def __init__(self, seed: int) -> None:
        self._draw = SeededChoices(seed).sampler("priority", LIKELIHOODS)
        self._priorities: dict[Offer, int] = {}

    def pick(self, options: Sequence[Offer]) -> int:
        priorities, draw = self._priorities, self._draw
        best, found = -1, 0
        for index, offer in enumerate(options):
            priority = priorities.get(offer)
            if priority is None:
                priority = priorities[offer] = draw()
            if priority > best:
                best, found = priority, index
        taken = options[found]
        for offer in options:
            if offer.target == taken.target:
                priorities.pop(offer, None)
        return found

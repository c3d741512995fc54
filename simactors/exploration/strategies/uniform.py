"""Uniformly random order: whatever can happen next is equally likely to."""

from __future__ import annotations

from collections.abc import Sequence

from simactors.core.choices import Draws, Offer, sub_seed
from simactors.exploration.strategies.strategy import Attempt, Path, Scheduled


class Uniform:
    """See `Strategy`; it learns nothing."""

    is_done = False
    verdict = ""

    def begin(self, seed: int) -> Attempt:
        """See `Strategy.begin`."""
        return Attempt(Scheduled(_Walk(sub_seed(seed, "uniform")), seed))

    def learn(self, path: Path) -> None:
        """See `Strategy.learn`."""


class _Walk:
    def __init__(self, seed: int) -> None:
        self._number = Draws(seed).number

    def pick(self, options: Sequence[Offer]) -> int:
        return self._number("step", len(options))

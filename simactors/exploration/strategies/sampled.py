"""No order to choose: latencies are drawn from each run's seed, as `simactors run` draws them."""

from __future__ import annotations

from simactors.core.choices import SeededChoices
from simactors.exploration.strategies.strategy import Attempt, Path


class Sampled:
    """See `Strategy`; it learns nothing."""

    is_done = False
    verdict = ""

    def begin(self, seed: int) -> Attempt:
        """See `Strategy.begin`."""
        return Attempt(SeededChoices(seed))

    def learn(self, path: Path) -> None:
        """See `Strategy.learn`."""

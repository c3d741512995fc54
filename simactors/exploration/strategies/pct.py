"""Priorities with few changes: probabilistic concurrency testing.

Burckhardt, Kothari, Musuvathi and Nagarakatte: A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs,
ASPLOS 2010. Every process gets a priority, and the highest one that can go on does; at a few random points of a run the
one that was about to go on falls behind all others. A bug that needs d such constraints in a run of k steps among n
processes is met with a probability of at least 1 / (n k^(d-1)). The points are drawn over the length that runs were
seen to have, not over a bound on it.
"""

from __future__ import annotations

from collections.abc import Sequence

from simactors.core.choices import Offer, SeededChoices, sub_seed
from simactors.exploration.strategies.strategy import LIKELIHOODS, Attempt, Path, Scheduled, thread_of

_CHANGES = (0, 1, 1, 2, 1, 0, 1, 3)
"""How many points of change one run after the other has: most known bugs need one or two."""

_FIRST_GUESS = 50


class Pct:
    """See `Strategy`; it learns how long runs are.

    Args:
        runs: how many were made before: each has another number of changes.
    """

    is_done = False
    verdict = ""

    def __init__(self, runs: int = 0) -> None:
        self._runs = runs
        self._length = _FIRST_GUESS
        self._last: _Priorities | None = None

    def begin(self, seed: int) -> Attempt:
        """See `Strategy.begin`."""
        changes = _CHANGES[self._runs % len(_CHANGES)]
        self._runs += 1
        self._last = _Priorities(sub_seed(seed, "pct"), changes, self._length)
        return Attempt(Scheduled(self._last, seed))

    def learn(self, path: Path) -> None:
        """See `Strategy.learn`."""
        if self._last is not None:
            self._length = max(self._last.asked, 1)


class _Priorities:
    """Invariant: the lower its number, the later a process comes; those that fell behind have negative ones.

    Attributes:
        asked: how often it has picked.
    """

    def __init__(self, seed: int, changes: int, length: int) -> None:
        drawn = SeededChoices(seed)
        self._draw = drawn.sampler("priority", LIKELIHOODS)
        self._priorities: dict[str, int] = {}
        self._changes = sorted(drawn.number("change", length) for _ in range(changes))
        self._fallen = 0
        self.asked = 0

    def pick(self, options: Sequence[Offer]) -> int:
        """See `Schedule`."""
        index = self._first(options)
        if self._changes and self._changes[0] <= self.asked:
            self._changes.pop(0)
            self._fallen -= 1
            self._priorities[thread_of(options[index])] = self._fallen
            index = self._first(options)
        self.asked += 1
        return index

    def _first(self, options: Sequence[Offer]) -> int:
        best, found = None, 0
        for index, offer in enumerate(options):
            thread = thread_of(offer)
            priority = self._priorities.get(thread)
            if priority is None:
                priority = self._priorities[thread] = self._draw()
            if best is None or priority > best:
                best, found = priority, index
        return found

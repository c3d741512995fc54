"""Priorities among methods instead of processes: all calls of one method wait for those of another, as far as they can.

What an actor's bug needs is most often told by methods: the write comes after the other's read, the question between
setting one thing and the other. Only methods that were seen to race get a priority of their own; which of them comes
last, and last but one, goes round, the rest is drawn. Our own; the idea of few constraints that all steps share is that
of `pct.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from simactors.core.choices import Draws, DullChoices, Offer, sub_seed
from simactors.exploration.races import STARTS
from simactors.exploration.strategies.strategy import LIKELIHOODS, Attempt, Path, Scheduled

_PROMPT = LIKELIHOODS


class Kinds:
    """See `Strategy`; it learns from every run, also from those of other strategies."""

    is_done = False
    verdict = ""

    def __init__(self) -> None:
        self._racing: dict[str, None] = {}
        self._tried: dict[tuple[str, ...], int] = {}  # by the last one, and by the last but one and the last

    def begin(self, seed: int) -> Attempt:
        """See `Strategy.begin`."""
        if not self._racing:
            return Attempt(DullChoices())
        drawn = Draws(sub_seed(seed, "kinds"))
        methods = list(self._racing)
        priorities = {method: drawn.number("priority", LIKELIHOODS) for method in methods}
        last = self._least_tried(drawn, methods, ())
        priorities[last] = -2
        others = [method for method in methods if method != last]
        if others:
            priorities[self._least_tried(drawn, others, (last,))] = -1
        return Attempt(Scheduled(_Ranked(priorities), seed))

    def _least_tried(self, drawn: Draws, methods: Sequence[str], after: tuple[str, ...]) -> str:
        """One of those that were tried least often in the place before `after`, which come last."""
        counts = [self._tried.get((method, *after), 0) for method in methods]
        rare = [method for method, count in zip(methods, counts, strict=True) if count == min(counts)]
        chosen = rare[drawn.number("place", len(rare))]
        self._tried[chosen, *after] = min(counts) + 1
        return chosen

    def learn(self, path: Path) -> None:
        """See `Strategy.learn`."""
        order = path.order
        for arrivals in order.arrivals:
            first = arrivals.positions[0]
            for position in arrivals.positions[1:]:
                if not order.must_precede(first, position):
                    self._racing[order.steps[first].what] = None
                    self._racing[order.steps[position].what] = None
                first = position


class _Ranked:
    def __init__(self, priorities: dict[str, int]) -> None:
        self._priorities = priorities

    def pick(self, options: Sequence[Offer]) -> int:
        best, found = -3, 0
        for index, offer in enumerate(options):
            priority = self._priorities.get(offer.what, _PROMPT) if offer.kind in STARTS else _PROMPT
            if priority > best:
                best, found = priority, index
        return found

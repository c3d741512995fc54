"""A search directed at one outcome: goes on from those runs whose outcomes were most like it."""

from __future__ import annotations

import json
from collections.abc import Callable
from difflib import SequenceMatcher
from itertools import combinations
from typing import Any

from simactors.conformance.programs.play import Outcome
from simactors.exploration.strategies.orders import Orders
from simactors.exploration.strategies.portfolio import Portfolio
from simactors.exploration.strategies.strategy import Attempt, Path, Strategy

_LESS = 0.9
"""What is not the same counts less than what is."""

_FRESH_EVERY = 4
"""One run in so many is none of those that are changed: the way there may begin elsewhere."""


class Toward:
    """See `Strategy`.

    Args:
        wanted: what is looked for.
        latest: what the last run came to.
    """

    is_done = False
    verdict = ""

    def __init__(self, wanted: Outcome, latest: Callable[[], Outcome]) -> None:
        self._wanted = json.loads(wanted)
        self._latest = latest
        self._best = -1.0
        self._fresh: Strategy = Portfolio()
        self._changed = Orders()
        self._runs = 0
        self._current: Strategy = self._fresh

    def begin(self, seed: int) -> Attempt:
        """See `Strategy.begin`."""
        self._current = self._fresh if self._runs % _FRESH_EVERY == 0 else self._changed
        self._runs += 1
        return self._current.begin(seed)

    def learn(self, path: Path) -> None:
        """See `Strategy.learn`."""
        if self._current is self._fresh:
            self._fresh.learn(path)
        near = nearness(self._wanted, json.loads(self._latest()))
        if near > self._best:
            self._best, self._changed = near, Orders()
        if near == self._best:
            self._changed.learn(path)


def nearness(wanted: Any, seen: Any) -> float:
    """How much alike two values that were seen are, from 0 to 1.

    Of logs with the same lines, it is how many pairs of lines are in the same order: each one put right counts.
    """
    if wanted == seen:
        return 1.0
    if not isinstance(wanted, list) or not isinstance(seen, list) or not wanted or not seen:
        return 0.0
    if len(wanted) == len(seen) and not all(isinstance(item, str) for item in wanted):
        return sum(map(nearness, wanted, seen)) / len(wanted)
    lines, others = list(map(str, wanted)), list(map(str, seen))
    if sorted(lines) != sorted(others):
        return _LESS * SequenceMatcher(None, lines, others, autojunk=False).ratio()
    places = {line: place for place, line in enumerate(others)}
    pairs = [places[one] < places[other] for one, other in combinations(lines, 2)]
    return _LESS * sum(pairs) / len(pairs)

"""Several strategies that share one budget, in turn: no single one is good at every kind of bug.

The turns are fixed, and the same for every program: what finds a bug early is not known before. All learn from all.
"""

from __future__ import annotations

from simactors.exploration.strategies.kinds import Kinds
from simactors.exploration.strategies.orders import Orders
from simactors.exploration.strategies.pct import Pct
from simactors.exploration.strategies.pos import Pos
from simactors.exploration.strategies.strategy import Attempt, DullChoices, Path, Strategy
from simactors.exploration.strategies.uniform import Uniform


class Dull:
    """See `Strategy`: the plainest run, which shows what there is, and fails if the program fails anyway."""

    is_done = False
    verdict = ""

    def begin(self, seed: int) -> Attempt:
        """See `Strategy.begin`."""
        return Attempt(DullChoices())

    def learn(self, path: Path) -> None:
        """See `Strategy.learn`."""


class Portfolio:
    """See `Strategy`."""

    is_done = False
    verdict = ""

    def __init__(self) -> None:
        self.orders = Orders()
        self._kinds = Kinds()
        pct = Pct()
        others = (self.orders, pct, Uniform(), self.orders, pct, Pos())
        rest = tuple(strategy for other in others for strategy in (self._kinds, other))
        self._first: Strategy = Dull()
        self._turns: tuple[Strategy, ...] = rest
        self._runs = 0
        self._current: Strategy = self._first

    def begin(self, seed: int) -> Attempt:
        """See `Strategy.begin`."""
        runs = self._runs
        self._runs += 1
        self._current = self._turns[(runs - 1) % len(self._turns)] if runs else self._first
        return self._current.begin(seed)

    def learn(self, path: Path) -> None:
        """See `Strategy.learn`."""
        self.orders.learn(path)
        self._kinds.learn(path)
        if self._current is not self.orders and self._current is not self._kinds:
            self._current.learn(path)

"""Several strategies that share one budget, in turn: no single one is good at every kind of bug.

The turns are fixed, and the same for every program: what finds a bug early is not known before. Who learns, learns from
the runs of all.
"""

from __future__ import annotations

from simactors.exploration.strategies.delays import Delays
from simactors.exploration.strategies.kinds import Kinds
from simactors.exploration.strategies.orders import Orders
from simactors.exploration.strategies.pct import Pct
from simactors.exploration.strategies.pos import Pos
from simactors.exploration.strategies.strategy import Attempt, DullChoices, Path, Strategy
from simactors.exploration.strategies.uniform import Uniform

_OPENING = "-kokdokpkdku"
"""First the plainest run, then mostly what needs few runs if it is any good: kinds of methods."""

_TURNS = "dokdopdoudks"
"""Then, again and again, these: delays, orders, kinds, PCT, uniform, POS (s)."""


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
        self._kinds = Kinds()
        self._orders = Orders()
        self._by_letter: dict[str, Strategy] = {
            "-": Dull(),
            "k": self._kinds,
            "o": self._orders,
            "d": Delays(),
            "p": Pct(),
            "u": Uniform(),
            "s": Pos(),
        }
        self._runs = 0
        self._current: Strategy = self._by_letter["-"]

    def begin(self, seed: int) -> Attempt:
        """See `Strategy.begin`."""
        later = self._runs - len(_OPENING)
        self._current = self._by_letter[_TURNS[later % len(_TURNS)] if later >= 0 else _OPENING[self._runs]]
        self._runs += 1
        return self._current.begin(seed)

    def learn(self, path: Path) -> None:
        """See `Strategy.learn`."""
        for strategy in (self._kinds, self._orders):
            strategy.learn(path)
        if self._current is not self._kinds and self._current is not self._orders:
            self._current.learn(path)

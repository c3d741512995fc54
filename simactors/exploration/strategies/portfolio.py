"""Several strategies that share one budget, in turn: no single one is good at every kind of bug.

The turns are fixed, and the same for every program: what finds a bug early is not known before. Who learns, learns from
the runs of all.
"""

from __future__ import annotations

from simactors.core.choices import DullChoices
from simactors.exploration.strategies.delays import Delays
from simactors.exploration.strategies.kinds import Kinds
from simactors.exploration.strategies.orders import Orders
from simactors.exploration.strategies.pct import Pct
from simactors.exploration.strategies.pos import Pos
from simactors.exploration.strategies.strategy import Attempt, Path, Strategy
from simactors.exploration.strategies.uniform import Uniform

_OPENING = "-kokdskskdku"
"""First the plainest run, then what needs few runs if it is any good: kinds of methods, POS (s), delays."""

_TURNS = "dokdopdoudks"
"""Then, again and again, these: delays, orders, kinds, PCT, uniform, POS (s)."""

_STORMY_OPENING = "-dkdodkdpdou"
_STORMY_TURNS = "dkdodpdkdods"
"""The same where faults strike: they do it mostly by the clock, and an order that pays no heed to it hides them."""


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
    """See `Strategy`.

    Args:
        is_stormy: there may be more faults than late messages.
    """

    is_done = False
    verdict = ""

    def __init__(self, *, is_stormy: bool = False) -> None:
        self._opening = _STORMY_OPENING if is_stormy else _OPENING
        self._turns = _STORMY_TURNS if is_stormy else _TURNS
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
        later = self._runs - len(self._opening)
        letter = self._turns[later % len(self._turns)] if later >= 0 else self._opening[self._runs]
        self._current = self._by_letter[letter]
        self._runs += 1
        return self._current.begin(seed)

    def learn(self, path: Path) -> None:
        """See `Strategy.learn`."""
        for strategy in (self._kinds, self._orders):
            strategy.learn(path)
        if self._current is not self._kinds and self._current is not self._orders:
            self._current.learn(path)

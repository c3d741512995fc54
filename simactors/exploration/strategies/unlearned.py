"""Runs that their seeds alone decide, for tests: the same whichever other runs were made before, and where.

The strategies of a hunt take turns, and some learn from run to run; here a seed says whose turn it is, and nobody
learns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from simactors.core.choices import Choices, Draws, DullChoices, Offer, SeededChoices, sub_seed
from simactors.exploration.races import STARTS
from simactors.exploration.strategies.delays import Delays
from simactors.exploration.strategies.pct import Pct
from simactors.exploration.strategies.pos import Pos
from simactors.exploration.strategies.strategy import LIKELIHOODS, Scheduled
from simactors.exploration.strategies.uniform import Uniform

_TURNS = ("kinds", "delays", "kinds", "pct", "random", "delays", "kinds", "pos", "delays", "pct")
"""Whose turn it is in the portfolio, for one seed after the other; 0 is the plainest run."""


def choices_of(strategy: str, seed: int) -> Choices:
    """Who answers in the run of a seed.

    Args:
        strategy: one of `NAMES`.
        seed: at least 0; but for `sampled`, that of 0 is the plainest run.
    """
    if strategy == "sampled":
        return SeededChoices(seed)
    if seed == 0:
        return DullChoices()
    turn = seed - 1
    if strategy == "portfolio":
        strategy = _TURNS[turn % len(_TURNS)]
    return _MAKERS[strategy](seed, turn)


def _kinds(seed: int, turn: int) -> Choices:
    return Scheduled(_Ranked(sub_seed(seed, "kinds")), seed)


class _Ranked:
    """As `kinds.py` has it, with a priority for each method, from its first call on: which ones race is not known."""

    def __init__(self, seed: int) -> None:
        self._draw = Draws(seed).number
        self._priorities: dict[str, int] = {}

    def pick(self, options: Sequence[Offer]) -> int:
        """See `Schedule`."""
        best, found = -1, 0
        for index, offer in enumerate(options):
            priority = self._priority(offer.what) if offer.kind in STARTS else LIKELIHOODS
            if priority > best:
                best, found = priority, index
        return found

    def _priority(self, method: str) -> int:
        if method not in self._priorities:
            self._priorities[method] = self._draw("priority", LIKELIHOODS)
        return self._priorities[method]


_MAKERS: Mapping[str, Callable[[int, int], Choices]] = {
    "kinds": _kinds,
    "delays": lambda seed, turn: Delays(turn).begin(seed).choices,
    "pct": lambda seed, turn: Pct(turn).begin(seed).choices,
    "pos": lambda seed, turn: Pos().begin(seed).choices,
    "random": lambda seed, turn: Uniform().begin(seed).choices,
}

NAMES = ("portfolio", *_MAKERS, "sampled")
"""By the name that users give."""

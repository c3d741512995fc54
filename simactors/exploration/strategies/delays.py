"""Every message gets a delay, and time decides: what a network does, on a good day and on bad ones.

Programs that work with time-outs, heartbeats and leases do most of their work only while time goes on as it usually
does. An order that pays no heed to time starves them; here most messages are on time, and a few are very late.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from simactors.core.choices import Draws, Offer, sub_seed
from simactors.exploration.strategies.strategy import Attempt, Path, Scheduled

_MS = 1_000_000
_NEVER = 2**31


class _Weather(NamedTuple):
    """How late messages are in one run.

    Attributes:
        usual_ns: any message is late by up to that.
        one_in: one message in so many is very late.
        worst_ns: by up to that.
    """

    usual_ns: int
    one_in: int
    worst_ns: int


_WEATHERS = (
    _Weather(2 * _MS, _NEVER, 0),
    _Weather(_MS, 40, 1_000 * _MS),
    _Weather(20 * _MS, _NEVER, 0),
    _Weather(_MS // 10, 15, 300 * _MS),
    _Weather(2 * _MS, 100, 1_000 * _MS),
    _Weather(300 * _MS, _NEVER, 0),
)
"""One run after the other has one of them."""


class Delays:
    """See `Strategy`; it learns nothing.

    Args:
        runs: how many were made before: each has another weather.
    """

    is_done = False
    verdict = ""

    def __init__(self, runs: int = 0) -> None:
        self._runs = runs

    def begin(self, seed: int) -> Attempt:
        """See `Strategy.begin`."""
        weather = _WEATHERS[self._runs % len(_WEATHERS)]
        self._runs += 1
        return Attempt(Scheduled(_Late(sub_seed(seed, "delays"), weather), seed))

    def learn(self, path: Path) -> None:
        """See `Strategy.learn`."""


class _Late:
    def __init__(self, seed: int, weather: _Weather) -> None:
        self._number = Draws(seed).number
        self._weather = weather
        self._arrivals: dict[Offer, int] = {}

    def pick(self, options: Sequence[Offer]) -> int:
        """See `Schedule`."""
        arrivals = self._arrivals
        first, found = None, 0
        for index, offer in enumerate(options):
            arrival = arrivals.get(offer)
            if arrival is None:
                arrival = arrivals[offer] = offer.earliest_ns + self._delay_ns(offer)
            if first is None or arrival < first:
                first, found = arrival, index
        return found

    def _delay_ns(self, offer: Offer) -> int:
        if offer.latest_ns == offer.earliest_ns:
            return 0
        usual_ns, one_in, worst_ns = self._weather
        if worst_ns and not self._number("late", one_in):
            return self._number("very late", worst_ns)
        return self._number("delay", usual_ns)

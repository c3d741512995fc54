"""Ways to choose among the orders in which a program may run, one algorithm a file; `strategy.py` is the promise."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from simactors.exploration.strategies.delays import Delays
from simactors.exploration.strategies.kinds import Kinds
from simactors.exploration.strategies.orders import Orders
from simactors.exploration.strategies.pct import Pct
from simactors.exploration.strategies.portfolio import Portfolio
from simactors.exploration.strategies.pos import Pos
from simactors.exploration.strategies.sampled import Sampled
from simactors.exploration.strategies.strategy import Strategy
from simactors.exploration.strategies.systematic import Systematic
from simactors.exploration.strategies.uniform import Uniform

PORTFOLIO = "portfolio"
SYSTEMATIC = "systematic"

STRATEGIES: Mapping[str, Callable[[], Strategy]] = {
    PORTFOLIO: Portfolio,
    "random": Uniform,
    "pct": Pct,
    "pos": Pos,
    "orders": Orders,
    "kinds": Kinds,
    "delays": Delays,
    "sampled": Sampled,
    SYSTEMATIC: Systematic,
}
"""By the name that users give."""

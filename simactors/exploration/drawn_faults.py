"""Faults that come at random at some rate: which times they come at, each run draws from its seed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

from simactors.core.choices import Draws, sub_seed
from simactors.core.fault_plan import Fault, FaultPlan

MOST = 10_000
"""Of one kind in one run."""
_RESOLUTION = 2**53


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A fault that comes again and again.

    Attributes:
        fault: with any time.
        rate_per_s: how often it comes, in the mean; the times in between are exponential.
        from_s, until_s: between which times, in virtual seconds.
    """

    fault: Fault
    rate_per_s: float
    from_s: float = 0.0
    until_s: float

    def __post_init__(self) -> None:
        if not any(knob.name == "at_s" for knob in fields(self.fault)):
            raise ValueError(f"{type(self.fault).__name__} comes at no time: it can't have a rate")
        if not 0 <= self.from_s < self.until_s < math.inf:
            raise ValueError(
                f"a fault with a rate needs 0 <= from < until, not {self.from_s} and {self.until_s}"
            )
        if not 0 < self.rate_per_s * (self.until_s - self.from_s) <= MOST / 2:
            raise ValueError(f"a fault with a rate comes more than never, and no more than {MOST // 2} times")


def plan(drawn: Iterable[Drawn], seed: int) -> FaultPlan:
    """The faults of one run, the same for the same seed."""
    faults: list[Fault] = []
    for number, one in enumerate(drawn):
        draws = Draws(sub_seed(seed, f"drawn fault {number}"))
        at_s = one.from_s
        for _ in range(MOST):
            at_s -= math.log1p(-draws.number("gap", _RESOLUTION) / _RESOLUTION) / one.rate_per_s
            if at_s >= one.until_s:
                break
            fault: Any = one.fault
            faults.append(replace(fault, at_s=round(at_s, 9)))
    return FaultPlan(tuple(faults))

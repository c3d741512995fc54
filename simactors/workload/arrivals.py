"""When requests arrive: the times of one run, in seconds from the beginning of its load."""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from simactors.workload.load import Arrivals, Burst, Constant, Poisson, Ramp, Trace


def times(arrivals: Arrivals, chance: Random) -> Iterator[float]:
    """The times, in order; without an end, but for those of a file.

    Args:
        chance: what is drawn at random, is drawn from it, in this order whatever else happens.

    Raises:
        ValueError: a file holds something else; the message says where.
        OSError: it can't be read.
    """
    match arrivals:
        case Trace():
            return iter(read_trace(arrivals.file))
        case Burst():
            rounds = itertools.count()
            return (number * arrivals.every_s for number in rounds for _ in range(arrivals.size))
        case Constant():
            return (number / arrivals.rate_per_s for number in itertools.count())
        case Poisson():
            return (expected / arrivals.rate_per_s for expected in _at_random(chance))
        case Ramp():
            expected = _at_random(chance) if arrivals.spacing == "poisson" else map(float, itertools.count())
            return map(_when(arrivals), expected)


def _at_random(chance: Random) -> Iterator[float]:
    """A Poisson process of one request a second."""
    return itertools.accumulate(chance.expovariate(1.0) for _ in itertools.repeat(None))


def _when(ramp: Ramp) -> Callable[[float], float]:
    """When so many requests are expected to have arrived: the rate's integral, the other way round."""
    start, end, over_s = ramp.from_per_s, ramp.to_per_s, ramp.over_s
    on_the_way = (start + end) / 2 * over_s
    slope = (end - start) / over_s

    def when(expected: float) -> float:
        if expected >= on_the_way:
            return over_s + (expected - on_the_way) / end if end else math.inf
        if not slope:
            return expected / start
        # The root of start * t + slope * t**2 / 2 = expected, in a form that takes no difference of near numbers.
        return 2 * expected / (start + math.sqrt(start * start + 2 * slope * expected)) if expected else 0.0

    return when


def read_trace(file: str) -> list[float]:
    """The times that a file holds.

    Raises:
        ValueError: one is no number, or comes before the one above it.
        OSError: it can't be read.
    """
    found: list[float] = []
    with open(file, newline="", encoding="utf-8-sig") as lines:
        for number, row in enumerate(csv.reader(lines), 1):
            cell = row[0].strip() if row else ""
            if not cell or cell.startswith("#"):
                continue
            try:
                at_s = float(cell)
            except ValueError:
                if not found and number == 1:
                    continue  # the heading
                raise ValueError(f"{Path(file).name}:{number}: {cell!r} is no number of seconds") from None
            if not 0 <= at_s < math.inf or (found and at_s < found[-1]):
                raise ValueError(
                    f"{Path(file).name}:{number}: {cell} s: times are from 0 on, each no earlier than the one before"
                )
            found.append(at_s)
    return found

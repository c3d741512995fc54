"""Intervals of means over seeds, and whether two means differ, by Student's t, which is SciPy's.

Values that don't vary at all, as those of simulations often don't, are a case of their own. Sources: Welch, The
generalization of Student's problem, Biometrika 34, 1947; Holm, A simple sequentially rejective multiple test procedure,
1979.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, variance
from typing import NamedTuple

CONFIDENCE = 0.95


class Difference(NamedTuple):
    """By how much a mean differs from another one.

    Attributes:
        low, high: the interval that holds the true difference with `CONFIDENCE`; None if nothing tells how much values
            vary.
        p: the probability of a difference as large as this if there is none in truth; None as above.
    """

    difference: float
    low: float | None
    high: float | None
    p: float | None


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The confidence interval of a mean; None for a single value."""
    if len(values) < 2:
        return None
    mean, half = fmean(values), t_quantile(len(values) - 1) * math.sqrt(variance(values) / len(values))
    return mean - half, mean + half


def paired(before: Sequence[float], after: Sequence[float]) -> Difference:
    """The difference of pairs: the same seeds, say."""
    differences = [b - a for a, b in zip(before, after, strict=True)]
    return _difference(fmean(differences), _standard_error(differences), len(differences) - 1)


def welch(before: Sequence[float], after: Sequence[float]) -> Difference:
    """The difference of values that have nothing to do with each other, and may vary differently."""
    difference = fmean(after) - fmean(before)
    if len(before) < 2 or len(after) < 2:
        return Difference(difference, None, None, None)
    errors = [variance(values) / len(values) for values in (before, after)]
    squares = sum(e * e / (len(v) - 1) for e, v in zip(errors, (before, after), strict=True))
    freedom = sum(errors) ** 2 / squares if squares else len(before) + len(after) - 2
    return _difference(difference, math.sqrt(sum(errors)), freedom)


def _standard_error(values: Sequence[float]) -> float:
    return math.sqrt(variance(values) / len(values)) if len(values) > 1 else 0.0


def _difference(mean: float, error: float, freedom: float) -> Difference:
    if freedom < 1:
        return Difference(mean, None, None, None)
    if error <= abs(mean) * 1e-12:  # nothing varies: what differs, differs
        return Difference(mean, mean, mean, 0.0 if mean else 1.0)
    half = t_quantile(freedom) * error
    return Difference(mean, mean - half, mean + half, t_tails(mean / error, freedom))


def holm(ps: Sequence[float], level: float = 1 - CONFIDENCE) -> list[bool]:
    """Which of many differences are significant, so that all together are wrong no more often than `level`."""
    order = sorted(range(len(ps)), key=lambda number: (ps[number], number))
    significant = [False] * len(ps)
    for rank, number in enumerate(order):
        if ps[number] > level / (len(ps) - rank):
            break
        significant[number] = True
    return significant


def t_tails(t: float, freedom: float) -> float:
    """The probability that a t-distributed value is farther from 0 than `t`."""
    from scipy.special import stdtr  # lazily: it takes longer than a small run

    return float(2 * stdtr(freedom, -abs(t)))


def t_quantile(freedom: float, confidence: float = CONFIDENCE) -> float:
    """The bound that a t-distributed value stays within, on both sides of 0, with that probability."""
    from scipy.special import stdtrit  # lazily, as above

    return float(stdtrit(freedom, (1 + confidence) / 2))

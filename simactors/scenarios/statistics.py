"""Student's t: intervals of means over seeds, and whether two means differ. No package: three short functions.

Sources: Press et al., Numerical Recipes, 3rd ed., 6.4 (the incomplete beta function); Welch, The generalization of
Student's problem, Biometrika 34, 1947; Holm, A simple sequentially rejective multiple test procedure, 1979.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, variance
from typing import NamedTuple

CONFIDENCE = 0.95
_MOST_TERMS = 300
_TINY = 1e-300


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
    return _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))


def t_quantile(freedom: float, confidence: float = CONFIDENCE) -> float:
    """The bound that a t-distributed value stays within, on both sides of 0, with that probability."""
    low, high = 0.0, 1.0
    while t_tails(high, freedom) > 1 - confidence:
        high *= 2
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if t_tails(middle, freedom) > 1 - confidence else (low, middle)
    return high


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularized incomplete beta function."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    if x > (a + 1) / (a + b + 2):  # where the fraction converges slowly, the other end
        return 1 - math.exp(log_front) * _fraction(b, a, 1 - x) / b
    return math.exp(log_front) * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    """Lentz's method for the continued fraction of the incomplete beta function."""
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1) or _TINY)
    total = d
    for m in range(1, _MOST_TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + term * d or _TINY)
            c = 1 + term / c or _TINY
            total *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return total

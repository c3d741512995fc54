"""How long things take: distributions of durations, in seconds, as frozen data.

Each is sampled through its quantile function from one uniform number, so that a sample is one question to `Choices`
and answer 0 is the shortest duration there is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from simactors.core.numbers import LARGEST, check_numbers

_NORMAL = NormalDist()
_LEAST_PROBABILITY = 1e-12

_LARGEST_SIGMA = 50.0


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)


@dataclass(frozen=True, slots=True)
class Constant:
    """Always as long.

    Attributes:
        value_s: how many seconds.
    """

    value_s: float

    def __post_init__(self) -> None:
        check_numbers(self)
        _check(self.value_s >= 0, f"Constant needs value_s >= 0, not {self.value_s}")

    def quantile(self, _: float) -> float:
        """The duration that is longer than a share of all; the share is from 0 up to, not including, 1."""
        return self.value_s


@dataclass(frozen=True, slots=True)
class Uniform:
    """Any duration between two, all equally likely.

    Attributes:
        low_s, high_s: the two, in seconds.
    """

    low_s: float
    high_s: float

    def __post_init__(self) -> None:
        check_numbers(self)
        _check(
            0 <= self.low_s <= self.high_s,
            f"Uniform needs 0 <= low_s <= high_s, not low_s={self.low_s}, high_s={self.high_s}",
        )

    def quantile(self, share: float) -> float:
        """See `Constant.quantile`."""
        return self.low_s + share * (self.high_s - self.low_s)


@dataclass(frozen=True, slots=True)
class Exponential:
    """An exponentially distributed time, on top of a least one.

    Attributes:
        mean_s: its mean, in seconds.
        least_s: the least one, in seconds.
    """

    mean_s: float
    least_s: float = 0.0

    def __post_init__(self) -> None:
        check_numbers(self)
        _check(self.mean_s > 0, f"Exponential needs mean_s > 0, not {self.mean_s}")
        _check(self.least_s >= 0, f"Exponential needs least_s >= 0, not {self.least_s}")

    def quantile(self, share: float) -> float:
        """See `Constant.quantile`."""
        return self.least_s - self.mean_s * math.log1p(-share)


@dataclass(frozen=True, slots=True)
class Lognormal:
    """A duration whose logarithm is normally distributed.

    Attributes:
        median_s: half of all take less, in seconds.
        sigma: how much the logarithm is spread: 0.5 is mild, 1 a long tail.
    """

    median_s: float
    sigma: float

    def __post_init__(self) -> None:
        check_numbers(self)
        _check(self.median_s > 0, f"Lognormal needs median_s > 0, not {self.median_s}")
        _check(0 < self.sigma <= _LARGEST_SIGMA, f"Lognormal needs 0 < sigma <= 50, not {self.sigma}")

    def quantile(self, share: float) -> float:
        """See `Constant.quantile`."""
        return self.median_s * math.exp(self.sigma * _NORMAL.inv_cdf(max(share, _LEAST_PROBABILITY)))


@dataclass(frozen=True, slots=True)
class Empirical:
    """One of several durations, as they were measured.

    Attributes:
        samples_s: these, in seconds.
    """

    samples_s: Sequence[float]

    def __post_init__(self) -> None:
        check_numbers(self)
        _check(len(self.samples_s) > 0, "Empirical needs at least one sample")
        wrong = [sample for sample in self.samples_s if not sample >= 0]
        _check(max(self.samples_s) <= LARGEST, f"Empirical needs finite samples, not {max(self.samples_s)}")
        _check(not wrong, f"Empirical needs samples >= 0, not {wrong[:1]}")
        object.__setattr__(self, "samples_s", tuple(sorted(self.samples_s)))

    def quantile(self, share: float) -> float:
        """See `Constant.quantile`."""
        return self.samples_s[int(share * len(self.samples_s))]


KINDS: dict[str, type[Distribution]] = {
    "constant": Constant,
    "uniform": Uniform,
    "exponential": Exponential,
    "lognormal": Lognormal,
    "empirical": Empirical,
}
"""What files call them."""

Distribution = Constant | Uniform | Exponential | Lognormal | Empirical
"""How long something takes."""

"""How long things take: the shape of each distribution, its bounds, and what it refuses."""

from __future__ import annotations

import statistics
from typing import Any

import pytest

from simactors.sim.distributions import Constant, Empirical, Exponential, Lognormal, Uniform

SHARES = [(n + 0.5) / 10_000 for n in range(10_000)]


def samples(distribution: Any) -> list[float]:
    return [distribution.quantile(share) for share in SHARES]


@pytest.mark.parametrize(
    ("distribution", "mean", "median"),
    [
        (Constant(2.0), 2.0, 2.0),
        (Uniform(1.0, 3.0), 2.0, 2.0),
        (Exponential(2.0), 2.0, 2.0 * 0.6931),
        (Exponential(2.0, least_s=1.0), 3.0, 1 + 2.0 * 0.6931),
        (Lognormal(2.0, 0.5), 2.0 * 1.1331, 2.0),
        (Empirical([1.0, 2.0, 6.0]), 3.0, 2.0),
    ],
    ids=str,
)
def test_mean_and_median_are_what_they_should_be(distribution: Any, mean: float, median: float) -> None:
    assert statistics.mean(samples(distribution)) == pytest.approx(mean, rel=0.01)
    assert statistics.median(samples(distribution)) == pytest.approx(median, rel=0.01)


@pytest.mark.parametrize(
    ("distribution", "least"),
    [
        (Constant(2.0), 2.0),
        (Uniform(1.0, 3.0), 1.0),
        (Exponential(2.0, least_s=1.0), 1.0),
        (Lognormal(2.0, 0.5), 0.0),
        (Empirical([6.0, 1.0]), 1.0),
    ],
    ids=str,
)
def test_share_nought_is_the_shortest_and_longer_shares_take_longer(distribution: Any, least: float) -> None:
    found = samples(distribution)
    assert distribution.quantile(0.0) == pytest.approx(least, abs=0.1)
    assert distribution.quantile(0.0) <= found[0]
    assert found == sorted(found)
    assert distribution.quantile(1 - 2**-53) < float("inf")


def test_an_empirical_distribution_gives_only_what_was_measured() -> None:
    assert set(samples(Empirical([3.0, 1.0, 1.0, 2.0]))) == {1.0, 2.0, 3.0}
    assert Empirical([2.0, 1.0]) == Empirical([1.0, 2.0])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Constant(-1),
        lambda: Uniform(2, 1),
        lambda: Uniform(-1, 1),
        lambda: Exponential(0),
        lambda: Exponential(1, -1),
        lambda: Lognormal(0, 1),
        lambda: Lognormal(1, 0),
        lambda: Empirical([]),
        lambda: Empirical([-1.0]),
        lambda: Constant(float("nan")),
        lambda: Empirical([1.0, float("nan")]),
    ],
)
def test_impossible_parameters_are_refused(make: Any) -> None:
    with pytest.raises(ValueError, match="needs"):
        make()

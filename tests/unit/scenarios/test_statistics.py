"""Student's t against tables, and what is made of it: intervals, differences, many of them at once."""

from __future__ import annotations

import math

import pytest

from simactors.scenarios.statistics import holm, interval, paired, t_quantile, t_tails, welch


@pytest.mark.parametrize(
    ("freedom", "expected"),
    [(1, 12.7062), (2, 4.30265), (4, 2.77645), (9, 2.26216), (30, 2.04227), (1e6, 1.95997)],
)
def test_quantiles_are_those_of_the_tables(freedom: float, expected: float) -> None:
    assert t_quantile(freedom) == pytest.approx(expected, rel=1e-4)


def test_tails_are_those_that_can_be_computed_by_hand() -> None:
    for t in (0.0, 0.3, 1.0, 7.0):
        assert t_tails(t, 1) == pytest.approx(1 - 2 / math.pi * math.atan(t))  # Cauchy's distribution
        assert t_tails(t, 2) == pytest.approx(1 - t / math.sqrt(2 + t * t))
        assert t_tails(-t, 2) == t_tails(t, 2)


def test_an_interval_is_as_in_a_textbook() -> None:
    bounds = interval([4.0, 6.0, 8.0])
    assert bounds == pytest.approx((6 - 4.30265 * 2 / math.sqrt(3), 6 + 4.30265 * 2 / math.sqrt(3)), rel=1e-5)
    assert interval([4.0]) is None


def test_welchs_test_is_as_by_hand() -> None:
    # Means 2 and 6, variances 1 and 4: t = 4 / sqrt(5/3), and (5/3)^2 / ((1/3)^2/2 + (4/3)^2/2) = 50/17 degrees.
    found = welch([1.0, 2.0, 3.0], [4.0, 6.0, 8.0])
    error, freedom = math.sqrt(5 / 3), 50 / 17
    assert found.difference == 4.0
    assert found.p == pytest.approx(t_tails(4 / error, freedom))
    half = t_quantile(freedom) * error
    assert (found.low, found.high) == pytest.approx((4 - half, 4 + half))


def test_tails_of_fractional_degrees_are_the_area_under_the_density() -> None:
    freedom, t, steps = 2.5, 1.7, 200_000
    front = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    width = t / steps
    inside = sum(
        front * (1 + ((n + 0.5) * width) ** 2 / freedom) ** (-(freedom + 1) / 2) * width for n in range(steps)
    )
    assert t_tails(t, freedom) == pytest.approx(1 - 2 * inside, rel=1e-8)


def test_pairs_see_a_difference_that_is_smaller_than_what_seeds_make() -> None:
    before = [10.0, 20.0, 30.0, 40.0]
    after = [11.0, 21.1, 30.9, 41.0]
    pairs, others = paired(before, after), welch(before, after)
    assert pairs.p is not None
    assert others.p is not None
    assert pairs.p < 0.001
    assert others.p > 0.9


def test_what_never_varies_differs_for_certain_or_not_at_all() -> None:
    assert paired([1.0, 1.0], [2.0, 2.0]).p == 0.0
    assert paired([1.0, 1.0], [1.0, 1.0]).p == 1.0
    assert welch([0.0, 0.0], [0.0, 0.0, 0.0]).p == 1.0


def test_a_single_value_says_nothing_of_chance() -> None:
    assert paired([1.0], [2.0]) == (1.0, None, None, None)
    assert welch([1.0], [2.0, 3.0]).p is None


def test_the_more_differences_there_are_the_clearer_each_must_be() -> None:
    assert holm([0.04]) == [True]
    assert holm([0.04, 0.5, 0.01]) == [False, False, True]
    assert holm([0.001, 0.02, 0.024]) == [True, True, True]
    assert holm([]) == []

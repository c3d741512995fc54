"""When requests arrive: exactly where that is said exactly, the same for the same seed where it is drawn."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from random import Random

import pytest

from simactors.workload.arrivals import read_trace, times
from simactors.workload.load import Arrivals, Burst, Constant, Poisson, Ramp, Trace


def first(count: int, arrivals: Arrivals, seed: int = 0) -> list[float]:
    return list(itertools.islice(times(arrivals, Random(seed)), count))


def test_a_constant_rate_is_evenly_spaced_from_the_beginning() -> None:
    assert first(4, Constant(4.0)) == [0.0, 0.25, 0.5, 0.75]


def test_bursts_come_at_once_and_again() -> None:
    assert first(5, Burst(2, 0.5)) == [0.0, 0.0, 0.5, 0.5, 1.0]


def test_poisson_arrivals_are_the_same_for_the_same_seed_and_as_many_as_they_should_be() -> None:
    assert first(100, Poisson(50.0), 3) == first(100, Poisson(50.0), 3)
    assert first(100, Poisson(50.0), 3) != first(100, Poisson(50.0), 4)
    found = first(20_000, Poisson(50.0))
    gaps = [after - before for before, after in itertools.pairwise([0.0, *found])]
    mean = sum(gaps) / len(gaps)
    assert mean == pytest.approx(1 / 50, rel=0.03)
    deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert deviation == pytest.approx(
        mean, rel=0.05
    )  # as of an exponential distribution, and of nothing even


def test_a_ramp_has_at_each_moment_the_rate_that_it_should_have() -> None:
    # 10/s to 30/s in 2 s: after t seconds, 10 t + 5 t^2 requests are expected.
    found = first(200, Ramp(10.0, 30.0, 2.0, spacing="even"))
    assert [10 * t + 5 * t * t for t in found[:41]] == pytest.approx(range(41))
    assert found[40] == pytest.approx(2.0)
    assert [after - before for before, after in itertools.pairwise(found[41:])] == pytest.approx(
        [1 / 30] * 158
    )


def test_a_ramp_may_fall_and_end() -> None:
    found = first(100, Ramp(10.0, 0.0, 2.0, spacing="even"))
    assert found[:10] == sorted(found[:10])
    assert found[9] < 2.0 < found[11] == math.inf  # ten are expected at all


def test_a_ramp_at_random_draws_the_same_for_the_same_seed() -> None:
    ramp = Ramp(0.0, 100.0, 1.0)
    assert first(50, ramp, 1) == first(50, ramp, 1)
    assert sum(t < 1.0 for t in first(1_000, ramp)) == pytest.approx(50, abs=20)


def test_a_trace_is_read_with_its_heading_and_comments(tmp_path: Path) -> None:
    file = tmp_path / "arrivals.csv"
    file.write_text("at_s,user\n0.5,ann\n# later\n\n0.5,bob\n2,ann\n")
    assert first(9, Trace(str(file))) == [0.5, 0.5, 2.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0\nsoon\n", "trace.csv:2: 'soon' is no number"),
        ("2\n1\n", "trace.csv:2: 1 s: times are from 0 on"),
    ],
)
def test_what_is_wrong_in_a_trace_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "trace.csv"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_trace(str(file))

"""Objectives, durations and rates as people write them."""

from __future__ import annotations

import pytest

from simactors.core.fault_plan import FailCall, Pause
from simactors.exploration import drawn_faults
from simactors.exploration.drawn_faults import Drawn
from simactors.exploration.objectives import parse
from simactors.exploration.quantities import duration_s, in_words, rate_per_s, share
from simactors.exploration.toml_lines import lines_of


@pytest.mark.parametrize(
    ("text", "measure", "of", "quantile", "bound"),
    [
        ("p99 < 50ms", "quantile", "", 0.99, 0.05),
        ("p99.9<=2", "quantile", "", 0.999, 2.0),
        ("p50( Store.put ) < 5 ms", "quantile", "Store.put", 0.5, 0.005),
        ("mean < 1us", "mean", "", 0.0, 1e-6),
        ("availability > 99.9%", "availability", "", 0.0, 0.999),
        ("throughput >= 100/s", "throughput", "", 0.0, 100.0),
        ("errors == 0", "errors", "", 0.0, 0.0),
        ("utilization(GPU) < 0.9", "utilization", "GPU", 0.0, 0.9),
        ("queue(Store) <= 10", "queue", "Store", 0.0, 10.0),
    ],
)
def test_an_objective_is_read(text: str, measure: str, of: str, quantile: float, bound: float) -> None:
    found = parse(text)
    assert (found.measure, found.of, str(found)) == (measure, of, text)
    assert found.quantile == pytest.approx(quantile)
    assert found.bound == pytest.approx(bound)


def test_an_objective_holds_or_not() -> None:
    assert parse("p99 < 50ms").holds(0.049)
    assert not parse("p99 < 50ms").holds(0.05)
    assert parse("errors == 0").holds(0)
    assert parse("throughput >= 100/s").holds(100)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fast", "write for example p99 < 50ms"),
        ("p99 < fast", "'fast' is no duration: write 250ms"),
        ("p100 < 1s", "p100 is no percentile"),
        ("avaliability > 0.9", "did you mean 'availability'?"),
        ("utilization < 0.9", r"utilization needs a resource: utilization\(GPU\)"),
        ("errors(Store.put) == 0", r"errors is of the whole run: leave out \(Store.put\)"),
        ("throughput > 1 parsec", "'1 parsec' is no rate: write 200/s"),
    ],
)
def test_what_is_no_objective_is_told_what_to_write(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text)


def test_quantities_have_units() -> None:
    assert [duration_s(told) for told in ("250ms", "1.5s", "2m", "1 h", 3, 0.5)] == [
        0.25,
        1.5,
        120,
        3600,
        3,
        0.5,
    ]
    assert [rate_per_s(told) for told in ("200/s", "30/m", "1/ms", 5)] == [200, 0.5, 1000, 5]
    assert [share(told) for told in ("99.9%", 0.5, "0.5")] == pytest.approx([0.999, 0.5, 0.5])
    assert [in_words(s) for s in (0.0123, 1.5, 2e-5, 0.0)] == ["12.3 ms", "1.5 s", "20 us", "0 s"]


@pytest.mark.parametrize("told", ["5", "-1s", "5 apples", True, None, "inf"])
def test_what_is_no_duration_is_refused(told: object) -> None:
    if told == "5":
        assert duration_s(told) == 5
        return
    with pytest.raises(ValueError, match="is no duration"):
        duration_s(told)


def test_faults_with_a_rate_are_drawn_from_the_seed() -> None:
    pause = Drawn(fault=Pause(process="Store", at_s=0, for_s=1), rate_per_s=5, from_s=2, until_s=10)
    first, again, other = (drawn_faults.plan((pause,), seed).faults for seed in (1, 1, 2))
    assert first == again != other
    assert 20 < len(first) < 65  # 40 are expected
    assert all(isinstance(fault, Pause) and 2 <= fault.at_s < 10 and fault.for_s == 1 for fault in first)


def test_a_fault_with_a_rate_must_come_at_times_and_come_to_an_end() -> None:
    pause = Pause(process="Store", at_s=0, for_s=1)
    with pytest.raises(ValueError, match="0 <= from < until"):
        Drawn(fault=pause, rate_per_s=1, from_s=2, until_s=2)
    with pytest.raises(ValueError, match="no more than 5000 times"):
        Drawn(fault=pause, rate_per_s=1e9, until_s=2)
    assert Drawn(fault=FailCall(call="*"), rate_per_s=1, until_s=2).rate_per_s == 1


def test_every_key_has_its_line() -> None:
    text = '''# a file
title = "x"
"a key" = """
[no.table]
"""
[one.two] # here
three = [
  { four = 4, "five.six" = [ 1,
      2 ] },
  'literal', # ]
]
seven.eight = 1979-05-27
[[list]]
x = 1
[list.table]
y = 2
[[list]]
x = "\\\\" # "
'''
    lines = lines_of(text)
    assert lines == {
        "title": 2,
        "a key": 3,
        "one.two": 6,
        "one.two.three": 7,
        "one.two.three[0]": 8,
        "one.two.three[0].four": 8,
        "one.two.three[0].five.six": 8,
        "one.two.three[0].five.six[0]": 8,
        "one.two.three[0].five.six[1]": 9,
        "one.two.three[1]": 10,
        "one": 6,
        "one.two.three[0].five": 8,
        "one.two.seven": 12,
        "one.two.seven.eight": 12,
        "list[0]": 13,
        "list": 13,
        "list[0].x": 14,
        "list[0].table": 15,
        "list[0].table.y": 16,
        "list[1]": 17,
        "list[1].x": 18,
    }

"""Seeds as users write them."""

from __future__ import annotations

import pytest

from simactors.testing import seeds


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (3, [0, 1, 2]),
        ("3", [0, 1, 2]),
        ("7..9", [7, 8, 9]),
        (" 7 .. 7 ", [7]),
        ([5, 1, 5], [5, 1]),
        (range(2, 4), [2, 3]),
    ],
)
def test_seeds_are_a_number_of_them_a_range_with_its_end_or_a_list(written, found):
    assert list(seeds.parse(written)) == found


@pytest.mark.parametrize("written", [0, -1, True, 1.5, "x", "", "9..7", "1..", [], [-1], ["1"], [True], None])
def test_what_is_no_seed_is_refused(written):
    with pytest.raises(ValueError, match="seed"):
        seeds.parse(written)


@pytest.mark.parametrize(
    ("name", "seed", "rest"),
    [
        ("test_a[seed=3]", 3, "test_a"),
        ("test_a[p1-seed=3]", 3, "test_a[p1]"),
        ("test_a[seed=3-p1]", 3, "test_a[p1]"),
        ("test_a[x-seed=3-y]", 3, "test_a[x-y]"),
        ("test_a[seed=30-seed=3]", 3, "test_a[seed=30]"),
    ],
)
def test_the_seed_goes_out_of_a_name_and_nothing_else(name, seed, rest):
    assert seeds.without(name, seed) == rest
    assert seeds.in_id(name) == seed


def test_an_id_without_a_seed_names_none():
    assert seeds.in_id("tests/seed=3/test_a.py::test_a[x]") is None

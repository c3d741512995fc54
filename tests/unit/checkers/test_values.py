"""Values in normal form: what is equal, what is not, and that each can be hashed."""

from __future__ import annotations

import copy
import enum
import math
import pickle
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from simactors.checkers.values import ANYTHING, FrozenMap, RecordedError, Text, normal, same, same_arguments
from simactors.exceptions import RayTaskError


@dataclass
class Point:
    x: int
    tags: list[str]


class Plain:
    def __init__(self, x: int) -> None:
        self.x = x


class Colour(enum.Enum):
    RED = 1


class Poor(ValueError):
    pass


VALUES: list[Any] = [
    None, True, 3, 2.5, math.nan, "é", b"\x00", [1, [2]], (1, (2,)), deque([1]), {1, 2}, {"a": [1], 2: {3}},
    Point(1, ["a"]), Plain(3), Colour.RED, np.arange(3), np.float64(2.5), ValueError("x", [1]), bytearray(b"x"),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_equals_its_copy_and_its_normal_form_which_can_be_hashed(value: Any) -> None:
    assert same(value, copy.deepcopy(value))
    assert same(normal(value), value)
    assert same(normal(normal(value)), normal(value))
    hash(normal(value))
    assert same(pickle.loads(pickle.dumps(normal(value))), value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, 2], (2, 1)),
        ([1], [1, 1]),
        ({1: 2}, {1: 3}),
        ("1", 1),
        (None, False),
        (math.nan, 0.0),
        (Point(1, []), Point(2, [])),
        (Plain(1), Plain(2)),
        ({1}, [1]),
        (Text("x"), "y"),
        (ValueError("x"), "x"),
    ],
)
def test_different_values_stay_different(one: Any, other: Any) -> None:
    assert not same(one, other)
    assert not same(other, one)


def test_anything_agrees_with_whatever_was_returned():
    assert all(same(ANYTHING, value) for value in VALUES)
    assert pickle.loads(pickle.dumps(ANYTHING)) is ANYTHING


def test_exceptions_agree_by_the_names_of_their_classes():
    assert same(ValueError("a"), Poor("b"))
    assert not same(Poor("a"), ValueError("a"))
    assert same(Poor(), RecordedError("Poor", bases=("ValueError", "Exception")))
    assert same(ValueError(), RecordedError("Poor", bases=("ValueError", "Exception")))
    assert not same(KeyError(), RecordedError("Poor", bases=("ValueError", "Exception")))


def test_exceptions_agree_by_their_arguments_only_if_asked_to():
    assert not same_arguments(Poor(3), Poor(4))
    assert same_arguments(Poor([3]), Poor((3,)))
    assert same_arguments(3, 3)


def test_a_remote_exception_counts_as_its_cause():
    assert same(Poor(), RayTaskError("f", "", Poor()).as_instanceof_cause())


def test_a_value_without_a_normal_form_says_what_to_do():
    class Odd:
        __hash__ = None  # type: ignore[assignment]  # what is wrong is the point

        def __eq__(self, other: object) -> bool:
            return False

    with pytest.raises(TypeError, match="compare with `same=` of your own"):
        normal(Odd())


def test_a_frozen_map_is_a_map_that_does_not_change():
    small = FrozenMap({"a": 1})
    large = small.with_item("b", 2)
    assert small == {"a": 1}
    assert large == FrozenMap({"b": 2, "a": 1})
    assert hash(large) == hash(FrozenMap({"b": 2, "a": 1}))
    assert large.without("b") == small
    assert repr(small) == "{'a': 1}"

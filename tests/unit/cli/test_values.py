"""Values of a program that stands still: whatever its own code does, one line of text comes out."""

from __future__ import annotations

import pytest

from simactors.cli import values


class Broken:
    def __repr__(self):
        raise ValueError("no")


class Slotted:
    __slots__ = ("__hidden", "empty", "shown")

    def __init__(self):
        self.shown, self.__hidden = 1, 2


class Account:
    balance = 10
    text = "x"


ACTORS = {"Account#1": Account(), "actor-1": Account(), "bank": Account()}


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("Account#1.balance + actor-1.balance", "20"),
        ("bank.balance", "10"),
        ("actors['Account#1'].balance", "10"),
        ("'Account#1' + \"Account#9\"", "'Account#1Account#9'"),
        ("Account#9.balance", "there is no living actor 'Account#9': 'actors' lists them"),
        ("bank.missing", "AttributeError: 'Account' object has no attribute 'missing'"),
        ("1 +", "SyntaxError: invalid syntax"),
        ("x = 1", "SyntaxError: invalid syntax"),
        ("exit(3)", "SystemExit: 3"),
        ("print('hello')", "hello\nNone"),
    ],
)
def test_an_expression_is_shown_with_actors_by_name(expression: str, shown: str):
    assert values.evaluated(expression, ACTORS) == shown


def test_a_value_whose_repr_raises_is_told_so():
    assert values.text(Broken()) == "<Broken, whose repr() raised ValueError>"
    assert values.text([Broken()]) == "<list, whose repr() raised ValueError>"


def test_slots_are_attributes_too_and_empty_ones_are_not():
    assert values.attributes(Slotted()) == {"__hidden": "2", "shown": "1"}


def test_long_values_are_cut():
    shown = values.cut("x" * 10_000)
    assert len(shown) < values.LONGEST + 50
    assert shown.endswith("(10000 characters)")

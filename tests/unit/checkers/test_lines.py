"""JSON lines: there and back, what others write, and what is said of what can't be read."""

from __future__ import annotations

import json
import math
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from simactors.checkers import lines
from simactors.checkers.linearizability import linearizable
from simactors.checkers.specs import KeyValueMap, Register
from simactors.checkers.values import same
from simactors.core.history import History, Operation
from tests.unit.checkers.histories import SUBJECTS, history_of
from tests.unit.checkers.notation import did, in_turn


@dataclass
class Point:
    x: int
    y: list[int]


def complaints(text: str) -> list[str]:
    with pytest.raises(ValueError, match="is no history") as caught:
        lines.loads(textwrap.dedent(text).lstrip("\n"))
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_history_comes_back_with_the_same_verdict(name: str) -> None:
    subject = SUBJECTS[name]
    for seed in range(40):
        history = history_of(subject, seed)
        back = lines.loads(lines.dumps(history))
        assert [(each.called, each.returned, each.status) for each in back] == [
            (each.called, each.returned, each.status) for each in history
        ]
        assert type(linearizable(back, subject.spec)) is type(linearizable(history, subject.spec))
        assert lines.dumps(back) == lines.dumps(history)


@pytest.mark.parametrize(
    "value",
    [
        None, 3, -2.5, math.nan, math.inf, "é\n", b"\xff", [1, (2,)], {1, "a"}, {"a": {"$b": 1}}, {1: {2}},
        Point(1, [2]), KeyError("x"), 2j, [[]], {}, {"$set": [1]},
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_value_comes_back_equal(value: Any) -> None:
    (back,) = lines.loads(lines.dumps(History((did("a", "put", value, at=(0, 1), says=value),))))
    assert same(value, back.result)
    assert same(value, back.args[0])
    assert back.status == ("raised" if isinstance(value, Exception) else "returned")


def test_a_history_is_written_to_a_file_and_read_from_it(tmp_path: Path) -> None:
    history = in_turn(("put", "ä", [1], None), ("get", "ä", [1]))
    lines.dump(history, tmp_path / "history.jsonl")
    back = lines.load(tmp_path / "history.jsonl")
    assert len(back) == 2
    assert linearizable(back, KeyValueMap())


def test_every_line_is_json_for_everybody():
    text = lines.dumps(in_turn(("put", math.inf, None)))
    assert json.loads(text, parse_constant=pytest.fail)["args"] == [{"$float": "inf"}]


def test_what_somebody_else_recorded_needs_no_more_than_who_what_and_when():
    history = lines.loads("""
        {"client": "a", "name": "set", "args": [1], "called_s": 10.5, "returned_s": 11.5}

        {"client": "b", "name": "get", "called_s": 10.0, "returned_s": 10.5, "result": 0}
        {"client": "c", "name": "set", "args": [2], "called_s": 10.2}
        {"client": "d", "name": "get", "called_s": 12, "returned_s": 13, "result": {"$error": {"class": "Gone"}}}
    """)
    assert [str(each) for each in history] == [
        "b: get() -> 0",
        "c: set(2) (unknown)",
        "a: set(1) -> None",
        "d: get() raised Gone()",
    ]
    # b returned when a called: they count as concurrent.
    assert history[2].called < history[0].returned < history[2].returned < history[3].called  # type: ignore[operator]
    assert not linearizable(history, Register(0))


def test_all_that_is_wrong_is_said_at_once_with_the_numbers_of_the_lines():
    found = complaints("""
        {"client": 1, "nam": "x"}
        []

        {"client": "a",
        {"client": "a", "name": "x", "called": 0, "status": "lost"}
        {"client": "a", "name": "x", "called": 0, "status": "returned"}
        {"client": "a", "name": "x", "called": 5, "returned": 4}
        {"client": "a", "name": "x", "called": true}
        {"client": "a", "name": "x", "called": 7, "args": [{"$what": 1}]}
    """)
    assert [each.partition(": ")[0] for each in found] == [
        f"line {n}" for n in (1, 1, 1, 1, 2, 4, 5, 6, 7, 8, 9)
    ]
    assert "`name` is missing" in found[0]
    assert "`client` must be text, not 1" in found[2]
    assert "`nam` means nothing" in found[3]
    assert "one of returned, raised, refused, unknown" in found[6]
    assert "`returned` is missing" in found[7]
    assert "it returned at 4, before it was called at 5" in found[8]
    assert "there is no $what" in found[10]


def test_places_must_be_different_and_given_to_all_or_to_none():
    first = '{"client": "a", "name": "x", "called": 0, "returned": 1}\n'
    assert complaints(first + '{"client": "a", "name": "x", "called": 1}') == [
        "line 2: place 1 is taken by line 1"
    ]
    (mixed,) = complaints(first + '{"client": "a", "name": "x", "called_s": 1}')
    assert mixed.startswith("some lines have `called`")


def test_of_very_many_errors_the_first_are_shown():
    found = complaints("[]\n" * 100)
    assert len(found) == lines.MOST_ERRORS + 1
    assert found[-1] == "and 80 more"


def test_a_pending_operation_may_have_a_place_where_its_client_gave_up():
    gave_up = Operation(client="a", name="x", called=0, returned=1, status="unknown")
    (back,) = lines.loads(lines.dumps(History((gave_up,))))
    assert (back.returned, back.status) == (1, "unknown")


@pytest.mark.parametrize(
    "wrong",
    [
        '{"client": "a", "name": "x", "called_s": NaN}',
        '{"client": "a", "name": "x", "called_s": 1e400}',
        '{"client": "a", "name": "x", "called": -5, "returned": -3}',
        '{"client": "a", "name": "x", "called": 0, "result": ' + "[" * 100_000 + "}",
        '{"client": "a", "name": "x", "called": ' + "9" * 5_000 + "}",
        '{"client": "a", "name": "x", "called": 0, "args": [{"$bytes": "!!"}]}',
        '{"client": "a", "name": "x", "called": 0, "args": [{"$text": 5}]}',
        '{"client": "a", "name": "x", "called": 0, "args": [{"$record": {"class": 1, "fields": {}}}]}',
        '{"client": "a", "name": "x", "called": 0, "result": {"$error": {"class": "E", "bases": [1]}}}',
    ],
)
def test_garbage_is_named_with_its_line(wrong: str):
    with pytest.raises(ValueError, match="line 2: "):
        lines.loads('{"client": "a", "name": "x", "called": 1}\n' + wrong)


def test_only_the_end_of_a_line_ends_it():
    (operation,) = lines.loads('{"client": "a", "name": "x", "called": 1, "args": ["one\u2028two"]}')
    assert operation.args == ("one\u2028two",)

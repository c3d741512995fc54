"""The diagram for terminals: columns, arrows, the decisive line, and never a line too long."""

from __future__ import annotations

import unicodedata

import pytest

from simactors.core.events import Record
from simactors.exploration.runner import Ending
from simactors.exploration.story import Decisive, Story
from simactors.reports import diagram


def cells(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def called(name: str = "Cell.put", **options) -> Story:
    rows = [
        (0, "call", 2, "driver", name),
        (1, "start", 2, "actor-1", name),
        (1, "return", 2, "actor-1", name),
        (2, "ready", 2, "driver", name),
    ]
    records = [Record(ms * 1_000_000, kind, call, process, what) for ms, kind, call, process, what in rows]
    return Story.of(records, ending=Ending("failed", "AssertionError", "no"), **options)


def test_a_call_looks_like_this():
    lines = diagram.text(called(), 72).splitlines()
    assert lines[4:] == [
        "        ms  driver                        Cell",
        "                                          (actor-1)",
        "     0.000   ● calls Cell.put #2           │",
        "     1.000   ├────────────────────────────▶┃ starts Cell.put #2",
        "             ┃                             ○ returns Cell.put #2",
        "     2.000   ●◀╌ receives Cell.put #2 ╌╌╌╌╌┤",
        "             ┃                             │",
        "           ✕ AssertionError: no",
    ]


def test_the_decisive_step_is_a_line_across_everything():
    text = diagram.text(called(decisive=Decisive(record=1, before=0.004, after=1.0)), 100)
    lines = text.splitlines()
    (at,) = [number for number, line in enumerate(lines) if "this step decided" in line]
    assert "before: < 1 % of continuations fail; after: 100 %" in lines[at]
    assert len(lines[at]) == 100
    assert "starts Cell.put" in lines[at - 1]


def test_the_plan_is_numbered():
    text = diagram.text(called(), 80, plan=["Hold it back.", "Go on."])
    assert text.endswith("How to make it happen:\n  1. Hold it back.\n  2. Go on.")


def test_many_processes_are_a_list(rounds):
    text = diagram.text(rounds(20, 1), 100)
    assert "actor-20 ┃ starts Worker.step #20 ◀ driver" in text


def test_a_delayed_message_is_heavy_and_says_why():
    text = diagram.text(called(notes={1: "delayed past Cell.get"}), 80)
    assert "├━━━" in text
    assert "◔ delayed past Cell.get" in text


@pytest.mark.parametrize("width", [10, 40, 57, 80, 133, 250])
@pytest.mark.parametrize("name", ["f", "Käse.größe", "口座.書く", "Cell." + "very_long" * 30])
def test_no_line_is_wider_than_the_terminal(lost_update, rounds, width, name):
    for story in (lost_update, called(name, notes={1: name * 3}), rounds(1, 3), rounds(12, 2), rounds(3, 90)):
        for line in diagram.text(story, width, plan=[name * 5]).splitlines():
            assert cells(line) <= max(width, 40), line


def test_nothing_of_the_program_moves_the_cursor():
    text = diagram.text(called("Cell.\x1b[31mred\rback"), 80)
    assert "\x1b" not in text
    assert "\r" not in text


def test_a_folded_stretch_says_what_it_hides(rounds):
    text = diagram.text(rounds(2, 200, most=30), 100)
    assert "┆ … " in text
    assert "Worker.step" in text

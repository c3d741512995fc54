"""Histories that clients recorded on a real Ray cluster, judged as they were then.

They are of one run of ``docs/examples/registers_on_ray.py`` on Ray 2.60, which has no part in the suite.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from simactors.checkers import History, Register, Violated, linearizable, lines

RECORDED = Path(__file__).parent / "recorded"


def recorded(name: str) -> History:
    return lines.load(RECORDED / f"{name}.jsonl")


def test_clients_have_asked_at_the_same_time():
    history = recorded("steady")
    assert len(history) == 90
    busy = [each for each, after in pairwise(history) if after.called < (each.returned or 0)]
    assert len(busy) > 20


def test_a_register_on_ray_is_linearizable():
    assert linearizable(recorded("steady"), Register(0))


def test_of_a_register_that_was_killed_the_calls_without_an_answer_may_or_may_not_have_taken_effect():
    history = recorded("killed")
    assert sum(each.status == "unknown" for each in history) == 73
    assert linearizable(history, Register(0))


def test_a_register_that_was_started_anew_has_forgotten_what_was_written():
    verdict = linearizable(recorded("restarted"), Register(0))
    assert isinstance(verdict, Violated)
    assert verdict.evidence[-1].result == 0


@pytest.mark.parametrize("place", range(10, 90, 10))
def test_one_wrong_answer_among_those_recorded_is_found(place: int):
    history = recorded("steady")
    wrong = [
        replace(each, result=-1) if each.name == "read" and number >= place else each
        for number, each in enumerate(history)
    ]
    assert isinstance(linearizable(History(tuple(wrong)), Register(0)), Violated)


def test_what_was_written_to_a_file_is_written_again_as_it_was():
    text = (RECORDED / "killed.jsonl").read_text()
    assert lines.dumps(lines.loads(text)) == text

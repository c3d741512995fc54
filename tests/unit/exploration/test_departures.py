"""Where a run left the path of the first one: true for every kind of change, and nothing is told where nothing left."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simactors.exploration.departures import MOST_LANDMARKS, _span, landmarks
from simactors.exploration.recipe import Recipe
from simactors.exploration.repro import Replay, Repro, replay
from simactors.exploration.script import Script
from simactors.exploration.target import Program, Target
from simactors.sim.config import Slack
from simactors.sim.offer import Description, Offer

RACE = """
    import simactors as ray

    @ray.remote
    class Account:
        def __init__(self):
            self.balance = 0
        def read(self):
            return self.balance
        def write(self, balance):
            self.balance = balance

    @ray.remote
    def add(account):
        balance = ray.get(account.read.remote())
        ray.get(account.write.remote(balance + 1))

    account = Account.remote()
    ray.get([add.remote(account) for _ in range(2)])
    assert ray.get(account.read.remote()) == 2
"""


@pytest.fixture
def edited(tmp_path: Path):
    """The replay of a run of `RACE` after something in it was replaced."""

    def edited(old: str, new: str) -> Replay:
        path = tmp_path / "race.py"
        path.write_text(textwrap.dedent(RACE))
        recipe = Recipe(program=Program(target=Target(str(path)), slack=Slack()), script=Script())
        repro = Repro.of(recipe, recipe.run())
        path.write_text(path.read_text().replace(old, new))
        return replay(repro)

    return edited


def test_a_renamed_method_is_where_it_is_called_for_the_first_time(edited):
    departure = edited("write", "put").departure
    assert departure.step == "Account.put (message 1) from add#1 to Account#1"
    assert departure.place == "race.py:16 in add"
    assert departure.before == departure.same + 1


def test_a_call_more_is_where_it_arrives(edited):
    departure = edited("    balance = ray", "    ray.get(account.read.remote()); balance = ray").departure
    assert departure.step == "Account.read (message 2) from add#1 to Account#1"
    assert departure.place == "race.py:15 in add"


def test_a_client_less_is_missed_as_soon_as_it_would_have_begun(edited):
    replayed = edited("range(2)", "range(1)")
    assert 0 < replayed.departure.same < 4
    assert replayed.departure.time_s is not None


def test_a_run_that_ends_early_is_told_so(edited):
    departure = edited("account = Account", "raise SystemExit(1); account = Account").departure
    assert (departure.same, departure.step, departure.time_s) == (0, "", None)


def test_another_value_on_the_same_path_is_no_departure(edited):
    replayed = edited("balance + 1", "balance + 2")
    assert replayed.differences
    assert replayed.departure is None


def path_of(names: list[int]) -> list[Offer]:
    return [Offer(None, Description("call", "a", "b", str(name)), 1, (), 0, 0) for name in names]


NAMES = st.lists(st.integers(0, 9), max_size=3 * MOST_LANDMARKS)


@given(NAMES)
def test_a_path_does_not_differ_from_itself(names: list[int]):
    assert not names or _span(landmarks(path_of(names)), path_of(names)) is None


@given(NAMES.filter(bool), st.data())
def test_the_first_other_step_is_found(names: list[int], data: st.DataObject):
    at = data.draw(st.integers(0, len(names) - 1))
    other = [*names[:at], -1, *names[at + 1 :]]
    span = _span(landmarks(path_of(names)), path_of(other))
    if span is not None:  # else all bytes from there on are the same by chance
        assert at < span[1]
        assert span[0] <= at or span[0] <= at + len(names) // MOST_LANDMARKS + 1
    assert len(landmarks(path_of(names))) < 140


@given(NAMES.filter(bool), st.integers(1, 5))
def test_a_longer_path_goes_on_after_the_end_of_the_first_one(names: list[int], more: int):
    first, longer = path_of(names), path_of([*names, *range(more)])
    assert _span(landmarks(first), longer) == (len(names), len(names) + 1)


@pytest.mark.parametrize("text", ["", "5", "x:AA", "3:!", "3:AAAAAA"])
def test_damaged_landmarks_say_nothing(text: str):
    assert _span(text, path_of([1, 2])) is None

"""The table of an actor's life, and the page that is drawn from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from simactors.exceptions import InternalError
from simactors.sim.lifecycle import LIFECYCLE, Event, State, diagram, next_state

PAGE = Path(__file__).parents[3] / "docs" / "lifecycle.md"


def test_the_picture_of_an_actors_life_is_that_of_the_table() -> None:
    picture = f"```mermaid\n{diagram()}\n```"
    assert picture in PAGE.read_text(), f"docs/lifecycle.md is out of date; its picture is now:\n{picture}"


def test_the_page_says_what_each_event_is() -> None:
    rows = [f"| {event.name.lower().replace('_', ' ')} | {event.value} |" for event in Event]
    assert [row for row in rows if row not in PAGE.read_text()] == []


def test_every_state_can_be_reached_and_a_dead_actor_stays_dead() -> None:
    assert {State.UNREADY, *LIFECYCLE.values()} == set(State)
    assert {after for (state, _), after in LIFECYCLE.items() if state is State.DEAD} == {State.DEAD}


def test_what_is_not_in_the_table_is_an_error_of_the_simulator() -> None:
    with pytest.raises(InternalError, match="actor-1 is dead, so that this can't happen: its constructor"):
        next_state("actor-1", State.DEAD, Event.CONSTRUCTED)

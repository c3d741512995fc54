"""Actors and their names, as the supervisor keeps them."""

from __future__ import annotations

import pytest

from real_backend import directory as directories
from real_backend.control import StartActor
from real_backend.directory import Directory, describe_death


def start(
    actor_id: int,
    name: str | None = None,
    namespace: str | None = None,
    *,
    detached: bool = False,
    restarts: int = 0,
) -> StartActor:
    return StartActor(actor_id, "Log", (), name, namespace, False, detached, b"", restarts, False)


def test_a_name_belongs_to_one_living_actor_of_its_namespace() -> None:
    directory = Directory()
    first = directory.add(start(1, "x"), 0)
    assert first is not None
    assert directory.add(start(2, "x"), 0) is None
    assert directory.add(start(3, "x", "other"), 0) is not None
    assert directory.named("x", None) is first
    directory.bury(first, "dead")
    assert directory.named("x", None) is None
    assert directory.add(start(4, "x"), 0) is not None


def test_a_late_burial_does_not_free_the_name_of_the_next_actor() -> None:
    directory = Directory()
    first = directory.add(start(1, "x"), 0)
    assert first is not None
    directory.free_name(first)  # killed, and not reaped yet
    second = directory.add(start(2, "x"), 0)
    directory.bury(first, "dead")
    assert directory.named("x", None) is second


def test_only_the_dead_are_forgotten() -> None:
    directory = Directory()
    record = directory.add(start(1), 0)
    assert record is not None
    directory.forget(1)
    assert directory.find(1) is record
    directory.bury(record, "dead")
    directory.forget(1)
    assert directory.find(1) is None


def test_the_dead_are_forgotten_with_their_owner() -> None:
    directory = Directory()
    dead, living, other = (directory.add(start(i), owner) for i, owner in [(1, 7), (2, 7), (3, 8)])
    assert dead is not None
    assert other is not None
    directory.bury(dead, "dead")
    directory.bury(other, "dead")
    directory.forget_dead_of(7)
    assert [directory.find(i) for i in (1, 2, 3)] == [None, living, other]


def test_detached_and_dead_actors_do_not_end_with_their_owner() -> None:
    directory = Directory()
    records = [directory.add(start(i, detached=i == 2), 7) for i in (1, 2, 3)]
    assert records[1] is not None
    assert records[2] is not None
    records[1].furnish(b"class and arguments")
    directory.bury(records[2], "dead")
    assert directory.owned_by(7) == [records[0]]
    assert directory.owned_by(8) == []


def test_a_detached_actor_that_nobody_can_furnish_any_more_ends_with_its_owner() -> None:
    directory = Directory()
    record = directory.add(start(1, detached=True), 7)
    assert directory.owned_by(7) == [record]


def test_what_an_actor_is_made_of_is_kept_as_long_as_it_may_start_again() -> None:
    directory = Directory()
    record = directory.add(start(1, restarts=1), 0)
    assert record is not None
    record.furnish(b"it", ((7, 1),))
    record.process = 5
    record.constructed = True
    record.start_again()
    assert (record.incarnation, record.restarts, record.process, record.constructed) == (1, 0, None, False)
    assert record.creation == b"it"
    assert record.strip() == ((7, 1),)
    assert record.creation is None
    assert record.strip() == ()


def test_names_are_listed_with_their_namespaces_oldest_first() -> None:
    directory = Directory()
    for actor_id, name, namespace in [(1, "b", "y"), (2, "a", "x"), (3, None, "x")]:
        directory.add(start(actor_id, name, namespace), 0)
    assert directory.names() == (("y", "b"), ("x", "a"))


def test_a_death_is_told_in_rays_words_first() -> None:
    record = Directory().add(start(1, "x"), 0)
    assert record is not None
    text = describe_death(record, 42, "of old age.")
    assert text.startswith("The actor died unexpectedly before finishing this task.")
    assert "class_name: Log" in text
    assert "pid: 42" in text
    assert text.endswith("because of old age.")


def test_a_forgotten_actor_is_not_one_that_was_never_heard_of() -> None:
    directory = Directory()
    record = directory.add(start(1), 0)
    assert record is not None
    assert not directory.was_forgotten(1)
    directory.bury(record, "dead")
    directory.forget(1)
    assert directory.was_forgotten(1)
    directory.forget_dead_of(0)
    assert not directory.was_forgotten(1)


def test_of_the_forgotten_only_the_latest_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directories, "_FORGOTTEN_REMEMBERED", 2)
    directory = Directory()
    for actor_id in (1, 2, 3):
        record = directory.add(start(actor_id), 0)
        assert record is not None
        directory.bury(record, "dead")
        directory.forget(actor_id)
    assert [directory.was_forgotten(i) for i in (1, 2, 3)] == [False, True, True]


def test_wishes_to_kill_actors_of_a_process_that_ended_without_telling_of_them_are_dropped() -> None:
    directory = Directory()
    directory.kill_early(1, no_restart=True)
    directory.ask_early(1, 5)
    assert directory.never_told(0) == {1: [5]}
    assert directory.killed_early(1) == []

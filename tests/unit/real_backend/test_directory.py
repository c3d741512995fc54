"""Actors and their names, as the supervisor keeps them."""

from __future__ import annotations

from real_backend.directory import Directory, describe_death
from real_backend.messages import StartActor


def start(
    actor_id: int, name: str | None = None, namespace: str | None = None, *, detached: bool = False
) -> StartActor:
    return StartActor(actor_id, "Log", (), name, namespace, False, detached, b"")


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


def test_detached_and_dead_actors_do_not_end_with_their_owner() -> None:
    directory = Directory()
    records = [directory.add(start(i, detached=i == 2), 7) for i in (1, 2, 3)]
    assert records[2] is not None
    directory.bury(records[2], "dead")
    assert directory.owned_by(7) == [records[0]]
    assert directory.owned_by(8) == []


def test_a_death_is_told_in_rays_words_first() -> None:
    record = Directory().add(start(1, "x"), 0)
    assert record is not None
    text = describe_death(record, 42, "of old age.")
    assert text.startswith("The actor died unexpectedly before finishing this task.")
    assert "class_name: Log" in text
    assert "pid: 42" in text
    assert text.endswith("because of old age.")

"""The objects of one process."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import pytest

from real_backend.messages import owner_of
from real_backend.objects import ObjectEntry, ObjectTable
from simactors.core.outcome import Outcome, Value
from simactors.exceptions import ObjectLostError


class Nowhere:
    """Nobody waits here."""

    def when_done(self, entry: ObjectEntry, action: Callable[[Outcome], None]) -> None:
        raise NotImplementedError

    def wait_done(self, entry: ObjectEntry, timeout_s: float | None) -> bool:
        raise NotImplementedError


def table_of(process: int, noted: Callable[[], None] = lambda: None) -> ObjectTable:
    table = ObjectTable(process, noted, lambda: None)
    table.home = Nowhere()
    return table


def test_ids_tell_their_owner_and_never_repeat() -> None:
    one, other = table_of(0), table_of(3)
    ids = [one.mint(), one.mint(2), one.mint(), other.mint()]
    assert ids[:3] == [1, 2, 4]
    assert [owner_of(i) for i in ids] == [0, 0, 0, 3]


def test_an_object_is_kept_only_if_a_ref_has_left() -> None:
    table = table_of(0)
    stays, left = table.new(), table.new()
    table.keep(left)
    assert table.own(left.id) is left
    assert table.own(stays.id) is None
    assert table.kept() == 1
    assert table.find(left.id, None) is left
    assert table.release(left.id)
    assert not table.release(stays.id)
    assert table.kept() == 0


def test_an_object_of_ours_that_nobody_has_counted_is_lost_and_not_waited_for() -> None:
    table = table_of(0)
    outcome = table.find(table.mint(), None).outcome
    assert outcome is not None
    with pytest.raises(ObjectLostError):
        outcome.unwrap()


def test_a_borrowed_object_is_one_entry_as_long_as_it_is_held() -> None:
    notes: list[str] = []
    table = table_of(0, lambda: notes.append("dropped"))
    foreign = table_of(1).mint()
    entry = table.find(foreign, None)
    assert table.find(foreign, None) is entry
    watcher = weakref.ref(entry)
    assert table.take_dropped() == []
    del entry
    gc.collect()
    assert watcher() is None
    assert notes == ["dropped"]
    assert table.borrowed() == 1
    assert table.take_dropped() == [foreign]
    assert table.borrowed() == 0


def test_a_borrowed_object_that_came_back_at_once_was_not_dropped() -> None:
    table = table_of(0)
    foreign = table_of(1).mint()
    table.find(foreign, None)
    again = table.find(foreign, None)
    assert table.take_dropped() == []
    del again
    assert table.take_dropped() == [foreign]


def test_the_first_outcome_counts_and_waiters_hear_of_it_once() -> None:
    table, heard = table_of(0), []
    entry = table.new()
    entry.watch(heard.append)
    table.seal(entry, Value(1))
    table.seal(entry, Value(2))
    assert table.next_sealed() is entry
    assert table.next_sealed() is None
    assert entry.outcome is not None
    assert entry.outcome.unwrap() == 1


def test_an_object_knows_the_call_that_it_comes_from() -> None:
    table = table_of(0)
    assert table.new(7).origin == (7, None, 1)
    assert table.new(7, 5).origin == (7, 5, 1)
    assert table.new(8, (7, 5, 2)).origin == (7, 5, 2)

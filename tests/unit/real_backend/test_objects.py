"""The objects of one process."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

from real_backend.messages import owner_of
from real_backend.objects import ObjectEntry, ObjectTable
from simactors.core.outcome import Outcome, Value


class Nowhere:
    """Nobody waits here."""

    def when_done(self, entry: ObjectEntry, action: Callable[[Outcome], None]) -> None:
        raise NotImplementedError

    def wait_done(self, entry: ObjectEntry, timeout_s: float | None) -> bool:
        raise NotImplementedError


def table_of(process: int) -> ObjectTable:
    table = ObjectTable(process)
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


def test_a_borrowed_object_is_one_entry_as_long_as_it_is_held() -> None:
    table = table_of(0)
    foreign = table_of(1).mint()
    entry = table.find(foreign, None)
    assert table.find(foreign, None) is entry
    watcher = weakref.ref(entry)
    del entry
    gc.collect()
    assert watcher() is None


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

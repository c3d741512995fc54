"""The objects of one process."""

from __future__ import annotations

import gc
import weakref

from real_backend.messages import owner_of
from real_backend.objects import ObjectEntry, ObjectTable
from simactors.core.outcome import Value


def test_ids_tell_their_owner_and_never_repeat() -> None:
    one, other = ObjectTable(0), ObjectTable(3)
    ids = [one.mint(), one.mint(2), one.mint(), other.mint()]
    assert ids[:3] == [1, 2, 4]
    assert [owner_of(i) for i in ids] == [0, 0, 0, 3]


def test_an_object_is_kept_only_if_a_ref_has_left() -> None:
    table = ObjectTable(0)
    stays, left = ObjectEntry(table.mint()), ObjectEntry(table.mint())
    table.keep(left)
    assert table.own(left.id) is left
    assert table.own(stays.id) is None
    assert table.kept() == 1


def test_a_borrowed_object_is_one_entry_as_long_as_it_is_held() -> None:
    table = ObjectTable(0)
    foreign = ObjectTable(1).mint()
    entry = table.find(foreign)
    assert table.find(foreign) is entry
    watcher = weakref.ref(entry)
    del entry
    gc.collect()
    assert watcher() is None


def test_the_first_outcome_counts_and_waiters_hear_of_it_once() -> None:
    table = ObjectTable(0)
    entry, heard = ObjectEntry(table.mint()), []
    entry.watch(heard.append)
    table.seal(entry, Value(1))
    table.seal(entry, Value(2))
    assert table.next_sealed() is entry
    assert table.next_sealed() is None
    assert entry.outcome is not None
    assert entry.outcome.unwrap() == 1

"""Sightings: counted by place, added up over runs, noted where they are collected."""

from __future__ import annotations

import pickle

from simactors.core import sightings
from simactors.core.sightings import Property, Sighting, Sightings, collecting

FULL = Property("app.py", 12, "sometimes", "the queue is full")
EMPTY = Property("app.py", 7, "sometimes", "the queue is empty")


def test_each_property_is_counted_by_its_place_and_its_name():
    seen = Sightings()
    seen.note(FULL, held=False)
    seen.note(FULL, held=True)
    seen.note(EMPTY, held=False)
    assert list(seen) == [Sighting(EMPTY, 1, 0), Sighting(FULL, 2, 1)]
    assert len(seen) == 2


def test_the_sightings_of_many_runs_are_added_up_also_from_other_processes():
    total = Sightings()
    for held in (False, False, True):
        run = Sightings()
        run.note(FULL, held=held)
        total.add(pickle.loads(pickle.dumps(list(run))))
    assert list(total) == [Sighting(FULL, 3, 1)]


def test_the_innermost_block_collects_and_the_process_outside_of_all():
    process = sightings.current()
    with collecting(Sightings()) as outer:
        assert sightings.current() is outer
        with collecting(Sightings()) as inner:
            assert sightings.current() is inner
        assert sightings.current() is outer
    assert sightings.current() is process


def test_a_sighting_says_whether_it_was_reached_and_whether_it_was_true():
    assert [str(one) for one in (Sighting(FULL), Sighting(FULL, 1), Sighting(FULL, 5, 2))] == [
        "sometimes 'the queue is full' (app.py:12): never reached",
        "sometimes 'the queue is full' (app.py:12): met once, never true",
        "sometimes 'the queue is full' (app.py:12): met 5 times, held 2",
    ]

"""Amounts of resources."""

from __future__ import annotations

from real_backend.client.demands import quantities
from real_backend.placement import Placement


def test_fractions_add_up_exactly() -> None:
    placement = Placement(quantities({"CPU": 1}))
    tenth = quantities({"CPU": 0.1})
    for _ in range(10):
        assert placement.fits(tenth)
        placement.take(tenth)
    assert not placement.fits(tenth)
    placement.give(tenth)
    assert placement.fits(tenth)


def test_an_unknown_resource_never_fits_and_nothing_always_does() -> None:
    placement = Placement(quantities({"CPU": 1}))
    assert not placement.fits(quantities({"magnet": 1}))
    assert placement.fits(quantities({"CPU": 0, "magnet": 0}))


def test_a_task_that_runs_on_may_take_more_than_there_is() -> None:
    placement = Placement(quantities({"CPU": 1}))
    one = quantities({"CPU": 1})
    placement.take(one)
    placement.take(one)
    placement.give(one)
    assert not placement.fits(one)
    placement.give(one)
    assert placement.fits(one)

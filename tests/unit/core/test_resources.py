"""Pools of resources: integers, so that ten tenths are one; GPUs with numbers; what is lent and resized."""

from __future__ import annotations

import pytest

from simactors.core.resources import GRAIN, Pool, added, amounts_of, quantities_of


def test_quantities_are_exact() -> None:
    pool = Pool(amounts_of({"CPU": 1}))
    tenth = amounts_of({"CPU": 0.1})
    for _ in range(10):
        assert pool.fits(tenth)
        pool.take(tenth)
    assert pool.free["CPU"] == 0
    assert not pool.fits(tenth)
    for _ in range(10):
        pool.give(tenth)
    assert pool.free == pool.total


def test_amounts_leave_out_what_is_nought_and_add_up() -> None:
    assert amounts_of({"b": 2, "a": 0.5, "c": 0}) == (("a", GRAIN // 2), ("b", 2 * GRAIN))
    assert quantities_of(added([amounts_of({"a": 1, "b": 1}), amounts_of({"a": 0.5})])) == {
        "a": 1.5,
        "b": 1.0,
    }


def test_what_a_node_has_not_never_fits() -> None:
    pool = Pool(amounts_of({"CPU": 1}))
    assert not pool.fits(amounts_of({"disk": 0.1}))
    assert not pool.could_hold(amounts_of({"CPU": 2}))
    assert pool.could_hold(amounts_of({"CPU": 1}))


def test_whole_gpus_have_numbers_and_fractions_share_one() -> None:
    pool = Pool(amounts_of({"GPU": 3}))
    two, half = amounts_of({"GPU": 2}), amounts_of({"GPU": 0.5})
    assert pool.take(half) == pool.take(half) == (0,)
    assert pool.take(two) == (1, 2)
    assert not pool.fits(half)
    pool.give(two, (1, 2))
    assert pool.take(half) == (1,)


def test_fractions_that_are_scattered_are_no_whole_gpu() -> None:
    pool = Pool(amounts_of({"GPU": 2}))
    most = amounts_of({"GPU": 0.7})
    assert [pool.take(most), pool.take(most)] == [(0,), (1,)]
    assert pool.free["GPU"] == pytest.approx(0.6 * GRAIN)
    assert not pool.fits(amounts_of({"GPU": 0.5}))  # no single one has so much left
    assert pool.fits(amounts_of({"GPU": 0.3}))


def test_a_bundle_keeps_the_numbers_of_its_gpus() -> None:
    bundle = Pool(amounts_of({"GPU": 2}), (4, 7))
    assert bundle.take(amounts_of({"GPU": 1})) == (4,)
    assert bundle.take(amounts_of({"GPU": 1})) == (7,)


def test_resizing_keeps_what_is_taken() -> None:
    pool = Pool(amounts_of({"CPU": 4, "GPU": 1}))
    pool.take(amounts_of({"CPU": 3, "GPU": 1}))
    pool.resize("CPU", 2)
    pool.resize("GPU", 2)
    assert quantities_of(pool.free.items()) == {"CPU": -1.0, "GPU": 1.0}
    assert pool.take(amounts_of({"GPU": 1})) == (1,)


def test_utilisation_is_that_of_the_scarcest_of_what_is_asked_for() -> None:
    pool = Pool(amounts_of({"CPU": 4, "disk": 2}))
    pool.take(amounts_of({"CPU": 1, "disk": 1}))
    assert pool.utilisation(amounts_of({"CPU": 1})) == 0.25
    assert pool.utilisation(amounts_of({"CPU": 1, "disk": 1})) == 0.5

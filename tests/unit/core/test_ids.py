"""Ids as programs see them."""

from __future__ import annotations

import pytest

from simactors.core import ids
from simactors.core.ids import Id, Kind

EXAMPLES = [
    ids.job_id(),
    ids.node_id(7),
    ids.worker_id(7),
    ids.driver_id(),
    ids.group_id(7),
    ids.actor_id(7),
    ids.task_id(7),
    ids.task_id(7, actor=3),
    ids.creation_id(3),
    ids.object_id(ids.task_id(7), 1),
]


def test_ids_have_the_lengths_that_ray_gives_them() -> None:
    assert [len(example.hex()) for example in EXAMPLES] == [8, 56, 56, 56, 36, 32, 48, 48, 48, 56]
    assert [len(example.binary()) * 2 for example in EXAMPLES] == [8, 56, 56, 56, 36, 32, 48, 48, 48, 56]


def test_an_id_comes_back_from_its_digits() -> None:
    for example in EXAMPLES:
        assert Id.from_hex(example.kind, example.hex()) == example
    with pytest.raises(ValueError, match="56 hexadecimal digits"):
        Id.from_hex(Kind.NODE, "01")


def test_an_id_knows_the_counter_it_was_made_from() -> None:
    for made in (
        ids.job_id(7),
        ids.node_id(7),
        ids.worker_id(7),
        ids.group_id(7),
        ids.actor_id(7),
        ids.task_id(7, 3),
    ):
        assert made.number == 7


def test_an_id_holds_that_of_what_it_belongs_to() -> None:
    assert ids.job_id().hex() == "01000000"
    assert ids.actor_id(3).hex() == "0" * 23 + "3" + "01000000"
    assert ids.task_id(7).hex() == "0" * 15 + "7" + "f" * 24 + "01000000"
    assert ids.task_id(7, actor=3).hex()[16:] == ids.actor_id(3).hex()
    assert ids.creation_id(3).hex() == "f" * 16 + ids.actor_id(3).hex()
    assert ids.object_id(ids.task_id(7), 2).hex() == ids.task_id(7).hex() + "02000000"
    assert str(ids.job_id()) == "JobID(01000000)"


def test_nothing_has_an_id_too() -> None:
    assert Id.nil(Kind.GROUP).is_nil()
    assert Id.nil(Kind.GROUP).hex() == "f" * 36
    assert not ids.group_id(1).is_nil()

"""Ids as programs see them."""

from __future__ import annotations

import pickle

import pytest

from simactors.core import ids
from simactors.core.ids import ActorID, JobID, NodeID, PlacementGroupID, TaskID, WorkerID

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
        assert type(example).from_hex(example.hex()) == example == type(example)(example.binary())
    with pytest.raises(ValueError, match="56 hexadecimal digits"):
        NodeID.from_hex("01")


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
    assert PlacementGroupID.nil().is_nil()
    assert PlacementGroupID.nil().hex() == "f" * 36
    assert not ids.group_id(1).is_nil()


def test_ids_are_told_apart_by_their_kind_and_travel() -> None:
    assert NodeID.nil() != WorkerID.nil()
    assert pickle.loads(pickle.dumps(ids.actor_id(3))) == ids.actor_id(3)
    assert len({ids.actor_id(3), ids.actor_id(3), ids.actor_id(4)}) == 2
    assert NodeID.from_random() != NodeID.from_random()
    assert NodeID.from_random().size() == 28


def test_an_id_leads_to_that_of_what_it_belongs_to() -> None:
    assert ids.object_id(ids.task_id(7, 3), 1).task_id() == ids.task_id(7, 3)
    assert ids.task_id(7, 3).actor_id() == ids.actor_id(3)
    assert ids.task_id(7, 3).job_id() == ids.actor_id(3).job_id == JobID.from_int(1)
    with pytest.raises(ValueError, match="TaskID is nil"):
        TaskID.nil().job_id()


def test_what_is_no_id_is_refused() -> None:
    with pytest.raises(TypeError, match="expected bytes"):
        NodeID("x")  # type: ignore[arg-type]  # that is the test
    with pytest.raises(ValueError, match="needs to have length 16, got 2"):
        ActorID(b"ab")
    with pytest.raises(OverflowError):
        JobID.from_int(-1)


def test_the_number_of_a_group_holds_its_job_and_is_the_plain_counter_in_the_first_one() -> None:
    assert ids.group_id(7).number == 7
    other = PlacementGroupID.from_hex("ab" * 14 + "02000000")
    assert other.number != PlacementGroupID.from_hex("ab" * 14 + "03000000").number
    for group in (other, ids.group_id(7), PlacementGroupID.nil(), PlacementGroupID(bytes(18))):
        assert ids.group_id(group.number) == group

"""Ids as programs see them."""

from __future__ import annotations

import pytest

from simactors.core.ids import Id, Kind


def test_ids_have_the_lengths_that_ray_gives_them() -> None:
    digits = {kind.value[0]: len(Id(kind, 1).hex()) for kind in Kind}
    assert digits == {
        "JobID": 8,
        "NodeID": 56,
        "WorkerID": 56,
        "TaskID": 48,
        "ActorID": 32,
        "ObjectRef": 56,
        "PlacementGroupID": 36,
    }


def test_an_id_comes_back_from_its_digits() -> None:
    for kind in Kind:
        assert Id.from_hex(kind, Id(kind, 77).hex()) == Id(kind, 77)
    with pytest.raises(ValueError, match="56 hexadecimal digits"):
        Id.from_hex(Kind.NODE, "01")


def test_the_first_job_reads_as_on_ray() -> None:
    assert Id(Kind.JOB, 1).hex() == "01000000"
    assert str(Id(Kind.JOB, 1)) == "JobID(01000000)"


def test_nothing_has_an_id_too() -> None:
    assert Id.nil(Kind.GROUP).is_nil()
    assert Id.nil(Kind.GROUP).hex() == "f" * 36
    assert not Id(Kind.GROUP, 1).is_nil()

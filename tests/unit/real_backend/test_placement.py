"""Resources of one machine."""

from __future__ import annotations

import pytest

from real_backend import placement as placements
from real_backend.control import Grant
from real_backend.placement import Placement, Refusal
from simactors.core import ids, requests
from simactors.core.options import ActorOptions, TaskOptions
from simactors.core.requests import Affinity, Bundle, Labels, Request
from simactors.core.resources import amounts_of

HERE = ids.node_id(1).hex()


def placement(**total: float) -> Placement:
    return Placement(total, {"ray.io/node-id": HERE, "zone": "a"})


def asks(**quantities: float) -> Request:
    amounts = amounts_of(quantities)
    return Request(amounts, amounts)


def granted(place: Placement, request: Request) -> Grant:
    found = place.grant(request)
    assert isinstance(found, Grant)
    return found


def test_fractions_add_up_exactly() -> None:
    place = placement(CPU=1)
    tenths = [granted(place, asks(CPU=0.1)) for _ in range(10)]
    assert place.grant(asks(CPU=0.1)) is None
    place.release(tenths[0])
    granted(place, asks(CPU=0.1))


def test_an_unknown_resource_never_fits_and_nothing_always_does() -> None:
    place = placement(CPU=0)
    assert place.grant(asks(magnet=1)) is None
    assert granted(place, asks(CPU=0, magnet=0)) == Grant()


def test_an_actor_gives_back_what_it_took_only_to_be_placed() -> None:
    place = placement(CPU=1)
    request = requests.of_actor(ActorOptions(), None)
    grant = place.keep(granted(place, request), request.to_keep)
    assert grant.amounts == ()
    assert place.available() == {"CPU": 1.0}


def test_a_task_that_waits_lends_its_cpus_and_nothing_else_and_takes_them_back() -> None:
    place = placement(CPU=1, GPU=1)
    request = requests.of_task(TaskOptions(num_gpus=1), None)
    grant = granted(place, request)
    place.lend(grant)
    assert place.available() == {"CPU": 1.0, "GPU": 0.0}
    other = granted(place, asks(CPU=1))
    place.take_back(grant)
    assert place.available()["CPU"] == 0.0
    place.release(other)
    assert place.grant(asks(CPU=1)) is None
    place.release(grant)
    assert place.available() == {"CPU": 1.0, "GPU": 1.0}


def test_gpus_have_numbers_and_parts_share_them() -> None:
    place = Placement({"GPU": 2}, {"ray.io/node-id": HERE}, gpus=(3, 5))
    assert granted(place, asks(GPU=0.5)).gpus == (3,)
    assert granted(place, asks(GPU=0.5)).gpus == (3,)
    assert granted(place, asks(GPU=1)).gpus == (5,)
    assert place.grant(asks(GPU=1)) is None


def test_affinity_to_this_node_to_another_and_to_what_it_can_never_hold() -> None:
    place = placement(CPU=2)
    assert isinstance(place.grant(asks(CPU=1)._replace(where=Affinity(HERE, False))), Grant)
    elsewhere = ids.node_id(7).hex()
    refused = place.grant(asks(CPU=1)._replace(where=Affinity(elsewhere, False)))
    assert isinstance(refused, Refusal)
    assert "does not exist" in refused.text
    assert isinstance(place.grant(asks(CPU=1)._replace(where=Affinity(elsewhere, True))), Grant)
    assert isinstance(place.grant(asks(CPU=3)._replace(where=Affinity(HERE, False))), Refusal)


@pytest.mark.parametrize(("value", "fits"), [("a", True), ("!a", False), ("in(b,a)", True), ("b", False)])
def test_label_selectors(value: str, fits: bool) -> None:
    request = asks(CPU=1)._replace(labels=requests.selector_of({"zone": value}))
    assert isinstance(placement(CPU=1).grant(request), Grant) is fits
    hard = asks(CPU=1)._replace(where=Labels(request.labels, ()))
    assert isinstance(placement(CPU=1).grant(hard), Grant) is fits


def test_a_group_reserves_all_of_its_bundles_or_none() -> None:
    place = placement(CPU=3)
    blocker = granted(place, asks(CPU=1))
    place.create_group(9, "", "PACK", [{"CPU": 1}, {"CPU": 2}], [], owner=0)
    place.place_groups()
    assert place.available() == {"CPU": 2.0}
    assert place.groups()[0].state == "PENDING"
    place.release(blocker)
    place.place_groups()
    assert place.available() == {"CPU": 0.0}
    inside = asks(CPU=2)._replace(where=Bundle(9, -1))
    grant = granted(place, inside)
    assert (grant.group, grant.bundle) == (9, 1)
    assert place.grant(inside) is None
    place.release(grant)
    assert place.grant(inside._replace(where=Bundle(9, 0))) is None


def test_parts_of_gpus_that_fit_in_sum_but_not_one_by_one_are_not_reserved() -> None:
    place = placement(GPU=2)
    place.create_group(9, "", "PACK", [{"GPU": 0.7}, {"GPU": 0.7}, {"GPU": 0.6}], [], owner=0)
    place.place_groups()
    assert place.groups()[0].state == "PENDING"
    assert place.available() == {"GPU": 2.0}
    assert granted(place, asks(GPU=2)).gpus == (0, 1)


def test_bundles_find_their_parts_of_gpus_whatever_their_order() -> None:
    place = Placement({"GPU": 2}, {"ray.io/node-id": HERE}, gpus=(3, 5))
    place.create_group(9, "", "PACK", [{"GPU": 0.3}, {"GPU": 0.3}, {"GPU": 0.7}, {"GPU": 0.7}], [], owner=0)
    place.place_groups()
    assert place.groups()[0].state == "CREATED"
    inside = [granted(place, asks(GPU=0.3)._replace(where=Bundle(9, number))).gpus for number in range(4)]
    assert sorted(inside) == [(3,), (3,), (5,), (5,)]
    place.remove_group(9)
    assert granted(place, asks(GPU=2)).gpus == (3, 5)


def test_a_bundle_without_gpus_has_none() -> None:
    place = placement(GPU=1, CPU=1)
    place.create_group(9, "", "PACK", [{"CPU": 1}], [], owner=0)
    place.place_groups()
    assert place.grant(asks(GPU=0.5)._replace(where=Bundle(9, 0))) is None


def test_what_is_left_of_a_removed_group() -> None:
    place = placement(CPU=1)
    place.create_group(9, "g", "PACK", [{"CPU": 1}], [], owner=4)
    place.place_groups()
    grant = granted(place, asks(CPU=1)._replace(where=Bundle(9, 0)))
    assert place.groups_owned_by(4) == [9]
    assert place.remove_group(9)
    assert not place.remove_group(9)
    assert place.available() == {"CPU": 1.0}
    place.lend(grant)
    place.take_back(grant)
    place.release(grant)
    assert place.available() == {"CPU": 1.0}
    assert place.grant(asks(CPU=1)._replace(where=Bundle(9, 0))) is None
    assert place.grant(asks()._replace(where=Bundle(9, -1))) == Refusal("PlacementGroupRemoved")
    assert (place.groups()[0].state, place.groups_owned_by(4)) == ("REMOVED", [])


def test_bundles_of_one_group_are_never_on_different_nodes_here() -> None:
    place = placement(CPU=2)
    place.create_group(1, "", "STRICT_SPREAD", [{"CPU": 1}, {"CPU": 1}], [], owner=0)
    place.create_group(2, "", "STRICT_SPREAD", [{"CPU": 1}], [], owner=0)
    place.create_group(3, "", "PACK", [{"CPU": 1}], [{"zone": "b"}], owner=0)
    place.place_groups()
    assert [group.state for group in place.groups()] == ["PENDING", "CREATED", "PENDING"]


def test_of_the_removed_groups_only_the_latest_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placements, "_REMOVED_REMEMBERED", 2)
    place = placement(CPU=4)
    for number in range(1, 5):
        place.create_group(number, "", "PACK", [{"CPU": 1}], [], owner=0)
    place.place_groups()
    grant = granted(place, asks(CPU=1)._replace(where=Bundle(1, 0)))
    for number in range(1, 4):
        place.remove_group(number)
    assert [(info.group_id, info.state) for info in place.groups()] == [
        (2, "REMOVED"),
        (3, "REMOVED"),
        (4, "CREATED"),
    ]
    place.lend(grant)
    place.take_back(grant)
    place.release(grant)  # to nobody: its group has given all back
    assert place.available() == {"CPU": 3.0}
    assert place.grant(asks()._replace(where=Bundle(1, -1))) == Refusal("PlacementGroupRemoved")


def test_a_group_that_was_removed_before_it_had_a_place_never_gets_one() -> None:
    place = placement(CPU=1)
    blocker = granted(place, asks(CPU=1))
    place.create_group(1, "", "PACK", [{"CPU": 1}], [], owner=0)
    place.place_groups()
    place.remove_group(1)
    place.release(blocker)
    place.place_groups()
    assert place.groups()[0].state == "REMOVED"
    assert place.available() == {"CPU": 1.0}

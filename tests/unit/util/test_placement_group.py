"""Placement groups as programs hold them: what is refused, what is asked of the backend, Ray's shapes."""

from __future__ import annotations

import math
from typing import Any

import pytest
from msgspec.structs import replace

import simactors
from simactors import exceptions
from simactors.core import codec, ids
from simactors.core.outcome import Value, failure
from simactors.core.strategies import PlacementGroupSchedulingStrategy
from simactors.util import (
    get_current_placement_group,
    get_placement_group,
    placement_group,
    placement_group_table,
    remove_placement_group,
)
from simactors.util.placement_group import PlacementGroup, check_placement_group_index


@simactors.remote
def task() -> None: ...


@simactors.remote
class Actor: ...


def settle(backend: Any, **changes: Any) -> None:
    backend.group_infos[-1] = replace(backend.group_infos[-1], **changes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bundles": []}, "Got empty list instead"),
        ({"bundles": {"CPU": 1}}, "Placement group bundles must be a list, got <class 'dict'>"),
        ({"bundles": [{"CPU": "1"}]}, "Bundles must be a non-empty list of resource dictionaries"),
        ({"bundles": [{}]}, "cannot be an empty dictionary or resources with only 0 values"),
        ({"bundles": [{"CPU": 0}]}, "cannot be an empty dictionary or resources with only 0 values"),
        ({"bundles": [{"CPU": math.inf}]}, "must be finite, and none negative"),
        ({"bundles": [{"CPU": math.nan}]}, "must be finite, and none negative"),
        ({"bundles": [{"CPU": 1}, {"GPU": -1}]}, "must be finite, and none negative"),
        ({"strategy": "TIGHT"}, "Invalid placement group strategy TIGHT"),
        ({"lifetime": "eternal"}, "must be either `None` or 'detached'. Got eternal."),
        ({"bundle_label_selector": []}, "should equal the length of `bundles`"),
        ({"bundle_label_selector": [{"zone": "in()"}]}, "Invalid label selector provided"),
        ({"_soft_target_node_id": "ab"}, "only works with STRICT_PACK"),
        ({"topology_strategy": {}}, "topology_strategy is not supported yet"),
    ],
)
def test_wrong_arguments_are_refused_in_rays_words(
    backend: Any, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        placement_group(**{"bundles": [{"CPU": 1}], **arguments})
    assert not backend.asked


def test_a_group_is_asked_for_and_shown_in_rays_shape(backend: Any) -> None:
    group = placement_group(
        [{"CPU": 1}, {"CPU": 2}],
        "SPREAD",
        name="g",
        lifetime="detached",
        bundle_label_selector=[{}, {"a": "b"}],
    )
    assert backend.asked == [("create_group", "SPREAD", "g", True, ({}, {"a": "b"}))]
    assert group.id.hex() == ids.group_id(1).hex()
    assert group.bundle_specs == [{"CPU": 1.0}, {"CPU": 2.0}]
    assert group.bundle_count == 2
    settle(backend, state="CREATED", nodes=[1, None])
    row = placement_group_table(group)
    assert row["placement_group_id"] == group.id.hex()
    assert row["bundles"] == {0: {"CPU": 1.0}, 1: {"CPU": 2.0}}
    assert row["bundles_to_node_id"] == {0: ids.node_id(1).hex(), 1: ""}
    assert (row["name"], row["strategy"], row["state"]) == ("g", "SPREAD", "CREATED")
    assert placement_group_table() == {group.id.hex(): row}
    remove_placement_group(group)
    assert backend.asked[-1] == ("remove_group", 1)


def test_a_group_is_found_by_its_name_while_it_lives(backend: Any) -> None:
    group = placement_group([{"CPU": 1}], name="g")
    found = get_placement_group("g")
    assert found == group
    assert found.bundle_specs == group.bundle_specs
    with pytest.raises(exceptions.RaySystemError, match="name 'g' already exists"):
        placement_group([{"CPU": 1}], name="g")
    settle(backend, state="REMOVED")
    with pytest.raises(ValueError, match="Failed to look up placement group with name: g"):
        get_placement_group("g")
    with pytest.raises(ValueError, match="non-empty value to get_placement_group"):
        get_placement_group("")


def test_ready_is_a_task_without_cpus_inside_the_group(backend: Any) -> None:
    group = placement_group([{"GPU": 1}])
    ref = group.ready()
    call = backend.calls[-1]
    assert call.options.num_cpus == 0
    assert call.options.scheduling_strategy == PlacementGroupSchedulingStrategy(group)
    assert group.wait(0.9) is False
    ref.entry.settle(Value(codec.pack(group)))  # type: ignore[attr-defined]  # a fake
    assert simactors.get(ref) == group
    asked = len(backend.calls)
    settle(backend, state="CREATED")
    assert group.wait(0) is True
    assert len(backend.calls) == asked


def test_waiting_for_a_removed_group_is_an_error(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    group = placement_group([{"CPU": 1}])
    monkeypatch.setattr(
        backend, "submit_task", lambda _: [backend.failed(exceptions.TaskPlacementGroupRemoved())]
    )
    with pytest.raises(Exception, match="does not exist"):
        group.wait()
    settle(backend, state="REMOVED")
    with pytest.raises(Exception, match="does not exist"):
        group.wait()


def test_no_group_is_ready_at_once(backend: Any) -> None:
    empty = PlacementGroup.empty()
    assert empty.is_empty
    assert empty.wait(0)
    assert simactors.get(empty.ready()) is empty
    check_placement_group_index(empty, -1)
    with pytest.raises(ValueError, match="must be -1"):
        check_placement_group_index(empty, 0)


def test_the_group_of_the_running_code(backend: Any) -> None:
    assert get_current_placement_group() is None
    group = placement_group([{"CPU": 1}])
    backend.info = replace(backend.info, placement_group_id=1)
    assert get_current_placement_group() == group


def test_a_call_goes_into_a_group_or_explicitly_into_none(backend: Any) -> None:
    group = placement_group([{"CPU": 1}])
    task.options(placement_group=group, placement_group_capture_child_tasks=True).remote()
    strategy = backend.calls[-1].options.scheduling_strategy
    assert strategy == PlacementGroupSchedulingStrategy(group, -1, True)
    for none in (None, PlacementGroup.empty()):
        task.options(scheduling_strategy=PlacementGroupSchedulingStrategy(none)).remote()
        assert backend.calls[-1].options.scheduling_strategy == "DEFAULT"
    Actor.options(scheduling_strategy=PlacementGroupSchedulingStrategy(group, 0)).remote()
    with pytest.raises(ValueError, match="bundle index 1 is invalid"):
        Actor.options(scheduling_strategy=PlacementGroupSchedulingStrategy(group, 1)).remote()
    with pytest.raises(
        ValueError, match="Cannot schedule task with the placement group because the resource"
    ):
        task.options(num_cpus=2, placement_group=group).remote()
    with pytest.raises(AssertionError, match="placement_group must be a PlacementGroup or None"):
        task.options(scheduling_strategy=PlacementGroupSchedulingStrategy("g")).remote()  # type: ignore[arg-type]


def test_a_handle_travels(backend: Any) -> None:
    group = placement_group([{"CPU": 1}])
    copy = codec.unpack(codec.pack(group))
    assert copy == group
    assert hash(copy) == hash(group)
    assert copy.bundle_specs == [{"CPU": 1.0}]
    backend.group_infos.append(backend.group_infos[0])
    assert failure(exceptions.TaskPlacementGroupRemoved()).packed is not None

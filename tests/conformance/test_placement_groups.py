"""Placement groups on one node: reserved resources, who may use them, and their end."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

import simactors


def make(bundles: list[dict[str, float]], **options: Any) -> Any:
    from simactors.util.placement_group import placement_group

    return placement_group(bundles, **options)


def remove(group: Any) -> None:
    from simactors.util.placement_group import remove_placement_group

    remove_placement_group(group)


def table(group: Any) -> Any:
    from simactors.util.placement_group import placement_group_table

    return placement_group_table(group)


def within(group: Any, index: int = -1, capture: bool = False) -> Any:
    from simactors.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    return PlacementGroupSchedulingStrategy(
        group, placement_group_bundle_index=index, placement_group_capture_child_tasks=capture
    )


def until(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("never so")


def free_cpus() -> float:
    free: float = simactors.available_resources().get("CPU", 0.0)
    return free


@simactors.remote
def group_id() -> Any:
    return simactors.get_runtime_context().get_placement_group_id()


@simactors.remote
def occupy() -> tuple[float, float]:
    start = time.monotonic()
    time.sleep(0.1)
    return start, time.monotonic()


@simactors.remote
class Member:
    def group_id(self) -> Any:
        return simactors.get_runtime_context().get_placement_group_id()

    def captures(self) -> bool:
        return simactors.get_runtime_context().should_capture_child_tasks_in_placement_group

    def group_id_of_a_task(self) -> Any:
        return simactors.get(group_id.options(num_cpus=1).remote())

    def group_id_of_a_free_task(self) -> Any:
        return simactors.get(group_id.options(num_cpus=1, scheduling_strategy="DEFAULT").remote())

    def current(self) -> Any:
        from simactors.util.placement_group import get_current_placement_group

        group = get_current_placement_group()
        return group and group.id.hex()


@simactors.remote
def describe(group: Any) -> Any:
    return group.id.hex(), group.bundle_specs


def test_a_group_reserves_its_bundles_and_gives_them_back(ray: ModuleType) -> None:
    group = make([{"CPU": 1}, {"CPU": 2}])
    assert group.wait(5) is True
    until(lambda: free_cpus() == 1.0)
    assert ray.cluster_resources()["CPU"] == 4.0
    assert group.bundle_specs == [{"CPU": 1.0}, {"CPU": 2.0}]
    assert group.bundle_count == 2
    assert len(group.id.hex()) == 36
    remove(group)
    until(lambda: free_cpus() == 4.0)


def test_ready_is_a_ref_to_the_group_itself(ray: ModuleType) -> None:
    group = make([{"CPU": 1}])
    ready = group.ready()
    assert isinstance(ready, ray.ObjectRef)
    assert ray.get(ready) == group
    assert ray.get(group.ready()).id == group.id
    remove(group)


def test_the_table_tells_where_the_bundles_are(ray: ModuleType) -> None:
    group = make([{"CPU": 1}, {"CPU": 1}], strategy="STRICT_PACK", name="in the table")
    assert group.wait(5)
    row = table(group)
    here = ray.get_runtime_context().get_node_id()
    assert row["placement_group_id"] == group.id.hex()
    assert row["name"] == "in the table"
    assert row["bundles"] == {0: {"CPU": 1.0}, 1: {"CPU": 1.0}}
    assert row["bundles_to_node_id"] == {0: here, 1: here}
    assert row["strategy"] == "STRICT_PACK"
    assert row["state"] == "CREATED"
    assert table(None)[group.id.hex()]["state"] == "CREATED"
    remove(group)
    assert table(group)["state"] == "REMOVED"


def test_tasks_and_actors_run_inside_a_group(ray: ModuleType) -> None:
    group = make([{"CPU": 1}, {"CPU": 1}])
    refs = [group_id.options(scheduling_strategy=within(group, index)).remote() for index in (0, 1, -1)]
    assert ray.get(refs) == [group.id.hex()] * 3
    member = Member.options(num_cpus=1, scheduling_strategy=within(group)).remote()  # and keeps its CPU
    assert ray.get([member.group_id.remote(), member.current.remote()]) == [group.id.hex()] * 2
    assert ray.get(group_id.remote()) is None
    assert ray.get(group_id.options(scheduling_strategy=within(None)).remote()) is None
    remove(group)


def test_a_bundle_holds_no_more_than_it_has(ray: ModuleType) -> None:
    group = make([{"CPU": 1}, {"CPU": 2}])
    task = occupy.options(scheduling_strategy=within(group, 0))
    first, second, third = sorted(ray.get([task.remote() for _ in range(3)]))
    assert first[1] <= second[0]
    assert second[1] <= third[0]
    remove(group)


def test_children_stay_outside_unless_they_are_captured(ray: ModuleType) -> None:
    group = make([{"CPU": 1}, {"CPU": 1}])
    outside = Member.options(num_cpus=1, scheduling_strategy=within(group, 0)).remote()
    assert ray.get(outside.captures.remote()) is False
    assert ray.get(outside.group_id_of_a_task.remote()) is None
    inside = Member.options(num_cpus=1, scheduling_strategy=within(group, 1, capture=True)).remote()
    assert ray.get(inside.captures.remote()) is True
    ray.kill(outside)
    assert ray.get(inside.group_id_of_a_task.remote()) == group.id.hex()
    assert ray.get(inside.group_id_of_a_free_task.remote()) is None
    remove(group)


def test_what_cannot_fit_into_a_bundle_is_refused_at_once(ray: ModuleType) -> None:
    group = make([{"CPU": 1}, {"CPU": 1}])
    for index in (2, -2):
        with pytest.raises(ValueError, match=f"placement group bundle index {index} is invalid"):
            group_id.options(scheduling_strategy=within(group, index)).remote()
    with pytest.raises(
        ValueError, match="Cannot schedule group_id with the placement group because the resource"
    ):
        group_id.options(num_cpus=2, scheduling_strategy=within(group)).remote()
    with pytest.raises(
        ValueError, match="Cannot schedule Member with the placement group because the resource"
    ):
        Member.options(num_cpus=2, scheduling_strategy=within(group)).remote()
    with pytest.raises(ValueError, match="cannot fit into any bundles"):
        group_id.options(resources={"spoon": 1}, scheduling_strategy=within(group)).remote()
    remove(group)


def test_a_group_waits_for_its_resources(ray: ModuleType) -> None:
    holder = Member.options(num_cpus=2).remote()
    ray.get(holder.group_id.remote())
    group = make([{"CPU": 1}, {"CPU": 2}])
    ready = group.ready()
    assert group.wait(0.1) is False
    assert table(group)["state"] == "PENDING"
    task = group_id.options(scheduling_strategy=within(group)).remote()
    assert ray.wait([ready, task], timeout=0.1)[0] == []
    ray.kill(holder)
    assert ray.get(task) == group.id.hex()
    assert ray.get(ready) == group
    assert group.wait(1) is True
    remove(group)


def test_an_impossible_group_waits_until_it_is_removed(ray: ModuleType) -> None:
    group = make([{"CPU": 1}, {"CPU": 1}], strategy="STRICT_SPREAD")  # there is only one node
    large = make([{"CPU": 5}])
    ready = group.ready()
    assert group.wait(0.1) is False
    assert large.wait(0.1) is False
    assert ray.wait([ready], timeout=0.1)[0] == []
    remove(group)
    remove(large)
    with pytest.raises(ray.exceptions.TaskPlacementGroupRemoved, match="has been removed"):
        ray.get(ready)


def test_a_removed_group_takes_its_actors_with_it(ray: ModuleType) -> None:
    group = make([{"CPU": 1}])
    member = Member.options(num_cpus=1, scheduling_strategy=within(group)).remote()
    assert ray.get(member.group_id.remote()) == group.id.hex()
    remove(group)
    remove(group)
    with pytest.raises(ray.exceptions.ActorDiedError, match="its placement group was removed"):
        ray.get(member.group_id.remote())
    with pytest.raises(Exception, match="does not exist"):
        group.wait(1)
    with pytest.raises(ray.exceptions.TaskPlacementGroupRemoved):
        ray.get(group.ready())


def test_groups_have_names(ray: ModuleType) -> None:
    from simactors.util import get_placement_group

    group = make([{"CPU": 1}], name="named")
    assert group.wait(5)
    assert get_placement_group("named") == group
    assert get_placement_group("named").bundle_specs == [{"CPU": 1.0}]
    with pytest.raises(ray.exceptions.RaySystemError, match="name 'named' already exists"):
        make([{"CPU": 1}], name="named")
    remove(group)
    for name in ("named", "nobody"):
        with pytest.raises(ValueError, match=f"Failed to look up placement group with name: {name}"):
            get_placement_group(name)
    with pytest.raises(ValueError, match="Please supply a non-empty value to get_placement_group"):
        get_placement_group("")


def test_a_group_lives_on_without_its_handle(ray: ModuleType) -> None:
    from simactors.util import get_placement_group

    group = make([{"CPU": 1}], name="kept")
    assert group.wait(5)
    del group
    time.sleep(0.2)
    found = get_placement_group("kept")
    assert ray.get(group_id.options(scheduling_strategy=within(found)).remote()) == found.id.hex()
    remove(found)


def test_a_group_can_be_sent(ray: ModuleType) -> None:
    group = make([{"CPU": 1}])
    assert ray.get(describe.remote(group)) == (group.id.hex(), [{"CPU": 1.0}])
    remove(group)


def test_bundles_are_lists_of_resources_above_zero(ray: ModuleType) -> None:
    with pytest.raises(ValueError, match="Bundles must be a non-empty list of resource dictionaries"):
        make([])
    for nothing in ({}, {"CPU": 0}):
        with pytest.raises(ValueError, match="cannot be an empty dictionary or resources with only 0 values"):
            make([nothing])
    with pytest.raises(ValueError, match="Placement group bundles must be a list, got <class 'dict'>"):
        make({"CPU": 1})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Invalid placement group strategy TIGHT"):
        make([{"CPU": 1}], strategy="TIGHT")
    with pytest.raises(
        ValueError, match=r"`lifetime` argument must be either `None` or 'detached'. Got eternal."
    ):
        make([{"CPU": 1}], lifetime="eternal")

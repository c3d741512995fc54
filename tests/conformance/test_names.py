"""Names, namespaces and actors that outlive who made them."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

import simactors


@simactors.remote
class Member:
    """Creates others and finds them."""

    def __init__(self, value: Any = None) -> None:
        self.value = value

    def get(self) -> Any:
        return self.value

    def create(self, name: str, lifetime: str | None, value: Any = None) -> Any:
        self.child = Member.options(name=name, lifetime=lifetime).remote(value)
        return self.child

    def keep(self, handles: list[Any]) -> None:
        self.kept = handles

    def ask_kept(self) -> Any:
        return simactors.get(self.kept[0].get.remote())

    def find(self, name: str, namespace: str | None = None) -> Any:
        return simactors.get(simactors.get_actor(name, namespace).get.remote())


@simactors.remote
def create_in_task(name: str, lifetime: str | None) -> Any:
    handle = Member.options(name=name, lifetime=lifetime).remote(name)
    return simactors.get(handle.get.remote())


def listed(all_namespaces: bool = False) -> list[Any]:
    from simactors.util import list_named_actors

    found: list[Any] = list_named_actors(all_namespaces=all_namespaces)
    return found


def until(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError(listed(all_namespaces=True))


def test_named_actors_are_listed_for_one_namespace_or_for_all(ray: ModuleType) -> None:
    here = ray.get_runtime_context().namespace
    assert listed() == []
    members = [
        Member.options(name="a").remote(),
        Member.options(name="b", namespace="there").remote(),
        Member.remote(),
    ]
    ray.get([member.get.remote() for member in members])
    assert listed() == ["a"]
    everywhere = sorted(listed(all_namespaces=True), key=lambda actor: str(actor["name"]))
    assert everywhere == [{"name": "a", "namespace": here}, {"name": "b", "namespace": "there"}]
    ray.kill(members[0])
    until(lambda: listed() == [])


def test_names_are_looked_up_in_the_drivers_namespace(ray: ModuleType) -> None:
    there = Member.options(name="there", namespace="there").remote(1)
    here = Member.options(name="here").remote(2)
    assert ray.get(there.find.remote("here")) == 2
    assert ray.get(here.find.remote("there", "there")) == 1
    with pytest.raises(ValueError, match="Failed to look up actor with name 'there'"):
        ray.get(there.find.remote("there"))


def test_an_empty_name_is_no_name(ray: ModuleType) -> None:
    with pytest.raises(ValueError, match="Actor name cannot be an empty string"):
        Member.options(name="").remote()
    with pytest.raises(ValueError, match='"" is not a valid namespace'):
        Member.options(name="n", namespace="").remote()
    with pytest.raises(TypeError, match="The type of keyword 'name' must be"):
        Member.options(name=5).remote()
    with pytest.raises(ValueError, match="Please supply a non-empty value to get_actor"):
        ray.get_actor("")


def test_a_lifetime_is_one_of_two_words(ray: ModuleType) -> None:
    with pytest.raises(
        ValueError, match="`lifetime` argument must be one of 'detached', 'non_detached' and 'None'"
    ):
        Member.options(lifetime="eternal").remote()
    assert ray.get(Member.options(lifetime="non_detached").remote(3).get.remote()) == 3


def test_a_detached_actor_outlives_its_handles_and_its_creator(ray: ModuleType) -> None:
    creator = Member.remote()
    child = ray.get(creator.create.remote("detached", "detached", 5))
    assert ray.get(child.get.remote()) == 5
    del child
    ray.kill(creator)
    time.sleep(0.3)
    assert ray.get(ray.get_actor("detached").get.remote()) == 5
    ray.kill(ray.get_actor("detached"))
    until(lambda: listed() == [])
    with pytest.raises(ValueError, match="Failed to look up"):
        ray.get_actor("detached")


def test_a_task_leaves_only_detached_actors_behind(ray: ModuleType) -> None:
    assert ray.get(create_in_task.remote("mortal", None)) == "mortal"
    assert ray.get(create_in_task.remote("lasting", "detached")) == "lasting"
    until(lambda: listed() == ["lasting"])
    ray.kill(ray.get_actor("lasting"))
    until(lambda: listed() == [])


def test_a_handle_kept_by_another_actor_keeps_an_actor_alive(ray: ModuleType) -> None:
    keeper, kept = Member.remote(), Member.options(name="kept").remote(7)
    ray.get(keeper.keep.remote([kept]))
    del kept
    time.sleep(0.2)
    assert ray.get(keeper.ask_kept.remote()) == 7
    ray.get(keeper.keep.remote([]))
    until(lambda: listed() == [])


def test_only_handles_can_be_killed(ray: ModuleType) -> None:
    for thing in ("name", ray.put(1)):
        with pytest.raises(ValueError, match=r"ray.kill\(\) only supported for actors"):
            ray.kill(thing)


def test_the_name_of_a_killed_actor_is_free_at_once(ray: ModuleType) -> None:
    first = Named.options(name="phoenix").remote()
    assert ray.get(first.ask.remote()) == "alive"
    ray.kill(first)
    with pytest.raises(ValueError, match="Failed to look up actor with name 'phoenix'"):
        ray.get_actor("phoenix")
    second = Named.options(name="phoenix").remote()
    assert ray.get(second.ask.remote()) == "alive"
    assert ray.get(ray.get_actor("phoenix").ask.remote()) == "alive"
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(first.ask.remote())


@simactors.remote
class Named:
    """Can be asked."""

    def ask(self) -> str:
        return "alive"

"""Actors: creation, names, handles, calls between them, and their end."""

from __future__ import annotations

import copy
import os
import time
from types import ModuleType
from typing import Any

import pytest

import simactors


@simactors.remote
class Counter:
    """Counts."""

    def __init__(self, start: int = 0) -> None:
        self.value = start

    def add(self, n: int = 1) -> int:
        self.value += n
        return self.value

    def add_to(self, other: Any, n: int) -> Any:
        return simactors.get(other.add.remote(n))

    def make(self, start: int) -> Any:
        self.child = Counter.remote(start)
        return self.child

    def find(self, name: str) -> Any:
        return simactors.get(simactors.get_actor(name).add.remote(0))

    def leave(self) -> None:
        simactors.exit_actor()

    def stop(self) -> None:
        raise SystemExit

    def fail(self) -> None:
        raise KeyError("k")

    def die(self, code: int) -> None:
        os._exit(code)

    def pid(self) -> int:
        return os.getpid()


@simactors.remote
class Broken:
    """Can't be made."""

    def __init__(self) -> None:
        raise ValueError("in the constructor")

    def method(self) -> int:
        return 1


@simactors.remote
class Keeper:
    """Keeps handles of others."""

    def keep(self, handles: list[Any]) -> None:
        self.handles = handles

    def ask(self) -> Any:
        return simactors.get(self.handles[0].add.remote())


@simactors.remote
def use(handle: Any, n: int) -> Any:
    return simactors.get(handle.add.remote(n))


def wait_until_nameless(ray: ModuleType, name: str) -> None:
    """A name is free again some time after its actor was killed."""
    for _ in range(100):
        try:
            ray.get_actor(name)
        except ValueError:
            return
        ray.get(use.remote(Counter.remote(), 1))  # lets some time pass on every backend
    raise AssertionError(f"{name} was never freed")


def call_for_ever(ray: ModuleType, counter: Any) -> None:
    for _ in range(10_000):
        ray.get(counter.add.remote())


def test_each_actor_has_its_own_state(ray: ModuleType) -> None:
    one, ten = Counter.remote(1), Counter.remote(10)
    assert ray.get([one.add.remote(), ten.add.remote(), one.add.remote()]) == [2, 11, 3]


def test_a_temporary_handle_can_be_called(ray: ModuleType) -> None:
    assert ray.get(Counter.remote(1).add.remote()) == 2


def test_constructor_arguments_may_be_refs(ray: ModuleType) -> None:
    assert ray.get(Counter.remote(ray.put(41)).add.remote()) == 42
    assert ray.get(Counter.remote(start=Counter.remote(1).add.remote()).add.remote()) == 3


def test_handles_travel_to_tasks_and_actors(ray: ModuleType) -> None:
    counter = Counter.remote()
    assert ray.get(use.remote(counter, 5)) == 5
    assert ray.get(Counter.remote().add_to.remote(counter, 5)) == 10
    assert ray.get(ray.put({"handle": counter}))["handle"] == counter


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copies_of_handles_and_methods_lead_to_the_same_actor(ray: ModuleType, copied: Any) -> None:
    counter = Counter.remote()
    config = copied({"handle": counter, "method": counter.add.options(num_returns=1)})
    handle, method = copied(counter), copied(counter.add)
    assert handle == config["handle"] == counter
    assert hash(handle) == hash(counter)
    del counter
    added = handle.add.remote(), method.remote(), config["handle"].add.remote(), config["method"].remote()
    assert ray.get(list(added)) == [1, 2, 3, 4]


def test_actors_create_actors_and_hand_them_on(ray: ModuleType) -> None:
    parent = Counter.remote()
    child = ray.get(parent.make.remote(100))
    assert ray.get(child.add.remote()) == 101


def test_an_actor_may_call_another_while_it_is_called(ray: ModuleType) -> None:
    a, b = Counter.remote(), Counter.remote()
    refs = [a.add_to.remote(b, 1) for _ in range(5)] + [b.add.remote(1) for _ in range(5)]
    assert len(ray.get(refs)) == 10
    assert ray.get(b.add.remote(0)) == 10


def test_a_named_actor_is_found_from_everywhere(ray: ModuleType) -> None:
    counter = Counter.options(name="the counter").remote(7)
    assert ray.get_actor("the counter") == counter
    assert ray.get(Counter.remote().find.remote("the counter")) == 7


def test_a_missing_name_is_a_value_error(ray: ModuleType) -> None:
    with pytest.raises(ValueError, match="Failed to look up actor with name 'nobody'"):
        ray.get_actor("nobody")


def test_a_taken_name_is_refused_unless_the_living_one_is_wanted(ray: ModuleType) -> None:
    counter = Counter.options(name="taken").remote()
    with pytest.raises(ray.exceptions.ActorAlreadyExistsError, match="taken") as raised:
        Counter.options(name="taken").remote()
    assert isinstance(raised.value, ValueError)
    same = Counter.options(name="taken", get_if_exists=True).remote()
    assert same == counter
    new = Counter.options(name="new", get_if_exists=True).remote(3)
    assert ray.get(new.add.remote()) == 4


def test_namespaces_separate_names(ray: ModuleType) -> None:
    Counter.options(name="n", namespace="one").remote(1)
    two = Counter.options(name="n", namespace="two").remote(2)
    assert ray.get_actor("n", namespace="two") == two
    with pytest.raises(ValueError, match="Failed to look up"):
        ray.get_actor("n")


def test_kill_fails_running_queued_and_later_calls_and_frees_the_name(ray: ModuleType) -> None:
    counter = Counter.options(name="victim").remote()
    assert ray.get(counter.add.remote()) == 1
    ray.kill(counter)
    ray.kill(counter)
    for _ in range(2):
        with pytest.raises(ray.exceptions.ActorDiedError, match="The actor died unexpectedly"):
            ray.get(counter.add.remote())
    wait_until_nameless(ray, "victim")
    assert ray.get(Counter.options(name="victim").remote(5).add.remote()) == 6


@pytest.mark.parametrize("method", ["leave", "stop"])
def test_an_actor_that_exits_answers_nothing_more(ray: ModuleType, method: str) -> None:
    counter = Counter.remote()
    before = counter.add.remote()
    last = getattr(counter, method).remote()
    assert ray.get(before) == 1
    for ref in (last, counter.add.remote()):
        with pytest.raises(ray.exceptions.ActorDiedError):
            ray.get(ref)


def test_a_constructor_that_raises_makes_a_dead_actor(ray: ModuleType) -> None:
    broken = Broken.remote()
    with pytest.raises(ray.exceptions.ActorDiedError, match="in the constructor") as raised:
        ray.get(broken.method.remote())
    assert not isinstance(raised.value, ValueError)


def test_a_method_that_raises_leaves_the_actor_alive(ray: ModuleType) -> None:
    counter = Counter.remote()
    with pytest.raises(KeyError):
        ray.get(counter.fail.remote())
    assert ray.get(counter.add.remote()) == 1


def test_an_actor_ends_with_its_last_handle_after_its_pending_calls(ray: ModuleType) -> None:
    counter = Counter.options(name="mortal").remote()
    refs = [counter.add.remote() for _ in range(5)]
    del counter
    assert ray.get(refs) == [1, 2, 3, 4, 5]
    wait_until_nameless(ray, "mortal")


def test_a_handle_by_name_does_not_keep_an_actor_alive(ray: ModuleType) -> None:
    counter = Counter.options(name="n").remote()
    assert ray.get(counter.add.remote()) == 1
    found = ray.get_actor("n")
    assert ray.get(found.add.remote()) == 2
    del counter
    with pytest.raises(ray.exceptions.ActorDiedError):
        call_for_ever(ray, found)


def test_a_handle_inside_an_object_keeps_its_actor_alive_until_that_is_gone(ray: ModuleType) -> None:
    box = ray.put({"handle": Counter.options(name="boxed").remote(5)})
    for _ in range(20):
        assert ray.get(use.remote(Counter.remote(), 1)) == 1
    assert ray.get(ray.get(box)["handle"].add.remote()) == 6
    del box
    wait_until_nameless(ray, "boxed")


def test_a_handle_kept_by_another_actor_keeps_an_actor_alive(ray: ModuleType) -> None:
    keeper, kept = Keeper.remote(), Counter.options(name="kept").remote(5)
    ray.get(keeper.keep.remote([kept]))
    del kept
    for _ in range(20):
        ray.get(use.remote(Counter.remote(), 1))  # lets some time pass on every backend
    assert ray.get(keeper.ask.remote()) == 6
    ray.get(keeper.keep.remote([]))
    wait_until_nameless(ray, "kept")


def test_handles_print_the_class_and_list_the_methods(ray: ModuleType) -> None:
    counter = Counter.remote()
    assert repr(counter).startswith("Actor(Counter, ")
    assert {"add", "__ray_ready__"} <= set(dir(counter))
    assert isinstance(counter, ray.ActorHandle)


def test_a_process_that_exits_takes_running_queued_and_later_calls_with_it(ray: ModuleType) -> None:
    counter = Counter.remote()
    before = counter.add.remote()
    refs = [counter.die.remote(3), counter.add.remote()]
    assert ray.get(before) == 1
    for ref in [*refs, counter.add.remote()]:
        with pytest.raises(ray.exceptions.ActorDiedError):
            ray.get(ref)


@pytest.mark.not_yet(ray="Ray guesses at causes, and points at the worker's log")
def test_the_death_of_an_actor_names_the_exit_code(ray: ModuleType) -> None:
    with pytest.raises(ray.exceptions.ActorDiedError, match="code 3"):
        ray.get(Counter.remote().die.remote(3))


def test_every_actor_has_a_process_of_its_own(ray: ModuleType) -> None:
    counters = [Counter.remote() for _ in range(3)]
    pids = ray.get([counter.pid.remote() for counter in counters])
    assert len({*pids, os.getpid()}) == 4
    assert ray.get(counters[0].pid.remote()) == pids[0]


def test_a_task_may_create_an_actor_that_outlives_it(ray: ModuleType) -> None:
    @simactors.remote
    def make() -> Any:
        return Counter.remote(5)

    assert ray.get(ray.get(make.remote()).add.remote()) == 6


def test_the_children_of_a_dead_actor_die(ray: ModuleType) -> None:
    parent = Counter.remote()
    child = ray.get(parent.make.remote(1))
    assert ray.get(child.add.remote()) == 2
    parent.die.remote(1)
    with pytest.raises(ray.exceptions.ActorDiedError):
        call_for_ever(ray, child)


def test_temporary_handles_can_be_arguments(ray: ModuleType) -> None:
    refs = [use.remote(Counter.remote(n), 1) for n in range(30)]
    assert ray.get(refs) == list(range(1, 31))


def test_max_pending_calls_refuses_the_call_too_many_at_once(ray: ModuleType) -> None:
    counter = Counter.options(max_pending_calls=2).remote()
    other = Counter.remote()
    slow = [counter.add_to.remote(other, 1) for _ in range(2)]
    with pytest.raises(ray.exceptions.PendingCallsLimitExceeded, match="max_pending_calls"):
        counter.add.remote()
    assert ray.get(slow) == [1, 2]
    time.sleep(0.05)  # what has only just been answered may still be counted
    assert ray.get(counter.add.remote()) == 1
    time.sleep(0.05)
    counter.add.options(num_returns=0).remote()
    assert ray.get(counter.add.remote()) == 3


@simactors.remote
class Owner:
    """Puts objects that others may read."""

    def put(self) -> list[Any]:
        return [simactors.put([1, 2])]


def test_an_object_dies_with_its_owner(ray: ModuleType) -> None:
    owner = Owner.options(name="owner").remote()
    (ref,) = ray.get(owner.put.remote())
    assert ray.get(ref) == [1, 2]
    (other,) = ray.get(owner.put.remote())
    ray.kill(owner)
    wait_until_nameless(ray, "owner")
    for _ in range(5):
        ray.get(use.remote(Counter.remote(), 1))  # lets some time pass on every backend
    with pytest.raises(ray.exceptions.OwnerDiedError):
        ray.get(other)
    with pytest.raises(ray.exceptions.OwnerDiedError):
        ray.get(use.remote(other, 1))


def test_get_if_exists_needs_a_name_and_names_are_text(ray: ModuleType) -> None:
    with pytest.raises(ValueError, match="name must be specified to use `get_if_exists`"):
        Counter.options(get_if_exists=True).remote()
    with pytest.raises(TypeError, match="str, not int"):
        ray.get_actor(5)


@simactors.remote
def fail() -> int:
    raise ValueError("no start")


def test_an_actor_whose_constructor_argument_failed_is_dead_for_every_call(ray: ModuleType) -> None:
    counter = Counter.remote(fail.remote())
    refs = [counter.add.remote(), counter.add.remote(ray.put(1)), counter.add.remote(n=2)]
    for ref in refs:
        with pytest.raises(ray.exceptions.ActorDiedError, match="no start"):
            ray.get(ref)

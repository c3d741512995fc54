"""What code can ask about itself and about the cluster: `get_runtime_context`, `nodes`, resources, `timeline`."""

from __future__ import annotations

import os
import time
from types import ModuleType
from typing import Any

import pytest

import simactors

IDS = ("get_actor_id", "get_job_id", "get_node_id", "get_task_id", "get_worker_id", "get_placement_group_id")
LENGTHS = {"get_actor_id": 32, "get_job_id": 8, "get_node_id": 56, "get_task_id": 48, "get_worker_id": 56}


def ids() -> dict[str, Any]:
    context = simactors.get_runtime_context()
    return {name: getattr(context, name)() for name in IDS}


def names() -> dict[str, Any]:
    context = simactors.get_runtime_context()
    return {
        "actor": context.get_actor_name(),
        "task": context.get_task_name(),
        "function": context.get_task_function_name(),
        "namespace": context.namespace,
    }


@simactors.remote
def task_ids() -> dict[str, Any]:
    return ids()


@simactors.remote
def task_names() -> dict[str, Any]:
    return names()


@simactors.remote
def resources() -> dict[str, float]:
    found: dict[str, float] = simactors.get_runtime_context().get_assigned_resources()
    return found


@simactors.remote
def gpus() -> list[int]:
    found: list[int] = simactors.get_gpu_ids()
    return found


@simactors.remote
def current_actor() -> Any:
    return simactors.get_runtime_context().current_actor


@simactors.remote
def quit_without_an_actor() -> None:
    simactors.exit_actor()


@simactors.remote(max_calls=2)
def process() -> int:
    return os.getpid()


@simactors.remote
class Person:
    """Knows itself."""

    def __init__(self) -> None:
        self.at_birth = ids() | names()

    def birth(self) -> dict[str, Any]:
        return self.at_birth

    def ids(self) -> dict[str, Any]:
        return ids()

    def names(self) -> dict[str, Any]:
        return names()

    def resources(self) -> Any:
        return simactors.get_runtime_context().get_assigned_resources()

    def me(self) -> Any:
        return simactors.get_runtime_context().current_actor

    def introduce_itself(self, other: Any) -> Any:
        return simactors.get(other.call_back.remote(simactors.get_runtime_context().current_actor))

    def call_back(self, other: Any) -> Any:
        self.friend = other  # answered later: the other one is busy
        return "will do"

    def call_friend(self) -> Any:
        return simactors.get(self.friend.ids.remote())["get_actor_id"]

    def reborn(self) -> Any:
        return simactors.get_runtime_context().was_current_actor_reconstructed

    def task_of_mine(self) -> Any:
        return simactors.get(task_ids.remote())

    def die(self) -> None:
        os._exit(1)


@simactors.remote
class AsyncPerson:
    async def names_around_an_await(self, ref: list[Any]) -> tuple[Any, Any]:
        before = simactors.get_runtime_context().get_task_id()
        await ref[0]
        return before, simactors.get_runtime_context().get_task_id()


def test_ids_are_hexadecimal_and_of_fixed_lengths(ray: ModuleType) -> None:
    person = Person.remote()
    found = ray.get(person.ids.remote())
    for name, length in LENGTHS.items():
        assert len(found[name]) == length
        int(found[name], 16)
    assert found["get_placement_group_id"] is None
    assert found["get_task_id"][16:48] == found["get_actor_id"]


def test_the_driver_has_no_task_and_no_actor(ray: ModuleType) -> None:
    found = ids() | names()
    for name in ("get_task_id", "get_actor_id", "get_placement_group_id", "actor", "task", "function"):
        assert found[name] is None
    assert len(found["get_worker_id"]) == 56
    assert isinstance(found["namespace"], str)


def test_a_task_knows_its_ids_and_has_no_actor(ray: ModuleType) -> None:
    ref = task_ids.remote()
    found = ray.get(ref)
    assert found["get_actor_id"] is None
    assert found["get_task_id"] == ref.task_id().hex() == ref.hex()[:48]
    assert found["get_job_id"] == ids()["get_job_id"]
    assert found["get_node_id"] == ids()["get_node_id"]
    assert ray.get(task_ids.remote())["get_task_id"] != found["get_task_id"]


def test_an_actor_keeps_its_ids_from_birth_and_each_call_has_its_own(ray: ModuleType) -> None:
    person = Person.remote()
    birth = ray.get(person.birth.remote())
    first, second = ray.get([person.ids.remote(), person.ids.remote()])
    assert first["get_actor_id"] == second["get_actor_id"] == birth["get_actor_id"]
    assert first["get_worker_id"] == second["get_worker_id"] == birth["get_worker_id"]
    assert len({call["get_task_id"] for call in (birth, first, second)}) == 3
    assert birth["get_task_id"] == "f" * 16 + birth["get_actor_id"]
    assert ray.get(Person.remote().ids.remote())["get_actor_id"] != first["get_actor_id"]
    assert ray.get(person.task_of_mine.remote())["get_actor_id"] is None


def test_names_of_calls(ray: ModuleType) -> None:
    assert ray.get(task_names.remote())["task"] == "task_names"
    assert ray.get(task_names.options(name="mine").remote())["task"] == "mine"
    assert ray.get(task_names.remote())["function"].endswith("test_context.task_names")
    person = Person.options(name="sam").remote()
    found = ray.get(person.names.remote())
    assert (found["actor"], found["task"]) == ("sam", "Person.names")
    assert found["function"].endswith("test_context.Person.names")
    assert ray.get(person.names.options(name="nick").remote())["task"] == "nick"
    assert ray.get(person.birth.remote())["task"] == "sam:Person.__init__"
    nameless = Person.remote()
    assert ray.get(nameless.names.remote())["actor"] in (None, "")
    assert ray.get(nameless.birth.remote())["task"] == "Person.__init__"


def test_everybody_shares_the_drivers_namespace(ray: ModuleType) -> None:
    mine = ray.get_runtime_context().namespace
    assert ray.get(task_names.remote())["namespace"] == mine
    elsewhere = Person.options(namespace="elsewhere", name="n").remote()
    assert ray.get(elsewhere.names.remote())["namespace"] == mine


def test_assigned_resources_are_what_was_asked_for(ray: ModuleType) -> None:
    assert ray.get(resources.remote()) == {"CPU": 1.0}
    assert ray.get(resources.options(num_cpus=0.5).remote()) == {"CPU": 0.5}
    assert ray.get(resources.options(num_cpus=0).remote()) == {}
    assert ray.get(Person.options(num_cpus=2).remote().resources.remote()) == {"CPU": 2.0}
    assert ray.get(Person.remote().resources.remote()) == {}
    with pytest.raises(AssertionError):
        ray.get_runtime_context().get_assigned_resources()


def test_an_actor_can_hand_out_itself(ray: ModuleType) -> None:
    one, two = Person.remote(), Person.remote()
    assert ray.get(one.me.remote()) == one
    assert ray.get(one.introduce_itself.remote(two)) == "will do"
    assert ray.get(two.call_friend.remote()) == ray.get(one.ids.remote())["get_actor_id"]


def test_what_an_actor_hands_out_of_itself_does_not_keep_it_alive(ray: ModuleType) -> None:
    person = Person.remote()
    itself = ray.get(person.me.remote())
    assert ray.get(itself.ids.remote()) is not None
    del person

    def ask_for_a_while() -> None:
        for _ in range(500):
            ray.get(itself.ids.remote())
            time.sleep(0.01)

    with pytest.raises(ray.exceptions.ActorDiedError):
        ask_for_a_while()


def test_only_actors_have_a_current_actor_and_can_exit(ray: ModuleType) -> None:
    with pytest.raises(RuntimeError, match="only available in an actor"):
        _ = ray.get_runtime_context().current_actor
    with pytest.raises(RuntimeError, match="only available in an actor"):
        ray.get(current_actor.remote())
    with pytest.raises(TypeError, match="exit_actor API is called on a non-actor worker"):
        simactors.exit_actor()
    with pytest.raises(TypeError, match="exit_actor API is called on a non-actor worker"):
        ray.get(quit_without_an_actor.remote())


def test_an_actor_knows_whether_it_was_restarted(ray: ModuleType) -> None:
    person = Person.options(max_restarts=1, max_task_retries=2).remote()
    assert ray.get(person.reborn.remote()) is False
    before = ray.get(person.ids.remote())
    person.die.options(max_task_retries=0).remote()
    for _ in range(500):
        if ray.get(person.reborn.remote()):
            break
        time.sleep(0.01)
    after = ray.get(person.ids.remote())
    assert ray.get(person.reborn.remote()) is True
    assert after["get_actor_id"] == before["get_actor_id"]
    assert after["get_worker_id"] != before["get_worker_id"]


def test_a_call_keeps_its_id_over_an_await(ray: ModuleType) -> None:
    person = AsyncPerson.remote()
    refs = [person.names_around_an_await.remote([task_ids.remote()]) for _ in range(3)]
    found = ray.get(refs)
    assert all(before == after for before, after in found)
    assert [before for before, _ in found] == [ref.hex()[:48] for ref in refs]


def test_without_gpus_there_are_no_gpu_ids(ray: ModuleType) -> None:
    assert ray.get_gpu_ids() == []
    assert ray.get(gpus.remote()) == []
    assert ray.get_runtime_context().get_accelerator_ids()["GPU"] == []


def test_nodes_tells_about_the_only_node(ray: ModuleType) -> None:
    (node,) = ray.nodes()
    assert node["NodeID"] == ray.get_runtime_context().get_node_id()
    assert node["Alive"] is True
    assert node["alive"] is True
    assert node["Resources"]["CPU"] == 4.0
    assert node["Resources"]["node:__internal_head__"] == 1.0
    assert node["Labels"]["ray.io/node-id"] == node["NodeID"]
    assert isinstance(node["NodeManagerAddress"], str)
    assert ray.get_runtime_context().get_node_labels() == node["Labels"]


def test_resources_are_taken_and_given_back(ray: ModuleType) -> None:
    assert ray.cluster_resources()["CPU"] == 4.0
    assert {"memory", "object_store_memory"} <= set(ray.cluster_resources())

    def available(cpus: float) -> bool:
        for _ in range(500):
            if ray.available_resources().get("CPU", 0.0) == cpus:
                return True
            time.sleep(0.01)
        return False

    person = Person.options(num_cpus=1.5).remote()
    ray.get(person.ids.remote())
    assert available(2.5)
    other = Person.options(num_cpus=2.5).remote()
    ray.get(other.ids.remote())
    assert available(0.0)
    assert ray.cluster_resources()["CPU"] == 4.0
    ray.kill(person)
    ray.kill(other)
    assert available(4.0)


def test_the_timeline_is_a_list_of_chrome_events(ray: ModuleType) -> None:
    ray.get(task_names.options(name="seen").remote())
    events: list[Any] = []
    for _ in range(20):
        events = [event for event in ray.timeline() if event["cat"] == "task::seen"]
        if events:
            break
        time.sleep(0.2)
    assert {"cat", "name", "pid", "tid", "ts", "dur", "ph", "cname", "args"} <= set(events[0])
    assert events[0]["ph"] == "X"


def test_a_worker_is_replaced_after_max_calls(ray: ModuleType) -> None:
    pids = [ray.get(process.remote()) for _ in range(4)]
    assert pids[0] == pids[1]
    assert pids[2] == pids[3]
    assert pids[0] != pids[2]


def test_max_calls_belongs_to_the_function(ray: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"Setting 'max_calls' is not supported in '.options\(\)'"):
        process.options(max_calls=1)
    with pytest.raises(ValueError, match="'max_calls' only accepts None, 0 or a positive integer"):
        ray.remote(max_calls=-1)(ids)
    with pytest.raises(ValueError, match="Invalid option keyword max_calls for actors"):
        Person.options(max_calls=1)


@simactors.remote
def doubled(x: int) -> int:
    time.sleep(0.05)  # it is under way when the worker has made its last call
    return 2 * x


@simactors.remote
class Keeper:
    def ask(self) -> str:
        return "here"


@simactors.remote(max_calls=1)
def handed_over(what: str) -> list[Any]:
    if what == "a put object":
        return [simactors.put("here")]
    if what == "a call":
        return [doubled.remote(21)]
    return [Keeper.remote()]


def test_a_worker_after_its_last_call_keeps_what_it_has_put_and_called(ray: ModuleType) -> None:
    (put,) = ray.get(handed_over.remote("a put object"))
    (called,) = ray.get(handed_over.remote("a call"))
    time.sleep(0.5)  # a worker that ended would have ended by then
    assert (ray.get(put), ray.get(called)) == ("here", 42)


def test_a_worker_after_its_last_call_keeps_the_actors_that_it_has_created(ray: ModuleType) -> None:
    (keeper,) = ray.get(handed_over.remote("an actor"))
    time.sleep(0.5)  # as above
    assert ray.get(keeper.ask.remote()) == "here"

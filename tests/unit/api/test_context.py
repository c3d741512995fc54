"""What code is told about where it runs, in Ray's shapes."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

import simactors
from simactors.api.context import RuntimeContext, list_named_actors
from simactors.core import ids
from simactors.core.abilities import NodeInfo, RuntimeInfo
from simactors.core.ids import ActorID
from simactors.core.interface import ActorInterface
from simactors.core.refs import ActorRef, ObjectRef, Origin
from simactors.exceptions import RaySystemError


@simactors.remote
class Person:
    def method(self) -> None: ...


@simactors.remote
class AsyncPerson:
    async def method(self) -> None: ...


@pytest.fixture
def context(backend: Any) -> RuntimeContext:
    """The context of the driver of the fake backend."""
    return simactors.get_runtime_context()


def in_call(backend: Any, actor: ActorRef | None = None, **more: Any) -> RuntimeInfo:
    label = "Person.method" if actor else "f"
    backend.info = replace(
        backend.info,
        task_id=9,
        task_name=label,
        function_name=f"home.{label}",
        actor=actor,
        worker_id=3,
        **more,
    )
    return backend.info  # type: ignore[no-any-return]


def test_the_driver_has_ids_but_no_task_and_no_actor(context: RuntimeContext) -> None:
    assert context.get_job_id() == "01000000"
    assert context.get_node_id() == "0" * 55 + "1"
    assert context.get_worker_id() == "01000000" + "f" * 48
    assert context.get_task_id() is None
    assert context.get_actor_id() is None
    assert context.get_actor_name() is None
    assert context.get_task_name() is None
    assert context.get_placement_group_id() is None
    assert context.current_placement_group_id.is_nil()
    assert context.get_accelerator_ids()["GPU"] == []
    assert simactors.get_gpu_ids() == []
    assert context.get() == {"job_id": context.job_id, "node_id": context.node_id, "namespace": "default"}


def test_what_only_calls_have_is_refused_to_the_driver(context: RuntimeContext) -> None:
    for ask in (context.get_assigned_resources, lambda: context.task_id, lambda: context.actor_id):
        with pytest.raises(AssertionError, match="only available when the process is a worker"):
            ask()
    with pytest.raises(RuntimeError, match="only available when the process is a worker"):
        context.is_canceled()
    with pytest.raises(RuntimeError, match="only available in an actor"):
        _ = context.current_actor
    with pytest.raises(AssertionError, match="inside Ray tasks"):
        _ = context.was_current_actor_reconstructed
    with pytest.raises(TypeError, match="exit_actor API is called on a non-actor worker"):
        simactors.exit_actor()


def test_a_task_knows_its_id_which_its_ref_shows_too(context: RuntimeContext, backend: Any) -> None:
    in_call(backend, assigned={"CPU": 1.0, "GPU": 0.0}, gpu_ids=(1,))
    ref = ObjectRef[Any](backend.ref().entry)
    ref.entry.id = 9  # type: ignore[misc]  # a fake
    assert context.get_task_id() == ref.hex()[:48] == ref.task_id().hex()
    assert context.get_worker_id() == "0" * 55 + "3"
    assert context.get_assigned_resources() == {"CPU": 1.0}
    assert context.get_accelerator_ids()["GPU"] == ["1"]
    assert simactors.get_gpu_ids() == [1]
    assert context.get_task_name() == "f"
    assert context.get_task_function_name() == "home.f"
    assert context.get_actor_id() is None
    assert context.is_canceled() is False


def test_an_actor_knows_itself(context: RuntimeContext, backend: Any) -> None:
    person = Person.remote()
    in_call(backend, person._actor, was_reconstructed=True)
    assert context.current_actor == person
    assert context.get_actor_id() == person._actor_id.hex()
    assert str(context.get_task_id())[16:] == context.get_actor_id()
    assert context.get_actor_name() == ""
    assert context.was_current_actor_reconstructed is True
    backend.info = replace(backend.info, actor_name="sam")
    assert context.get_actor_name() == "sam"
    assert context.get_task_name() == "Person.method"
    in_call(backend, AsyncPerson.remote()._actor)
    with pytest.raises(RuntimeError, match="not supported in an async actor"):
        context.is_canceled()


def test_a_constructor_has_a_task_of_its_own(context: RuntimeContext, backend: Any) -> None:
    person = Person.remote()
    in_call(backend, person._actor)
    backend.info = replace(
        backend.info, task_name="Person.__init__", function_name="home.Person.__init__", actor_name="sam"
    )
    assert context.get_task_id() == "f" * 16 + person._actor_id.hex()
    assert context.get_task_name() == "sam:Person.__init__"


def test_the_id_of_a_ref_tells_its_call(backend: Any) -> None:
    ref = backend.ref()
    ref.entry.origin = Origin(7, actor=3, position=2)
    assert ref.hex() == ref.task_id().hex() + "02000000"
    assert ref.task_id().hex()[16:] == "0" * 23 + "3" + "01000000"
    assert ref.job_id().hex() == "01000000"
    assert bytes.fromhex(ref.hex()) == ref.binary()
    assert repr(ref) == f"ObjectRef({ref.hex()})"
    assert copy.copy(ref) == copy.deepcopy(ref) == ref
    nothing = simactors.ObjectRef.nil()
    assert nothing.is_nil()
    assert not ref.is_nil()
    assert nothing.hex() == "f" * 56


def test_nodes_and_resources_have_rays_shape(context: RuntimeContext, backend: Any) -> None:
    for number, alive in ((1, True), (2, True), (3, False)):
        backend.node_infos.append(
            NodeInfo(
                node_id=number,
                name=f"node-{number}",
                alive=alive,
                total={"CPU": 4, "memory": 100},
                available={"CPU": 0 if number == 1 else 0.5, "memory": 100},
                labels={"zone": "a"},
            )
        )
    rows = simactors.nodes()
    assert [row["Alive"] for row in rows] == [True, True, False]
    assert rows[0]["NodeID"] == context.get_node_id()
    assert rows[0]["Resources"] == {"CPU": 4.0, "memory": 100.0}
    assert rows[2]["Resources"] == {}
    assert list(rows[2]["Labels"]) == ["ray.io/node-id"]
    assert [row["DeathReason"] for row in rows] == [0, 0, 1]
    assert context.get_node_labels() == {"ray.io/node-id": context.get_node_id(), "zone": "a"}
    assert simactors.cluster_resources() == {"CPU": 8.0, "memory": 200.0}
    assert simactors.available_resources() == {"CPU": 0.5, "memory": 200.0}
    backend.node_infos = [replace(backend.node_infos[0], available={"CPU": 0, "memory": 100})]
    assert simactors.available_resources() == {"memory": 100.0}


def test_the_timeline_is_a_list_or_a_file(backend: Any, tmp_path: Path) -> None:
    backend.events.append({"name": "f", "ph": "X"})
    assert simactors.timeline() == backend.events
    assert simactors.timeline(str(tmp_path / "t.json")) is None
    assert json.loads((tmp_path / "t.json").read_text()) == backend.events


def test_named_actors_are_listed_for_one_namespace_or_for_all(backend: Any) -> None:
    backend.actor_names = [("default", "a"), ("there", "b")]
    assert list_named_actors() == ["a"]
    assert list_named_actors(all_namespaces=True) == [
        {"name": "a", "namespace": "default"},
        {"name": "b", "namespace": "there"},
    ]


def test_nothing_is_known_before_init() -> None:
    context = RuntimeContext()
    for ask in (context.get_job_id, context.get_node_id, context.get_worker_id):
        with pytest.raises(RuntimeError, match="not available because Ray has not been initialized"):
            ask()
    with pytest.raises(RuntimeError, match="Ray has not been started yet"):
        simactors.timeline()
    for tell in (simactors.nodes, simactors.cluster_resources, simactors.available_resources):
        with pytest.raises(RaySystemError, match="Ray has not been started yet"):
            tell()
    assert not simactors.is_initialized()


def test_init_tells_where_the_cluster_is(backend: Any) -> None:
    info = simactors.init(ignore_reinit_error=True)
    assert info["address"] == simactors.get_runtime_context().gcs_address
    assert info["node_id"] == simactors.get_runtime_context().get_node_id()


def test_cancel_takes_refs_and_generators(backend: Any) -> None:
    ref = backend.ref()
    simactors.cancel(ref)
    assert backend.asked[-1] == ("cancel", ref, False, True)
    for wrong in (5, [ref], None, Person.remote()):
        with pytest.raises(TypeError, match=r"ray\.cancel\(\) only supported for object refs"):
            simactors.cancel(wrong)  # type: ignore[arg-type]  # the mistake


def test_ids_end_with_the_job_that_they_belong_to(backend: Any, context: RuntimeContext) -> None:
    in_call(backend, job_id=2)
    assert context.get_task_id() == "0" * 15 + "9" + "f" * 24 + "02000000"
    entry = Entry(ids.actor_id(5, job=2))
    in_call(backend, ActorRef(entry, ActorInterface(class_name="Person", methods={})), job_id=2)
    assert context.get_actor_id() == "0" * 23 + "5" + "02000000"
    assert context.task_id is not None
    assert context.task_id.actor_id() == context.actor_id == context.current_actor._actor_id


class Entry:
    """Of an actor on a cluster that many programs share."""

    def __init__(self, actor_id: ActorID) -> None:
        self.actor_id = actor_id
        self.id = actor_id.number

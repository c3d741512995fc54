"""Resources of one node: GPUs and their numbers, custom ones, labels, affinity, the environment of a process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import simactors
from simactors.util.scheduling_strategies import PlacementGroupSchedulingStrategy

pytestmark = pytest.mark.own_cluster

NOBODY = "ab" * 28


@pytest.fixture
def machine(ray: ModuleType) -> Iterator[ModuleType]:
    """Initialized anew, with GPUs and a resource of its own."""
    ray.shutdown()
    ray.init(num_cpus=4, num_gpus=2, resources={"magnet": 1})
    yield ray
    ray.shutdown()


def process_number() -> int:
    return os.getpid()


@simactors.remote
class User:
    def gpus(self) -> Any:
        return simactors.get_gpu_ids()

    def accelerators(self) -> Any:
        return simactors.get_runtime_context().get_accelerator_ids()["GPU"]

    def visible(self) -> Any:
        return os.environ.get("CUDA_VISIBLE_DEVICES")

    def variable(self, name: str) -> Any:
        return os.environ.get(name)


@simactors.remote
def visible() -> Any:
    return os.environ.get("CUDA_VISIBLE_DEVICES")


@simactors.remote
def variable(name: str) -> Any:
    return os.environ.get(name)


@simactors.remote
def variable_of_a_child(name: str) -> Any:
    return simactors.get(variable.remote(name))


@simactors.remote
def nothing() -> None:
    pass


def on(node: str, *, soft: bool = False) -> Any:
    from simactors.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node, soft=soft)


def test_whole_gpus_have_numbers_and_parts_share_them(machine: ModuleType) -> None:
    ones = [User.options(num_gpus=1).remote() for _ in range(2)]
    assert sorted(machine.get([user.gpus.remote() for user in ones])) == [[0], [1]]
    assert sorted(machine.get([user.accelerators.remote() for user in ones])) == [["0"], ["1"]]
    late = User.options(num_gpus=2).remote()
    call = late.gpus.remote()
    assert machine.wait([call], timeout=0.2)[0] == []
    for user in ones:
        machine.kill(user)
    assert machine.get(call) == [0, 1]
    machine.kill(late)
    halves = [User.options(num_gpus=0.5).remote() for _ in range(4)]
    found = sorted(machine.get([user.gpus.remote() for user in halves]))
    assert found == [[0], [0], [1], [1]]
    with pytest.raises(ValueError, match=r"The specified quantity 1.5 is invalid"):
        User.options(num_gpus=1.5).remote()
    with pytest.raises(ValueError, match="The quantity of resource num_gpus cannot be negative"):
        User.options(num_gpus=-1).remote()


def test_gpus_are_shown_to_libraries_in_the_environment(machine: ModuleType) -> None:
    assert machine.get(visible.options(num_gpus=1).remote()) in ("0", "1")
    assert machine.get(User.options(num_gpus=2).remote().visible.remote()) == "0,1"


def test_a_task_without_gpus_does_not_see_those_of_the_one_before(machine: ModuleType) -> None:
    found = machine.get(
        [visible.options(num_gpus=1, num_cpus=4).remote(), visible.options(num_cpus=4).remote()]
    )
    assert found[0] in ("0", "1")
    assert found[1] is None


def test_libraries_are_told_how_many_cores_to_use(machine: ModuleType) -> None:
    asked = [variable.options(num_cpus=n).remote("OMP_NUM_THREADS") for n in (3, 0.5, 0, 2)]
    assert machine.get(asked) == ["3", "1", "1", "2"]
    assert machine.get(User.remote().variable.remote("OMP_NUM_THREADS")) == "1"
    assert machine.get(User.options(num_cpus=2).remote().variable.remote("OMP_NUM_THREADS")) == "2"


def test_a_worker_that_has_used_a_gpu_ends_if_the_decorator_says_that_it_uses_one(
    machine: ModuleType,
) -> None:
    own = simactors.remote(num_gpus=1, num_cpus=4)(process_number)
    assert len({machine.get(own.remote()) for _ in range(3)}) == 3
    lasting = simactors.remote(num_gpus=1, num_cpus=4, max_calls=0)(process_number)
    assert len({machine.get(lasting.remote()) for _ in range(3)}) == 1
    said_later = simactors.remote(process_number).options(num_gpus=1, num_cpus=4)
    assert len({machine.get(said_later.remote()) for _ in range(3)}) == 1


def test_a_custom_resource_is_taken_and_given_back(machine: ModuleType) -> None:
    assert machine.cluster_resources()["magnet"] == 1.0
    holder = User.options(resources={"magnet": 1}).remote()
    assert machine.get(holder.gpus.remote()) == []
    waiting = nothing.options(resources={"magnet": 0.5}).remote()
    assert machine.wait([waiting], timeout=0.2)[0] == []
    machine.kill(holder)
    assert machine.get(waiting) is None
    never = nothing.options(resources={"unobtainium": 1}).remote()
    assert machine.wait([never], timeout=0.2)[0] == []


def test_an_actor_that_names_a_resource_keeps_a_cpu_too_unless_it_says_none(machine: ModuleType) -> None:
    wishes: list[dict[str, Any]] = [{"num_gpus": 0.25}] * 3 + [{"resources": {"magnet": 1}}]
    holders = [User.options(**wish).remote() for wish in wishes]
    machine.get([holder.gpus.remote() for holder in holders])
    assert machine.get(User.options(num_cpus=0, num_gpus=0.25).remote().gpus.remote()) in ([0], [1])
    waiting = nothing.remote()
    assert machine.wait([waiting], timeout=0.2)[0] == []
    machine.kill(holders[3])
    assert machine.get(waiting) is None


def test_affinity_to_this_node_and_to_one_that_is_not_there(machine: ModuleType) -> None:
    here = machine.get_runtime_context().get_node_id()
    assert machine.get(nothing.options(scheduling_strategy=on(here)).remote()) is None
    assert machine.get(nothing.options(scheduling_strategy=on(NOBODY, soft=True)).remote()) is None
    with pytest.raises(machine.exceptions.TaskUnschedulableError):
        machine.get(nothing.options(scheduling_strategy=on(NOBODY)).remote())
    with pytest.raises(machine.exceptions.ActorUnschedulableError):
        machine.get(User.options(scheduling_strategy=on(NOBODY)).remote().gpus.remote())


def test_labels_of_the_node(machine: ModuleType) -> None:
    here = machine.get_runtime_context().get_node_id()
    labels = {"ray.io/node-id": here}
    assert machine.get(nothing.options(label_selector=labels).remote()) is None
    elsewhere = nothing.options(label_selector={"ray.io/node-id": f"!{here}"}).remote()
    assert machine.wait([elsewhere], timeout=0.2)[0] == []


def test_a_process_has_the_environment_that_it_was_given(machine: ModuleType) -> None:
    env = {"env_vars": {"A_NAME": "given"}}
    assert machine.get(variable.options(runtime_env=env).remote("A_NAME")) == "given"
    assert machine.get(variable.remote("A_NAME")) is None
    assert machine.get(User.options(runtime_env=env).remote().variable.remote("A_NAME")) == "given"
    assert machine.get(variable_of_a_child.options(runtime_env=env).remote("A_NAME")) == "given"


@pytest.mark.not_yet(
    sim="a simulated process has the driver's folder",
    ray="Ray takes a folder in `init` only, else an address",
)
def test_a_process_has_the_folder_that_it_was_given(machine: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "module_of_the_folder.py").write_text("VALUE = 7")

    @machine.remote
    def look() -> Any:
        import module_of_the_folder

        return os.getcwd(), module_of_the_folder.VALUE

    found = look.options(runtime_env={"working_dir": str(tmp_path)}).remote()
    assert machine.get(found)[1] == 7


@pytest.mark.parametrize("form", ["dict", "job_config"])
def test_all_processes_have_what_init_was_told(ray: ModuleType, form: str) -> None:
    from simactors.api.configuration import JobConfig, RuntimeEnv

    if form == "job_config" and os.environ[simactors.api.session.BACKEND_VARIABLE] == "ray":
        pytest.skip("Ray takes its own JobConfig")
    env = RuntimeEnv(env_vars={"A_NAME": "of all", "ANOTHER": "kept"})
    ray.shutdown()
    told = {"runtime_env": dict(env)} if form == "dict" else {"job_config": JobConfig(runtime_env=env)}
    ray.init(num_cpus=2, **told)
    assert ray.get(variable.remote("A_NAME")) == "of all"
    assert ray.get(User.remote().variable.remote("A_NAME")) == "of all"
    own = variable.options(runtime_env={"env_vars": {"A_NAME": "own"}})
    assert ray.get([own.remote("A_NAME"), own.remote("ANOTHER"), variable.remote("A_NAME")]) == [
        "own",
        "kept",
        "of all",
    ]
    assert "A_NAME" not in os.environ
    ray.shutdown()


def test_labels_of_the_node_may_be_said_to_init(ray: ModuleType) -> None:
    @ray.remote
    def zone() -> object:
        return ray.get_runtime_context().get_node_labels().get("zone")

    ray.shutdown()
    ray.init(num_cpus=2, labels={"region": "us", "zone": "a"})
    refs = [zone.options(label_selector={"region": region}).remote() for region in ("us", "!eu", "eu")]
    ready, pending = ray.wait(refs, num_returns=3, timeout=3)
    assert ray.get(ready) == ["a", "a"]
    assert pending == refs[2:]
    labels = ray.nodes()[0]["Labels"]
    assert {"region": "us", "zone": "a"}.items() <= labels.items()
    assert labels["ray.io/node-id"] == ray.nodes()[0]["NodeID"]
    ray.shutdown()


def test_a_restarted_actor_has_its_variables_again(machine: ModuleType) -> None:
    env = {"env_vars": {"A_NAME": "given"}}
    user = User.options(runtime_env=env, max_restarts=1, max_task_retries=-1).remote()
    assert machine.get(user.variable.remote("A_NAME")) == "given"
    machine.kill(user, no_restart=False)
    assert machine.get(user.variable.remote("A_NAME")) == "given"


def test_variables_that_no_process_can_have_are_refused(machine: ModuleType) -> None:
    with pytest.raises(TypeError, match="env_vars"):
        variable.options(runtime_env={"env_vars": {"A": 1}}).remote("A")


def test_who_names_no_bundle_of_a_group_leaves_the_special_one_to_who_needs_it(machine: ModuleType) -> None:
    ray = machine
    group = simactors.util.placement_group([{"CPU": 1, "magnet": 1}, {"CPU": 1}])
    within = PlacementGroupSchedulingStrategy(group)
    plain = User.options(num_cpus=1, scheduling_strategy=within).remote()
    assert ray.get(plain.__ray_ready__.remote(), timeout=20)
    special = User.options(num_cpus=1, resources={"magnet": 1}, scheduling_strategy=within).remote()
    assert ray.get(special.__ray_ready__.remote(), timeout=20)
    simactors.util.remove_placement_group(group)

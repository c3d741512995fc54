"""The small things beside the runtime: metrics, `log_once`, configuration objects, what Ray's tests wait with.

On Ray itself they are Ray's own, held to the same.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import pickle
from types import ModuleType
from typing import Any

import pytest

import simactors
from simactors.as_ray import as_ray


@pytest.fixture
def named(ray: ModuleType) -> Any:
    """Imports a module by Ray's name."""
    if os.environ[simactors.api.session.BACKEND_VARIABLE] == "ray":
        yield importlib.import_module
        return
    with as_ray():
        yield importlib.import_module


def test_metrics_are_checked(named: Any) -> None:
    metrics = named("ray.util.metrics")
    counter = metrics.Counter("requests", description="so many", tag_keys=("route",))
    counter.inc(2, tags={"route": "/"})
    assert counter.set_default_tags({"route": "/"}) is counter
    counter.inc()
    assert counter.info == {
        "name": "requests",
        "description": "so many",
        "tag_keys": ("route",),
        "default_tags": {"route": "/"},
    }
    for wrong, error in (
        (lambda: counter.inc(0), ValueError),
        (lambda: counter.inc("1"), TypeError),
        (lambda: counter.inc(tags={"route": 1}), TypeError),
        (lambda: counter.set_default_tags({"other": "x"}), ValueError),
        (lambda: metrics.Counter(""), ValueError),
        (lambda: metrics.Counter("x", tag_keys="ab"), TypeError),
        (lambda: metrics.Counter("x", tag_keys=(1,)), TypeError),
        (lambda: metrics.Counter("y", tag_keys=("a",)).inc(), ValueError),
        (lambda: metrics.Histogram("h"), ValueError),
        (lambda: metrics.Histogram("h", boundaries=[0]), ValueError),
        (lambda: metrics.Gauge("g").set("x"), TypeError),
    ):
        with pytest.raises(error):
            wrong()
    metrics.Gauge("g").set(None)
    histogram = pickle.loads(pickle.dumps(metrics.Histogram("latency", boundaries=[1.0, 2.0])))
    histogram.observe(1.5)
    assert histogram.info["boundaries"] == [1.0, 2.0]
    with pytest.warns(UserWarning, match="Invalid metric name"):
        metrics.Gauge("a b").set(1)


def test_log_once_says_yes_once(named: Any) -> None:
    util, debug = named("ray.util"), named("ray.util.debug")
    assert (util.log_once("a"), util.log_once("a"), util.log_once("b")) == (True, False, True)
    debug.reset_log_once("a")
    assert (util.log_once("a"), util.log_once("b")) == (True, False)
    debug.reset_log_once()


def test_configuration_objects_know_what_they_take(named: Any) -> None:
    ray = named("ray")
    assert ray.LoggingConfig(encoding="JSON").to_dict()["log_level"] == "INFO"
    with pytest.raises(ValueError, match="Invalid encoding type: X"):
        ray.LoggingConfig(encoding="X")
    with pytest.raises(ValueError, match="Unknown python logging standard attribute: zz"):
        ray.LoggingConfig(additional_log_standard_attrs=["zz"])
    environment = named("ray.runtime_env").RuntimeEnv
    made = environment(env_vars={"A": "b"})
    assert (made, made.env_vars(), made.working_dir()) == ({"env_vars": {"A": "b"}}, {"A": "b"}, "")
    assert environment.deserialize(made.serialize()) == made
    with pytest.raises(TypeError, match="must be of type Dict"):
        environment(env_vars={"A": 1})
    config = named("ray.job_config").JobConfig(ray_namespace="mine", runtime_env={"env_vars": {"A": "b"}})
    assert (config.ray_namespace, config.runtime_env) == ("mine", {"env_vars": {"A": "b"}})
    named("ray.job_config").JobConfig(code_search_path=["/somewhere"])  # for other languages
    with pytest.raises(ValueError, match="must be one of `detached`, `non_detached`"):
        named("ray.job_config").JobConfig(default_actor_lifetime="x")


def test_ids_are_of_their_kinds(ray: ModuleType, named: Any) -> None:
    real = named("ray")
    node = real.NodeID.from_hex(ray.get_runtime_context().get_node_id())
    assert (node.hex(), node.is_nil(), node.size()) == (ray.get_runtime_context().get_node_id(), False, 28)
    assert real.NodeID.nil().is_nil()
    assert real.ActorID.nil() != real.PlacementGroupID.nil()
    assert real.ActorID(b"a" * 16) == real.ActorID.from_binary(b"a" * 16)
    assert repr(real.JobID.from_int(5)) == "JobID(05000000)"
    assert real.JobID.from_int(5).int() == 5
    assert real.ActorID.from_random() != real.ActorID.from_random()
    assert real.ObjectID is real.ObjectRef
    with pytest.raises(ValueError, match="needs to have length 16, got 2"):
        real.ActorID(b"ab")
    with pytest.raises(ValueError, match="is nil"):
        _ = real.ActorID.nil().job_id


def test_the_helpers_of_rays_own_tests(ray: ModuleType, named: Any) -> None:
    testing = named("ray._common.test_utils")
    get, wait = (named("ray").get, named("ray").wait)
    signal = testing.SignalActor.remote()
    waiting = signal.wait.remote()
    testing.wait_for_condition(lambda: get(signal.cur_num_waiters.remote()) == 1)
    assert wait([waiting], timeout=0)[0] == []
    get(signal.send.remote())
    get(waiting)
    room = testing.Semaphore.remote(value=1)
    get(room.acquire.remote())
    assert get(room.locked.remote())
    get(room.release.remote())
    assert not get(room.locked.remote())
    with pytest.raises(RuntimeError, match="wasn't met before the timeout expired"):
        testing.wait_for_condition(lambda: 1 / 0, timeout=0.3)
    with pytest.raises(ZeroDivisionError):
        testing.wait_for_condition(lambda: 1 / 0, timeout=0.3, raise_exceptions=True)

    async def found() -> bool:
        return True

    asyncio.run(testing.async_wait_for_condition(found))


@pytest.mark.not_yet(ray="Ray's asks the server of its dashboard")
def test_a_helper_of_rays_own_tests_ends_an_actor_for_good(ray: ModuleType, named: Any) -> None:
    testing, remote = named("ray._private.test_utils"), named("ray").remote
    get, exceptions = named("ray").get, named("ray.exceptions")

    @remote
    class Worker:
        def pid(self) -> int:
            return os.getpid()

    worker = Worker.remote()
    pid = get(worker.pid.remote())
    testing.kill_actor_and_wait_for_failure(worker)
    testing.wait_for_pid_to_exit(pid)
    with pytest.raises(exceptions.RayActorError):
        get(worker.pid.remote())


def test_the_helpers_of_rays_own_tests_about_values(named: Any) -> None:
    testing = named("ray._private.test_utils")
    assert testing.same_elements([1, 2, 2], [2, 1, 2])
    assert testing.same_elements([{"a": 1}], [{"a": 1}, {"a": 1}])
    assert not testing.same_elements([1, 2], [1, 2, 3])
    assert not testing.client_test_enabled()
    assert testing.generate_system_config_map(a=1) == {"_system_config": {"a": 1}}


def test_accelerators_have_names(named: Any) -> None:
    assert named("ray.util.accelerators").NVIDIA_TESLA_V100 == "V100"

"""`get_runtime_context` and the functions that tell about the cluster: what code can ask about where it runs.

Not how a backend knows: see `core.abilities.KnowsItself`. Ids are shown as Ray shows them (`core/ids.py`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from simactors.api import session
from simactors.api.handles import ActorHandle
from simactors.core import current, ids
from simactors.core.abilities import KnowsItself, NodeInfo, RuntimeInfo
from simactors.core.ids import ActorID, JobID, NodeID, PlacementGroupID, TaskID
from simactors.exceptions import RaySystemError

_ACCELERATORS = ("GPU", "TPU", "NPU", "HPU", "RBLN", "MBLT", "FURIOSA", "neuron_cores", "TTNPU")
_NODE_ID_LABEL = "ray.io/node-id"


class RuntimeContext:
    """What the running code can ask about itself; every answer is of the moment.

    Ids are hexadecimal texts; the properties ``job_id``, ``node_id``, ``task_id``, ``actor_id`` give them as objects,
    as old programs expect.
    """

    def get_job_id(self) -> str:
        """The id of the driver's program.

        Raises:
            RuntimeError: nothing is initialized; so do the other ids.
        """
        return ids.job_id(_initialized("Job ID").job_id).hex()

    def get_node_id(self) -> str:
        """The id of the node that this process runs on."""
        return ids.node_id(_initialized("Node ID").node_id).hex()

    def get_worker_id(self) -> str:
        """The id of this process."""
        info = _initialized("Worker ID")
        return (ids.driver_id(info.job_id) if _is_driver(info) else ids.worker_id(info.worker_id)).hex()

    def get_session_name(self) -> str:
        """The name of the session, the same in all of its processes."""
        return f"session_{session.active().name}"

    def get_temp_dir(self) -> str:
        """Where this node may keep temporary files."""
        return os.path.join(os.environ.get("TMPDIR", "/tmp"), "ray")

    def get_task_id(self) -> str | None:
        """The id of the running call; None in the driver."""
        task = _task_id(_info())
        return None if task is None else task.hex()

    def get_task_name(self) -> str | None:
        """The option `name` of the running call, else its function as ``Log.add``; None in the driver."""
        info = _info()
        # As on Ray, the constructor of a named actor is told by that name.
        named = info.actor_name and _is_constructor(info)
        return f"{info.actor_name}:{info.task_name}" if named else info.task_name

    def get_task_function_name(self) -> str | None:
        """The function of the running call behind its module: ``bank.Log.add``; None in the driver."""
        return _info().function_name

    def get_actor_id(self) -> str | None:
        """The id of the actor whose code this is; None outside of actors."""
        actor = _info().actor
        return None if actor is None else actor.actor_id().hex()

    def get_actor_name(self) -> str | None:
        """The name of the actor whose code this is, empty if it has none; None outside of actors."""
        info = _info()
        return None if info.actor is None else info.actor_name or ""

    @property
    def namespace(self) -> str:
        """Where names are looked up unless said otherwise: the driver's, also in an actor of another one."""
        return _info().namespace

    @property
    def was_current_actor_reconstructed(self) -> bool:
        """Whether this actor was ever restarted.

        Raises:
            AssertionError: not in an actor.
        """
        info = _info()
        assert info.actor is not None, "This method should't be called inside Ray tasks."
        return info.was_reconstructed

    @property
    def current_actor(self) -> ActorHandle:
        """A handle of the actor whose code this is.

        Raises:
            RuntimeError: not in an actor.
        """
        actor = _info().actor
        if actor is None:
            raise RuntimeError("This method is only available in an actor.")
        return ActorHandle(actor)

    def get_placement_group_id(self) -> str | None:
        """The id of the placement group that this code was placed in, if any."""
        number = _info().placement_group_id
        return None if number is None else ids.group_id(number).hex()

    @property
    def should_capture_child_tasks_in_placement_group(self) -> bool:
        """Whether what this code starts belongs to its placement group, unless it says otherwise."""
        return _info().captures_child_tasks

    def get_assigned_resources(self) -> dict[str, float]:
        """What this process holds, by resource: ``{"CPU": 1.0}`` for a plain task, nothing for a plain actor.

        Raises:
            AssertionError: in the driver.
        """
        info = _info()
        assert not _is_driver(info), (
            "This method is only available when the process is a worker. Current mode: 0"
        )
        return {name: float(quantity) for name, quantity in info.assigned.items() if quantity}

    def get_accelerator_ids(self) -> dict[str, list[str]]:
        """Which accelerators of the node this process may use, by kind: ``{"GPU": ["0"], "TPU": [], ...}``."""
        gpus = [str(gpu) for gpu in _info().gpu_ids]
        return {kind: gpus if kind == "GPU" else [] for kind in _ACCELERATORS}

    def get_resource_ids(self) -> dict[str, list[str]]:
        """The old name of `get_accelerator_ids`."""
        return self.get_accelerator_ids()

    def get_node_labels(self) -> dict[str, str]:
        """The labels of the node that this process runs on."""
        here = _info().node_id
        return next(_labels(node) for node in _nodes() if node.node_id == here)

    def get_runtime_env_string(self) -> str:
        """The runtime environment of this process as JSON."""
        return json.dumps(self.runtime_env)

    @property
    def runtime_env(self) -> dict[str, Any]:
        """The runtime environment of this process: an empty one."""
        return {}

    @property
    def gcs_address(self) -> str:
        """The address that `init` takes to join this cluster."""
        return session.ADDRESS

    def is_canceled(self) -> bool:
        """Whether somebody has cancelled the running call.

        Raises:
            RuntimeError: in the driver, or in an async actor, whose calls are interrupted instead.
        """
        info = _info()
        if _is_driver(info):
            raise RuntimeError("This method is only available when the process is a worker. Current mode: 0")
        methods = info.actor.interface.methods.values() if info.actor else ()
        if any(method.needs_event_loop for method in methods):
            raise RuntimeError("This method is not supported in an async actor.")
        return info.is_canceled

    @property
    def job_id(self) -> JobID:
        """As `get_job_id`, as an object."""
        return ids.job_id(_info().job_id)

    @property
    def node_id(self) -> NodeID:
        """As `get_node_id`, as an object."""
        return ids.node_id(_info().node_id)

    @property
    def task_id(self) -> TaskID | None:
        """As `get_task_id`, as an object.

        Raises:
            AssertionError: in the driver.
        """
        return _task_id(_worker_only(_info()))

    @property
    def actor_id(self) -> ActorID | None:
        """As `get_actor_id`, as an object.

        Raises:
            AssertionError: in the driver.
        """
        actor = _worker_only(_info()).actor
        return None if actor is None else actor.actor_id()

    @property
    def current_placement_group_id(self) -> PlacementGroupID:
        """As `get_placement_group_id`, as an object, which `is_nil` without a group."""
        number = _info().placement_group_id
        return PlacementGroupID.nil() if number is None else ids.group_id(number)

    def get(self) -> dict[str, Any]:
        """The ids and the namespace in one dictionary."""
        info = _info()
        found: dict[str, Any] = {"job_id": self.job_id, "node_id": self.node_id, "namespace": self.namespace}
        task = _task_id(info)
        if task is not None:
            found["task_id"] = task
        if info.actor is not None:
            found["actor_id"] = info.actor.actor_id()
        return found


def get_runtime_context() -> RuntimeContext:
    """What the running code, be it the driver, a task or an actor, can ask about itself."""
    session.active()  # opens the default backend if none is, as on Ray
    return _CONTEXT


_CONTEXT = RuntimeContext()


def get_gpu_ids() -> list[int]:
    """The GPUs of the node that this process may use, counted from 0."""
    return list(_info().gpu_ids)


def nodes() -> list[dict[str, Any]]:
    """Every node there ever was, dead ones too, in the shape of Ray's table.

    The keys that programs use are ``NodeID``, ``Alive``, ``Resources``, ``Labels`` and ``NodeManagerAddress``.

    Raises:
        RaySystemError: nothing is initialized.
    """
    return [_row(node) for node in _cluster()]


def cluster_resources() -> dict[str, float]:
    """What all living nodes have together, by resource; memory in bytes. Raises as `nodes` does."""
    return _sum([node.total for node in _cluster() if node.alive])


def available_resources() -> dict[str, float]:
    """What of `cluster_resources` is free; what is used up entirely is left out. Raises as `nodes` does."""
    return _sum([node.available for node in _cluster() if node.alive])


def timeline(filename: str | None = None) -> list[dict[str, Any]] | None:
    """What ran where and when, as events of Chrome's trace format; times in microseconds.

    Args:
        filename: write them there as JSON instead of returning them.

    Raises:
        RuntimeError: nothing is initialized.
    """
    if not session.is_initialized():
        raise RuntimeError("Ray has not been started yet. Timeline requires Ray to be initialized first.")
    events = session.able(KnowsItself, "timeline").timeline()
    if filename is None:
        return events
    with open(filename, "w", encoding="utf-8") as file:
        json.dump(events, file)
    return None


def list_named_actors(all_namespaces: bool = False) -> list[str] | list[dict[str, str]]:
    """The names of all living named actors.

    Args:
        all_namespaces: of every namespace, each as ``{"name": ..., "namespace": ...}``; otherwise of the current one.
    """
    found = session.able(KnowsItself, "list_named_actors").named_actors()
    if all_namespaces:
        return [{"name": name, "namespace": namespace} for namespace, name in found]
    here = _info().namespace
    return [name for namespace, name in found if namespace == here]


def get_node_ip_address() -> str:
    """The address of the node that this process runs on."""
    return ids.node_address(_info().node_id)


def _info() -> RuntimeInfo:
    return session.able(KnowsItself, "get_runtime_context").runtime_info()


def _nodes() -> list[NodeInfo]:
    return session.able(KnowsItself, "nodes").nodes()


def _cluster() -> list[NodeInfo]:
    # Code inside of `simulate` needs no `init`.
    if not session.is_initialized() and current.session() is None:
        raise RaySystemError(
            "System error: Ray has not been started yet. Trying to use state API before ray.init() has been called."
        )
    return _nodes()


def _initialized(what: str) -> RuntimeInfo:
    if not session.is_initialized():
        raise RuntimeError(f"{what} is not available because Ray has not been initialized.")
    return _info()


def _is_driver(info: RuntimeInfo) -> bool:
    return info.task_id is None and info.actor is None


def _is_constructor(info: RuntimeInfo) -> bool:
    return info.actor is not None and (info.function_name or "").endswith(".__init__")


def _worker_only(info: RuntimeInfo) -> RuntimeInfo:
    assert not _is_driver(info), "This method is only available when the process is a worker. Current mode: 0"
    return info


def _task_id(info: RuntimeInfo) -> TaskID | None:
    if info.actor is not None and _is_constructor(info):
        return ids.creation_id(info.actor.entry.id, info.job_id)
    if info.task_id is None:
        return None
    return ids.task_id(info.task_id, None if info.actor is None else info.actor.entry.id, info.job_id)


def _labels(node: NodeInfo) -> dict[str, str]:
    return {_NODE_ID_LABEL: ids.node_id(node.node_id).hex(), **node.labels}


def _row(node: NodeInfo) -> dict[str, Any]:
    address = ids.node_address(node.node_id)
    return {
        "NodeID": ids.node_id(node.node_id).hex(),
        "Alive": node.alive,
        "NodeManagerAddress": address,
        "NodeManagerHostname": node.name,
        "NodeManagerPort": 0,
        "ObjectManagerPort": 0,
        "ObjectStoreSocketName": f"{node.name}/plasma_store",
        "RayletSocketName": f"{node.name}/raylet",
        "MetricsExportPort": 0,
        "MetricsAgentPort": 0,
        "DashboardAgentListenPort": 0,
        "NodeName": address,
        "RuntimeEnvAgentPort": 0,
        "DeathReason": 0 if node.alive else 1,
        "DeathReasonMessage": "",
        "alive": node.alive,
        "Resources": _sum([node.total]) if node.alive else {},
        "Labels": _labels(node) if node.alive else {_NODE_ID_LABEL: ids.node_id(node.node_id).hex()},
    }


def _sum(quantities: list[Mapping[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for one in quantities:
        for name, quantity in one.items():
            total[name] = total.get(name, 0.0) + quantity
    return {name: quantity for name, quantity in total.items() if quantity > 0}  # as Ray shows them

"""`Knowing`: what Ray tells of where code runs and what the cluster is made of, in the words of `core.abilities`."""

from __future__ import annotations

import functools
from typing import Any

import ray
from ray._private import state
from ray._private.worker import global_worker

from simactors.core.abilities import NodeInfo, RuntimeInfo
from simactors.ray_backend import entries
from simactors.ray_backend.options import number_of

_TASK_DIGITS = 16
"""So many of the digits of a task's id are its own."""


class Knowing:
    """See `core.abilities.KnowsItself`."""

    def runtime_info(self) -> RuntimeInfo:
        """About the code that asks."""
        context = ray.get_runtime_context()
        is_driver = global_worker.mode != ray.WORKER_MODE
        actor = None if is_driver or context.get_actor_id() is None else context.current_actor
        actor_name = None if actor is None else context.get_actor_name() or None
        on_loop = actor is not None and global_worker.core_worker.current_actor_is_asyncio()
        task = None if is_driver else context.get_task_id()
        group = context.get_placement_group_id()
        gpus = ray.get_gpu_ids()
        return RuntimeInfo(
            job_id=int.from_bytes(bytes.fromhex(context.get_job_id()), "little"),
            node_id=_number(context.get_node_id()),
            worker_id=_number(context.get_worker_id()),
            namespace=context.namespace,
            task_id=None if task is None else _number(task[:_TASK_DIGITS]),
            task_name=None if is_driver else _plain_name(context.get_task_name(), actor_name),
            function_name=None if is_driver else context.get_task_function_name(),
            actor=None if actor is None else entries.actor_of(actor, on_loop=on_loop),
            actor_name=actor_name,
            placement_group_id=None if group is None else number_of(group),
            captures_child_tasks=context.should_capture_child_tasks_in_placement_group,
            assigned={} if is_driver else context.get_assigned_resources(),
            gpu_ids=tuple(int(gpu) for gpu in gpus if str(gpu).isdigit()),
            was_reconstructed=actor is not None and _was_restarted(context.get_actor_id()),
            is_canceled=not (is_driver or on_loop)
            and context.is_canceled(),  # on a loop they are interrupted
        )

    def running_call(self) -> tuple[int, int] | None:
        """See `core.abilities.KnowsItself`; Ray does not tell code how often it was begun before."""
        if global_worker.mode != ray.WORKER_MODE:
            return None
        return _number(ray.get_runtime_context().get_task_id()[:_TASK_DIGITS]), 0

    def nodes(self) -> list[NodeInfo]:
        """Every node there ever was."""
        free: Any = state.available_resources_per_node()
        return [
            NodeInfo(
                node_id=_number(row["NodeID"]),
                name=row["NodeName"],
                alive=row["Alive"],
                total=row["Resources"],
                available=free.get(row["NodeID"], {}),
                labels=row.get("Labels", {}),
            )
            for row in ray.nodes()
        ]

    def named_actors(self) -> list[tuple[str, str]]:
        """The (namespace, name) of every living named actor."""
        listed: Any = ray.util.list_named_actors(all_namespaces=True)
        return [(row["namespace"], row["name"]) for row in listed]

    def timeline(self) -> list[dict[str, Any]]:
        """What ran where and when."""
        return list(ray.timeline() or ())


def _plain_name(task_name: str, actor_name: str | None) -> str:
    """What Ray calls a task; the constructor of a named actor without that name, which `api` puts in front of it."""
    is_named = actor_name is not None and task_name.endswith(".__init__")
    return task_name.removeprefix(f"{actor_name}:") if is_named else task_name


def _number(text: str) -> int:
    return int(text, 16)


@functools.cache  # a process is one life of an actor, and the head of the cluster is asked
def _was_restarted(actor_id: str) -> bool:
    row: Any = state.actors(actor_id)
    return bool(row) and int(row["NumRestarts"]) > 0

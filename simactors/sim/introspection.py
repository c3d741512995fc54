"""What programs can ask about where they run: runtime context, nodes, timeline.

Only reads; see `core.abilities.KnowsItself`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simactors.core import ids
from simactors.core.abilities import NodeInfo, RuntimeInfo
from simactors.core.calls import Function
from simactors.core.events import Record
from simactors.core.refs import ActorRef
from simactors.core.resources import quantities_of
from simactors.sim.actor import SimActor
from simactors.sim.calls import captured, running_call
from simactors.sim.cluster import Process
from simactors.sim.invocation import Invocation
from simactors.sim.nodes import Node

_JOB = 1


def runtime_info(process: Process, namespace: str) -> RuntimeInfo:
    """What the code of `process` that runs now may know of itself."""
    actor: SimActor | None = process.actor
    call = running_call(process)
    grant = process.grant
    bundle = None if grant is None else grant.bundle
    function_name, name = _names(call)
    return RuntimeInfo(
        job_id=_JOB,
        node_id=process.node.id,
        worker_id=process.pid,
        namespace=namespace,
        task_id=None if call is None else call.id,
        task_name=name,
        function_name=function_name,
        attempt=0 if call is None else _attempt(call),
        actor=None if actor is None else ActorRef(actor, actor.cls.interface),
        actor_name=None if actor is None or actor.extra.name is None else actor.extra.name[1],
        placement_group_id=None if bundle is None else bundle[0],
        captures_child_tasks=captured(process) is not None,
        assigned={} if grant is None else quantities_of(grant.amounts),
        gpu_ids=() if grant is None else grant.gpus,
        was_reconstructed=actor is not None and actor.extra.was_restarted,
        is_canceled=call is not None and call.extra is not None and call.extra.is_told,
    )


def running(process: Process) -> tuple[int, int] | None:
    """Which call's code of `process` runs now, and how often it was begun before."""
    call = running_call(process)
    return None if call is None else (call.id, _attempt(call))


def _attempt(call: Invocation) -> int:
    return 0 if call.extra is None else call.extra.attempt


def _names(call: Invocation | None) -> tuple[str | None, str | None]:
    """The name of what runs, and the name that its options give it."""
    if call is None:
        return None, None
    # A constructor's options are the actor's: their name is not the call's.
    given = None if call.options is None or call.function is None else call.options.name
    return _qualified(call), given or call.label


def _qualified(call: Invocation) -> str:
    """The full name of the code: ``module.Account.add``."""
    spec = call.function.spec if isinstance(call.function, Function) else call.actor.cls.constructor
    return f"{spec.module}.{call.label}"


def node_infos(nodes: Sequence[Node]) -> list[NodeInfo]:
    """Every node, as programs see it."""
    return [
        NodeInfo(
            node_id=node.id,
            name=node.label,
            alive=node.alive,
            total=_quantities(node, node.pool.total) if node.alive else {},
            available=_quantities(node, node.pool.free) if node.alive else {},
            labels=node.labels,
        )
        for node in nodes
    ]


def _quantities(node: Node, units: Mapping[str, int]) -> dict[str, float]:
    """What there is, or is left, of each resource; Ray counts the node itself and the head among them."""
    found = {name: quantity for name, quantity in quantities_of(units.items()).items() if quantity}
    found[f"node:{ids.node_address(node.id)}"] = 1.0
    if node.id == 1:
        found["node:__internal_head__"] = 1.0
    return found


_ENDS = frozenset({"return", "raise", "die"})


def timeline(records: Sequence[Record]) -> list[dict[str, Any]]:
    """What ran where and when, as complete events of Chrome's trace format; times in microseconds."""
    started: dict[int, Record] = {}
    events = []
    for record in records:
        if record.kind == "start":
            started[record.call] = record
        elif record.kind in _ENDS and record.call in started:
            start = started.pop(record.call)
            events.append(
                {
                    "cat": f"task::{start.what}",
                    "cname": "generic_work",
                    "name": start.what,
                    "ph": "X",
                    "pid": "simulated cluster",
                    "tid": start.process,
                    "ts": start.time_ns / 1000,
                    "dur": (record.time_ns - start.time_ns) / 1000,
                    "args": {"call": start.call, "ended": record.kind},
                }
            )
    return events

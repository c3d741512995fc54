"""simactors: actor code in Ray's shape, on a deterministic simulator, on real processes, on Ray.

``import simactors as ray`` works. Importing this package patches nothing and starts nothing; SimPy, Ray and
Hypothesis are loaded when they are first needed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from simactors import exceptions
from simactors.api.actors import cancel, exit_actor, get_actor, kill
from simactors.api.context import (
    available_resources,
    cluster_resources,
    get_gpu_ids,
    get_runtime_context,
    nodes,
    timeline,
)
from simactors.api.generators import ObjectRefGenerator
from simactors.api.handles import ActorHandle
from simactors.api.objects import get, put, wait
from simactors.api.remote import method, remote
from simactors.api.session import init, is_initialized, shutdown
from simactors.core.refs import DynamicObjectRefGenerator, ObjectRef

if TYPE_CHECKING:
    from simactors.core.fault_plan import FaultPlan
    from simactors.exploration.determinism import check_determinism
    from simactors.exploration.exploring import explore
    from simactors.logs import SimLogFilter
    from simactors.sim.config import Latency, LinkConfig, NodeConfig, SimConfig
    from simactors.sim.fail_on import FailOn
    from simactors.sim.planned import Plan
    from simactors.sim.simulation import simulate
    from simactors.testing.decorator import simulated

__version__ = "0.1.0"

SCRIPT_MODE, WORKER_MODE = 0, 1  # Ray's numbers, for programs that compare them

__all__ = [
    "SCRIPT_MODE",
    "WORKER_MODE",
    "ActorHandle",
    "DynamicObjectRefGenerator",
    "FailOn",
    "FaultPlan",
    "Latency",
    "LinkConfig",
    "NodeConfig",
    "ObjectRef",
    "ObjectRefGenerator",
    "Plan",
    "SimConfig",
    "SimLogFilter",
    "__version__",
    "available_resources",
    "cancel",
    "check_determinism",
    "cluster_resources",
    "exceptions",
    "exit_actor",
    "explore",
    "get",
    "get_actor",
    "get_gpu_ids",
    "get_runtime_context",
    "init",
    "is_initialized",
    "kill",
    "method",
    "nodes",
    "put",
    "remote",
    "shutdown",
    "simulate",
    "simulated",
    "timeline",
    "wait",
]

# Resolved on first use, so that `import simactors` does not load the simulator.
_LAZY = {
    "check_determinism": "simactors.exploration.determinism",
    "explore": "simactors.exploration.exploring",
    "simulate": "simactors.sim.simulation",
    "simulated": "simactors.testing.decorator",
    "FailOn": "simactors.sim.fail_on",
    "FaultPlan": "simactors.core.fault_plan",
    "Latency": "simactors.sim.config",
    "LinkConfig": "simactors.sim.config",
    "NodeConfig": "simactors.sim.config",
    "Plan": "simactors.sim.planned",
    "SimConfig": "simactors.sim.config",
    "SimLogFilter": "simactors.logs",
}
_LAZY_MODULES = ("cluster_utils", "distributions", "faults", "util")


def __getattr__(name: str) -> Any:
    if name in _LAZY_MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _LAZY:
        raise AttributeError(f"module 'simactors' has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)

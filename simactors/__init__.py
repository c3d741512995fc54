"""simactors: actor code in Ray's shape, on a deterministic simulator, on real processes, on Ray.

``import simactors as ray`` works. Importing this package patches nothing, starts nothing and loads next to nothing:
each name is loaded when it is first used.
"""

from __future__ import annotations

import atexit
import importlib
import sys
from typing import TYPE_CHECKING, Any

from simactors import exceptions

if TYPE_CHECKING:
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
    from simactors.core.fault_plan import FaultPlan
    from simactors.core.refs import DynamicObjectRefGenerator, ObjectRef
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

# Where each name is, to be loaded at its first use: whoever imports the package may want none of them, as pytest in
# every session, and `simactors --help`.
_NAMES_OF = {
    "api.actors": ("cancel", "exit_actor", "get_actor", "kill"),
    "api.context": (
        "available_resources",
        "cluster_resources",
        "get_gpu_ids",
        "get_runtime_context",
        "nodes",
        "timeline",
    ),
    "api.generators": ("ObjectRefGenerator",),
    "api.handles": ("ActorHandle",),
    "api.objects": ("get", "put", "wait"),
    "api.remote": ("method", "remote"),
    "api.session": ("init", "is_initialized", "shutdown"),
    "core.fault_plan": ("FaultPlan",),
    "core.refs": ("DynamicObjectRefGenerator", "ObjectRef"),
    "exploration.determinism": ("check_determinism",),
    "exploration.exploring": ("explore",),
    "logs": ("SimLogFilter",),
    "sim.config": ("Latency", "LinkConfig", "NodeConfig", "SimConfig"),
    "sim.fail_on": ("FailOn",),
    "sim.planned": ("Plan",),
    "sim.simulation": ("simulate",),
    "testing.decorator": ("simulated",),
}
_LAZY = {name: f"{__name__}.{module}" for module, names in _NAMES_OF.items() for name in names}
_LAZY_MODULES = ("cluster_utils", "distributions", "faults", "util")


def __getattr__(name: str) -> Any:
    if name in _LAZY_MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _LAZY:
        raise AttributeError(f"module 'simactors' has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(_LAZY[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_LAZY_MODULES})


@atexit.register
def _shutdown_at_exit() -> None:
    # Registered before a session is opened: what programs register after the import still has it, as on Ray.
    if "simactors.api.session" in sys.modules:
        sys.modules["simactors.api.session"].shutdown()

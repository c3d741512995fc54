"""What a program asks for and the simulator can't honour yet, or no runtime could.

It is refused by name, never silently ignored: an ignored option changes what a program does. What of a `runtime_env`
can be honoured, its variables, is told here, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simactors.core.calls import Creation
from simactors.core.environments import Variables, checked_variables
from simactors.core.interface import MethodSpec
from simactors.core.options import ActorOptions, TaskOptions
from simactors.sim.cluster import Process


def check_task(spec: MethodSpec, options: TaskOptions) -> None:
    """Refuse a task that needs what is not there; raises `ValueError`."""
    _check(spec.label, options)


def check_creation(creation: Creation) -> None:
    """Refuse an actor that needs what is not there; raises `ValueError`."""
    _check(creation.actor_class.interface.class_name, creation.options)


def _check(label: str, options: TaskOptions | ActorOptions) -> None:
    if options.fallback_strategy:
        raise ValueError(f"{label}: fallback_strategy is not supported by backend='sim' yet")
    unknown = sorted(
        name for name, value in (options.runtime_env or {}).items() if value and name != "env_vars"
    )
    if unknown:
        raise ValueError(
            f"{label}: runtime_env: {', '.join(unknown)} is not supported by backend='sim', which honours env_vars"
        )


def variables_of(runtime_env: Mapping[str, Any] | None, caller: Process) -> Variables:
    """What a task or an actor of `caller` is to have in its environment: as on Ray, its own added to the caller's.

    Raises:
        ValueError: it says what can't be.
    """
    said = (runtime_env or {}).get("env_vars")
    if not said:
        return caller.variables
    return tuple(sorted({**dict(caller.variables), **dict(checked_variables(said))}.items()))

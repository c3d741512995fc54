"""What a program asks for and the simulator can't honour yet, or no runtime could.

It is refused by name, never silently ignored: an ignored option changes what a program does.
"""

from __future__ import annotations

from simactors.core.calls import Creation
from simactors.core.interface import MethodSpec
from simactors.core.options import ActorOptions, TaskOptions


def check_task(spec: MethodSpec, options: TaskOptions) -> None:
    """Refuse a task that needs what is not there; raises `ValueError`."""
    _check(spec.label, options)


def check_creation(creation: Creation) -> None:
    """Refuse an actor that needs what is not there; raises `ValueError`."""
    _check(creation.actor_class.interface.class_name, creation.options)


def _check(label: str, options: TaskOptions | ActorOptions) -> None:
    for name in ("runtime_env", "fallback_strategy"):
        if getattr(options, name):
            raise ValueError(f"{label}: {name} is not supported by backend='sim' yet")

"""What a program asks for and the simulator can't honour yet.

It is refused by name, never silently ignored: an ignored option changes what a program does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from simactors.core import calls, codec
from simactors.core.interface import MethodSpec
from simactors.core.options import ActorOptions, MethodOptions, TaskOptions


def check_task(spec: MethodSpec, options: TaskOptions) -> None:
    """Refuse a task that needs what is not there; raises `ValueError`."""
    check_method(spec, options)
    asked: dict[str, object] = {
        **_placement(options),
        "max_calls": options.max_calls,
    }
    _refuse(spec.label, asked)


def _placement(options: TaskOptions | ActorOptions) -> dict[str, object]:
    return {
        "num_gpus": options.num_gpus,
        "resources": options.resources,
        "memory": options.memory,
        "accelerator_type": options.accelerator_type,
        "label_selector": options.label_selector,
        "fallback_strategy": options.fallback_strategy,
        "object_store_memory": options.object_store_memory,
        "scheduling_strategy": options.scheduling_strategy not in (None, "DEFAULT"),
        "placement_group": options.placement_group not in (None, "default"),
        "runtime_env": options.runtime_env,
    }


def check_method(spec: MethodSpec, options: MethodOptions | TaskOptions) -> None:
    """Refuse a call that needs what is not there; raises `ValueError`."""
    asked: dict[str, object] = {"num_returns": isinstance(options.num_returns, str)}
    asked["async def"] = spec.needs_event_loop
    asked["a generator"] = spec.is_generator
    if isinstance(options, MethodOptions):
        asked["concurrency_group"] = options.concurrency_group
    _refuse(spec.label, asked)


def check_creation(creation: calls.Creation) -> None:
    """Refuse an actor that needs what the simulator has not got yet; raises `ValueError`."""
    options = creation.options
    asked: dict[str, object] = {
        **_placement(options),
        "max_concurrency": (options.max_concurrency or 1) > 1,
        "concurrency_groups": options.concurrency_groups,
        "allow_out_of_order_execution": options.allow_out_of_order_execution,
        "lifetime": options.lifetime == "detached",
    }
    methods = creation.actor_class.interface.methods.values()
    asked["async def"] = any(method.needs_event_loop for method in methods)
    _refuse(creation.actor_class.interface.class_name, asked)


def check_sendable(kind: str, code: Callable[..., object]) -> None:
    """Refuse code that no runtime could send to another process, though here it need not be sent.

    Raises:
        TypeError: it uses something that can't be serialized, a lock, say.
    """
    try:
        codec.encode(code, by_value=True)
    except Exception as error:  # pickling runs the user's code
        name = f"{code.__module__}.{code.__qualname__}"
        raise TypeError(f"Could not serialize the {kind} {name}: {type(error).__name__}: {error}") from error


def _refuse(label: str, asked: Mapping[str, object]) -> None:
    for name, value in asked.items():
        if value:
            raise ValueError(f"{label}: {name} is not supported by backend='sim' yet")

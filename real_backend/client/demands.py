"""What options mean here: resources as a `Demand`, and a clear refusal of what is not honoured yet.

An option that is ignored would change what a program does without a word; better no than wrong.
"""

from __future__ import annotations

from collections.abc import Mapping

from real_backend.control import Demand
from simactors.core.options import ActorOptions, TaskOptions

_UNIT = 10_000
"""Fractions of a resource are counted in ten-thousandths, as on Ray."""


def demand(options: TaskOptions | ActorOptions, *, default_cpus: float) -> Demand:
    """The resources that `options` ask for, besides memory, which is not counted here."""
    wanted = {
        "CPU": default_cpus if options.num_cpus is None else options.num_cpus,
        **(options.resources or {}),
    }
    return quantities(wanted)


def quantities(resources: Mapping[str, float]) -> Demand:
    """Units as whole numbers, zeros left out."""
    counted = ((name, round(amount * _UNIT)) for name, amount in resources.items())
    return tuple(sorted((name, amount) for name, amount in counted if amount))


def refuse_task(options: TaskOptions) -> None:
    """Raise `ValueError` for a task that can't be run faithfully."""
    _refuse_placement(options)
    _refuse(options.max_calls != 0, f"max_calls={options.max_calls}")


def refuse_actor(options: ActorOptions) -> None:
    """Raise `ValueError` for an actor that can't be run faithfully."""
    _refuse_placement(options)


def _refuse_placement(options: TaskOptions | ActorOptions) -> None:
    _refuse(bool(options.num_gpus), f"num_gpus={options.num_gpus}")
    _refuse(options.accelerator_type is not None, "accelerator_type")
    _refuse(bool(options.label_selector), "label_selector")
    _refuse(bool(options.fallback_strategy), "fallback_strategy")
    _refuse(bool(options.runtime_env), "runtime_env")
    strategy = options.scheduling_strategy
    _refuse(strategy not in (None, "DEFAULT", "SPREAD"), f"scheduling_strategy={strategy!r}")
    _refuse(options.placement_group not in ("default", None), "placement_group")


def _refuse(wrong: bool, what: str) -> None:
    if wrong:
        raise ValueError(f"{what} is not supported by backend='local' yet")

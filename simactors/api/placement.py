"""Where a task or an actor may run, checked when it is started: what could never be placed is refused at once.

Not the placing itself, which is the backend's.
"""

from __future__ import annotations

from msgspec.structs import replace

from simactors.core.calls import ActorClass
from simactors.core.options import ActorOptions, TaskOptions, actor_needs, task_needs
from simactors.core.strategies import GroupHandle, PlacementGroupSchedulingStrategy, check_bundles


def check_task(label: str, options: TaskOptions) -> TaskOptions:
    """The options that the backend gets.

    Raises:
        ValueError: no such strategy, no such bundle, or none that is large enough.
    """
    _check_whole(options)
    strategy = options.scheduling_strategy
    if not isinstance(strategy, PlacementGroupSchedulingStrategy):
        _check_word(strategy)
        return options
    check_bundles(label, _with_real_group(strategy), {}, task_needs(options))
    return replace(options, scheduling_strategy="DEFAULT") if _is_empty(strategy) else options


def check_actor(actor_class: ActorClass, options: ActorOptions) -> ActorOptions:
    """As `check_task`, for an actor; its concurrency is checked, too."""
    _check_whole(options)
    _check_concurrency(actor_class, options)
    strategy = options.scheduling_strategy
    if not isinstance(strategy, PlacementGroupSchedulingStrategy):
        _check_word(strategy)
        return options
    to_place, to_keep = actor_needs(options)
    check_bundles(actor_class.interface.class_name, _with_real_group(strategy), to_place, to_keep)
    return replace(options, scheduling_strategy="DEFAULT") if _is_empty(strategy) else options


def _check_whole(options: TaskOptions | ActorOptions) -> None:
    gpus = options.num_gpus
    if gpus is not None and gpus > 1 and gpus != int(gpus):
        raise ValueError(
            f"GPU resource quantities >1 must be whole numbers. The specified quantity {gpus} is invalid."
        )


def _check_word(strategy: object) -> None:
    if isinstance(strategy, str) and strategy not in ("DEFAULT", "SPREAD"):
        raise ValueError(
            f'Invalid scheduling_strategy value {strategy}. Valid values are ["DEFAULT" | "SPREAD" | '
            "PlacementGroupSchedulingStrategy | NodeAffinitySchedulingStrategy]"
        )


def _with_real_group(strategy: PlacementGroupSchedulingStrategy) -> PlacementGroupSchedulingStrategy:
    group: object = strategy.placement_group
    assert group is None or isinstance(group, GroupHandle), (
        f"placement_group must be a PlacementGroup or None, not {type(group)}"
    )
    return strategy


def _is_empty(strategy: PlacementGroupSchedulingStrategy) -> bool:
    return strategy.placement_group is None or strategy.placement_group.is_empty


def _check_concurrency(actor_class: ActorClass, options: ActorOptions) -> None:
    methods = actor_class.interface.methods.values()
    groups = options.concurrency_groups or {}
    if not isinstance(groups, dict) or not all(isinstance(limit, int) for limit in groups.values()):
        raise TypeError(f"concurrency_groups must be a dict of names and integers, not {groups!r}")
    for method in methods:
        group = method.options.concurrency_group
        assert group is None or group in groups, (
            f"{method.label} is in the concurrency group {group!r}, which its class does not declare"
        )
    if options.allow_out_of_order_execution is not False:
        return
    kind = "async" if any(method.needs_event_loop for method in methods) else "multi-threaded"
    if kind == "async" or (options.max_concurrency or 1) > 1:
        raise ValueError(
            f"If you're using {kind} actors, Ray can't execute actor tasks in order. Set "
            "`allow_out_of_order_execution=True` to allow out-of-order execution."
        )

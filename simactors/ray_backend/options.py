"""Options in Ray's own words: what says nothing is left out, strategies and groups are Ray's classes."""

from __future__ import annotations

from typing import Any

from ray._raylet import PlacementGroupID
from ray.util import scheduling_strategies
from ray.util.placement_group import PlacementGroup

from simactors.core import ids, strategies
from simactors.core.options import ActorOptions, MethodOptions, TaskOptions

# Said in the scheduling strategy as well.
_SAID_TWICE = frozenset(
    {"placement_group", "placement_group_bundle_index", "placement_group_capture_child_tasks"}
)


def to_ray(
    options: TaskOptions | ActorOptions | MethodOptions, known: MethodOptions | None = None
) -> dict[str, Any]:
    """What `options` say beyond what Ray knows already, as keywords of Ray's.

    Args:
        known: what that is; None for the defaults.
    """
    said = {}
    plain = type(options)() if known is None else known
    for name in type(options).__struct_fields__:
        value = getattr(options, name)
        if name not in _SAID_TWICE and value != getattr(plain, name):
            said[name] = strategy_to_ray(value) if name == "scheduling_strategy" else value
    return said


def strategy_to_ray(strategy: Any) -> Any:
    """A scheduling strategy as Ray's."""
    if isinstance(strategy, strategies.PlacementGroupSchedulingStrategy):
        group = strategy.placement_group
        return scheduling_strategies.PlacementGroupSchedulingStrategy(
            None if group is None else group_of(group.id_number),
            strategy.placement_group_bundle_index,
            strategy.placement_group_capture_child_tasks,
        )
    if isinstance(strategy, strategies.NodeAffinitySchedulingStrategy):
        return scheduling_strategies.NodeAffinitySchedulingStrategy(
            strategy.node_id,
            strategy.soft,
            strategy._spill_on_unavailable,
            strategy._fail_on_unavailable,
        )
    if isinstance(strategy, strategies.NodeLabelSchedulingStrategy):
        return scheduling_strategies.NodeLabelSchedulingStrategy(
            hard={label: _condition_to_ray(c) for label, c in strategy.hard.items()},
            soft={label: _condition_to_ray(c) for label, c in strategy.soft.items()},
        )
    return strategy


def _condition_to_ray(condition: strategies.Condition) -> Any:
    theirs = getattr(scheduling_strategies, type(condition).__name__)
    return theirs(*getattr(condition, "values", ()))


def group_of(number: int) -> PlacementGroup:
    """Ray's handle of a placement group."""
    return PlacementGroup(PlacementGroupID(ids.group_id(number).binary()))


def number_of(group: str) -> int:
    """The inverse of `group_of`, from the hexadecimal digits of the id."""
    return ids.PlacementGroupID.from_hex(group).number

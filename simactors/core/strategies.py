"""Where a task or an actor may run: Ray's scheduling strategies as plain data.

Nothing here places anything. Programs import these classes from `simactors.util.scheduling_strategies`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct
from msgspec.structs import force_setattr

from simactors.core.ids import NodeID


@runtime_checkable
class GroupHandle(Protocol):
    """A placement group as programs hold it; see `util.placement_group.PlacementGroup`."""

    @property
    def id_number(self) -> int:
        """The id that `create_group` of the backend gave."""
        ...

    @property
    def is_empty(self) -> bool:
        """Whether it stands for no group."""
        ...


class Reservation(GroupHandle, Protocol):
    """A placement group whose bundles can be looked at. Apart, because looking may ask the backend."""

    @property
    def bundle_specs(self) -> Sequence[Mapping[str, float]]:
        """What each bundle reserves, by resource."""
        ...


class PlacementGroupSchedulingStrategy(Struct, frozen=True):
    """In a bundle of a placement group.

    Attributes:
        placement_group: the group; None for none.
        placement_group_bundle_index: which bundle; -1 for any.
        placement_group_capture_child_tasks: what runs there starts its own tasks and actors in the group, too; None:
            as whoever calls.
    """

    placement_group: Reservation | None
    placement_group_bundle_index: int = -1
    placement_group_capture_child_tasks: bool | None = None


class NodeAffinitySchedulingStrategy(Struct, frozen=True):
    """On one node.

    Attributes:
        node_id: its hexadecimal id, as `RuntimeContext.get_node_id` and `nodes` give it.
        soft: elsewhere if that node is gone or can never hold it; otherwise that is an error.

    Raises:
        ValueError: not the id of a node, or flags that contradict each other.
    """

    node_id: str
    soft: bool
    _spill_on_unavailable: bool = False
    _fail_on_unavailable: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.node_id, str):
            force_setattr(self, "node_id", self.node_id.hex())
        if _is_no_node(self.node_id):
            raise ValueError(
                f"Invalid node_id '{self.node_id}'. Node ID must be a valid hex string. To get a list of all nodes "
                "and their IDs in your cluster, use ray.nodes()."
            )
        if self._spill_on_unavailable and not self.soft:
            raise ValueError(
                "_spill_on_unavailable cannot be set when soft is False. Please set soft to True to use "
                "_spill_on_unavailable."
            )
        if self._fail_on_unavailable and self.soft:
            raise ValueError(
                "_fail_on_unavailable cannot be set when soft is True. Please set soft to False to use "
                "_fail_on_unavailable."
            )


def _is_no_node(text: str) -> bool:
    try:
        return NodeID.from_hex(text).is_nil()
    except ValueError:
        return True


@dataclass(frozen=True, slots=True, init=False)
class In:
    """The label has one of these values."""

    values: tuple[str, ...]

    def __init__(self, *values: str) -> None:
        object.__setattr__(self, "values", _checked(values, "In"))


@dataclass(frozen=True, slots=True, init=False)
class NotIn:
    """The label has none of these values."""

    values: tuple[str, ...]

    def __init__(self, *values: str) -> None:
        object.__setattr__(self, "values", _checked(values, "NotIn"))


class Exists(Struct, frozen=True):
    """The node has the label."""


class DoesNotExist(Struct, frozen=True):
    """The node does not have the label."""


Condition = In | NotIn | Exists | DoesNotExist


@dataclass(frozen=True, slots=True, init=False)
class NodeLabelSchedulingStrategy:
    """On a node whose labels fulfil conditions: ``NodeLabelSchedulingStrategy({"region": In("us")})``.

    Attributes:
        hard: conditions that the node must fulfil, by label.
        soft: conditions that it fulfils if any node does.

    Raises:
        ValueError: no conditions at all, or something that is no condition.
    """

    hard: Mapping[str, Condition]
    soft: Mapping[str, Condition]

    def __init__(
        self, hard: Mapping[str, Condition] | None, *, soft: Mapping[str, Condition] | None = None
    ) -> None:
        object.__setattr__(self, "hard", _conditions(hard, "hard"))
        object.__setattr__(self, "soft", _conditions(soft, "soft"))
        if not (self.hard or self.soft):
            raise ValueError(
                "The `hard` and `soft` parameter of NodeLabelSchedulingStrategy cannot both be empty."
            )


Strategy = (
    None
    | str
    | PlacementGroupSchedulingStrategy
    | NodeAffinitySchedulingStrategy
    | NodeLabelSchedulingStrategy
)
"""What the option ``scheduling_strategy`` takes; the strings are ``DEFAULT`` and ``SPREAD``."""

STRATEGY_TYPES: tuple[type, ...] = (
    type(None),
    str,
    PlacementGroupSchedulingStrategy,
    NodeAffinitySchedulingStrategy,
    NodeLabelSchedulingStrategy,
)


def check_bundles(
    label: str,
    strategy: PlacementGroupSchedulingStrategy,
    to_place: Mapping[str, float],
    to_keep: Mapping[str, float],
) -> None:
    """Refuse what could never run in the group of `strategy`.

    Args:
        label: what asks: ``boom``, ``Log``.
        to_place: what must be free to start it.
        to_keep: what of it is kept.

    Raises:
        ValueError: there is no bundle of that index, or none that is large enough.
    """
    group = strategy.placement_group
    check_index(group, strategy.placement_group_bundle_index)
    if group is None or group.is_empty:
        return
    bundles = group.bundle_specs
    if not _fits_into_one(to_keep, bundles):
        raise ValueError(
            f"Cannot schedule {label} with the placement group because the resource request {dict(to_keep)} "
            f"cannot fit into any bundles for the placement group, {list(bundles)}."
        )
    if not _fits_into_one(to_place, bundles):
        raise ValueError(
            f"Cannot schedule {label} with the placement group because the actor requires "
            f"{to_place.get('CPU', 0)} CPU for creation, but it cannot fit into any bundles for the placement "
            f"group, {list(bundles)}. Consider creating a placement group with CPU resources."
        )


def check_index(group: Reservation | None, index: int) -> None:
    """Raise `ValueError` if `group` has no bundle of that index; -1 stands for any, and is all that no group has."""
    if group is None or group.is_empty:
        if index != -1:
            raise ValueError("If placement group is not set, the value of bundle index must be -1.")
    elif not -1 <= index < len(group.bundle_specs):
        raise ValueError(
            f"placement group bundle index {index} is invalid. Valid placement group indexes: "
            f"0-{len(group.bundle_specs)}"
        )


def _fits_into_one(amounts: Mapping[str, float], bundles: Sequence[Mapping[str, float]]) -> bool:
    return any(all(bundle.get(name, 0) >= amount for name, amount in amounts.items()) for bundle in bundles)


def _checked(values: tuple[Any, ...], operator: str) -> tuple[str, ...]:
    if not values:
        raise ValueError(
            f"The variadic parameter of the {operator} operator must be a non-empty tuple: "
            f'e.g. {operator}("value1", "value2").'
        )
    for position, value in enumerate(values):
        if not isinstance(value, str):
            raise ValueError(
                f"Type of value in position {position} for the {operator} operator must be str "
                f'(e.g. {operator}("value1", "value2")) but got {value} of type {type(value)}.'
            )
    return values


def _conditions(conditions: Any, parameter: str) -> dict[str, Condition]:
    if conditions is None:
        return {}
    if not isinstance(conditions, dict):
        raise ValueError(
            f'The {parameter} parameter must be a map (e.g. {{"key1": In("value1")}}) '
            f"but got type {type(conditions)}."
        )
    for key, condition in conditions.items():
        if not isinstance(key, str):
            raise ValueError(
                f"The map key of the {parameter} parameter must be of type str "
                f'(e.g. {{"key1": In("value1")}}) but got {key} of type {type(key)}.'
            )
        if not isinstance(condition, Condition):
            raise ValueError(
                f"The map value for key {key} of the {parameter} parameter must be one of the `In`, `NotIn`, "
                f'`Exists` or `DoesNotExist` operator (e.g. {{"key1": In("value1")}}) but got {condition} '
                f"of type {type(condition)}."
            )
    return dict(conditions)

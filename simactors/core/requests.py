"""What a task, an actor or a bundle asks of the cluster, read from its options once.

Frozen and hashable: claims with equal requests wait in one queue.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from simactors.core import strategies
from simactors.core.options import ActorOptions, TaskOptions, actor_needs, task_needs
from simactors.core.resources import Amounts, amounts_of

Selector = tuple[tuple[str, str, tuple[str, ...]], ...]
"""Conditions on labels: (key, operator, values); the operators are ``in``, ``not in``, ``exists``, ``absent``."""


class Hybrid(NamedTuple):
    """Wherever it fits: near the caller first."""


class Spread(NamedTuple):
    """On the node that is next in turn."""


class Affinity(NamedTuple):
    """On that node (its hexadecimal id); if `soft`, elsewhere when it is gone or could never hold it."""

    node: str
    soft: bool


class Labels(NamedTuple):
    """On a node whose labels match `hard`, and `soft` if there is one."""

    hard: Selector
    soft: Selector


class Bundle(NamedTuple):
    """In a placement group; `number` is -1 for any of its bundles."""

    group: int
    number: int


class Request(NamedTuple):
    """What is asked for.

    Attributes:
        to_place: what must be free.
        to_keep: what of it is kept while the process lives; the rest is given back when it is there.
        labels: what the node's labels must match.
        captures: what it starts belongs to its placement group, too.
    """

    to_place: Amounts
    to_keep: Amounts
    where: Hybrid | Spread | Affinity | Labels | Bundle = Hybrid()
    labels: Selector = ()
    captures: bool = False


def of_task(options: TaskOptions, inherited: Bundle | None) -> Request:
    """What a task needs; `inherited` is the group that captures what its caller starts."""
    amounts = amounts_of(task_needs(options))
    return _request(amounts, amounts, options, inherited)


def of_actor(options: ActorOptions, inherited: Bundle | None) -> Request:
    """What an actor needs to be placed, and what of it it keeps."""
    to_place, to_keep = actor_needs(options)
    return _request(amounts_of(to_place), amounts_of(to_keep), options, inherited)


def _request(
    to_place: Amounts, to_keep: Amounts, options: TaskOptions | ActorOptions, inherited: Bundle | None
) -> Request:
    where: Any = Hybrid()
    captures = False
    strategy = options.scheduling_strategy
    if isinstance(strategy, strategies.PlacementGroupSchedulingStrategy):
        if strategy.placement_group is not None:
            where = Bundle(strategy.placement_group.id_number, strategy.placement_group_bundle_index)
        captures = bool(strategy.placement_group_capture_child_tasks)
    elif isinstance(strategy, strategies.NodeAffinitySchedulingStrategy):
        where = Affinity(strategy.node_id, strategy.soft)
    elif isinstance(strategy, strategies.NodeLabelSchedulingStrategy):
        where = Labels(_conditions(strategy.hard), _conditions(strategy.soft))
    elif strategy == "SPREAD":
        where = Spread()
    elif strategy is None and options.placement_group == "default" and inherited is not None:
        captures = options.placement_group_capture_child_tasks is not False
        where = inherited._replace(number=options.placement_group_bundle_index)
    return Request(to_place, to_keep, where, selector_of(options.label_selector), captures)


def selector_of(labels: Mapping[str, str] | None) -> Selector:
    """A label selector in Ray's notation: ``a``, ``!a``, ``in(a,b)``, ``!in(a,b)``."""
    found = []
    for key, text in sorted((labels or {}).items()):
        negated, text = text.startswith("!"), text.removeprefix("!")
        values = text[3:-1].split(",") if text.startswith("in(") and text.endswith(")") else [text]
        operator = "not in" if negated else "in"
        found.append((key, operator, tuple(value.strip() for value in values)))
    return tuple(found)


def _conditions(conditions: Mapping[str, Any] | None) -> Selector:
    found = []
    for key, condition in sorted((conditions or {}).items()):
        values = condition.values if isinstance(condition, strategies.In | strategies.NotIn) else ()
        found.append((key, _OPERATORS[type(condition)], values))
    return tuple(found)


_OPERATORS: Mapping[type, str] = {
    strategies.In: "in",
    strategies.NotIn: "not in",
    strategies.Exists: "exists",
    strategies.DoesNotExist: "absent",
}


def matches(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Whether a node with `labels` will do."""
    return all(_holds(operator, labels.get(key), values) for key, operator, values in selector)


def _holds(operator: str, value: str | None, values: tuple[str, ...]) -> bool:
    if operator == "exists":
        return value is not None
    if operator == "absent":
        return value is None
    return (value in values) == (operator == "in")

"""The options of tasks, actors and methods: Ray's names, types and error messages, in one table.

An option stands in the table only if it is validated here and carried to the backend; what a backend does
with it is the backend's promise (docs/semantics.md says which).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from simactors.core import labels
from simactors.core.resources import can_be
from simactors.core.strategies import (
    STRATEGY_TYPES,
    GroupHandle,
    PlacementGroupSchedulingStrategy,
    Strategy,
)


class _Resources(Struct, frozen=True, kw_only=True):
    """What both tasks and actors may ask for; CPUs and GPUs in units, memory in bytes.

    Backends read `scheduling_strategy`: the deprecated options ``placement_group...`` are expressed in it, too. None
    means that the group of the caller is kept if that captures what it starts, `DEFAULT` that none is.
    """

    num_cpus: float | None = None
    num_gpus: float | None = None
    memory: float | None = None
    resources: Mapping[str, float] | None = None
    accelerator_type: str | None = None
    label_selector: Mapping[str, str] | None = None
    fallback_strategy: list[Any] | None = None
    object_store_memory: int | None = None
    scheduling_strategy: Strategy = None
    placement_group: Any = "default"
    placement_group_bundle_index: int = -1
    placement_group_capture_child_tasks: bool | None = None
    runtime_env: Mapping[str, Any] | None = None
    enable_task_events: bool = True
    name: str | None = None


class TaskOptions(_Resources, frozen=True, kw_only=True):
    """Options of a remote function.

    Attributes:
        num_returns: how many refs a call gives; ``streaming`` for a generator whose items come one by one, ``dynamic``
            for one whose items come together.
    """

    num_returns: int | str = 1
    max_retries: int = 3
    retry_exceptions: bool | list[Any] | tuple[Any, ...] = False
    max_calls: int = 0
    _generator_backpressure_num_objects: int | None = None


class ActorOptions(_Resources, frozen=True, kw_only=True):
    """Options of an actor.

    Attributes:
        max_concurrency: calls at once; None and 0 stand for the default: 1000 for an async actor, else 1.
        concurrency_groups: limits of their own for the methods of a group, by its name.
    """

    namespace: str | None = None
    lifetime: str | None = None
    get_if_exists: bool = False
    max_restarts: int = 0
    max_task_retries: int = 0
    max_concurrency: int | None = None
    max_pending_calls: int = -1
    concurrency_groups: Mapping[str, int] | None = None
    allow_out_of_order_execution: bool | None = None


class MethodOptions(Struct, frozen=True, kw_only=True):
    """Options of one method, or of one call of it; see `TaskOptions`."""

    num_returns: int | str = 1
    name: str | None = None
    concurrency_group: str | None = None
    max_task_retries: int | None = None
    retry_exceptions: bool | list[Any] | tuple[Any, ...] | None = None
    enable_task_events: bool | None = None
    _generator_backpressure_num_objects: int | None = None


PLAIN_METHOD = MethodOptions()
"""The options of a method that says nothing: one object, so that backends know it at a glance."""


def task_needs(options: TaskOptions) -> dict[str, float]:
    """What a task takes while it runs, by resource: one CPU unless it says otherwise."""
    return {"CPU": 1, **_said(options)}


def actor_needs(options: ActorOptions) -> tuple[dict[str, float], dict[str, float]]:
    """What must be free to start an actor, and what of it the actor keeps.

    As on Ray, an actor that names no resource (memory does not count) takes a CPU to be placed, and gives it back; one
    that names others keeps a CPU, too, unless it says ``num_cpus=0``.
    """
    said = _said(options)
    if said.keys() <= {"memory", "object_store_memory"}:
        return {"CPU": 1, **said}, said
    kept = {"CPU": 1, **said}
    return kept, kept


def _said(options: _Resources) -> dict[str, float]:
    said: dict[str, float | None] = {
        **(options.resources or {}),
        "CPU": options.num_cpus,
        "GPU": options.num_gpus,
        "memory": options.memory,
        "object_store_memory": options.object_store_memory,
    }
    if options.accelerator_type is not None:
        said[f"accelerator_type:{options.accelerator_type}"] = 0.001
    return {name: quantity for name, quantity in said.items() if quantity is not None}


Options = TypeVar("Options", TaskOptions, ActorOptions, MethodOptions)


class _Rule(Struct, frozen=True):
    """What values one option takes: `types` in Ray's words, `problem` says what is wrong with a value."""

    types: tuple[type, ...]
    problem: Callable[[Any], str | None] = field(default=lambda _: None)


def _at_least(least: int, message: str) -> Callable[[Any], str | None]:
    return lambda v: message if v is not None and v < least else None


def _count(name: str, *, endless: bool = True) -> _Rule:
    """A number of times; -1 for ever, if `endless`."""
    end = (
        ", 0, -1 or a positive integer, where -1 represents infinity."
        if endless
        else ", 0 or a positive integer."
    )
    message = f"The keyword '{name}' only accepts None{end}"
    return _Rule((int, type(None)), _at_least(-1 if endless else 0, message))


def _quantity_problem(name: str, quantity: float | None) -> str | None:
    if quantity is None:
        return None
    if quantity < 0:
        return f"The quantity of resource {name} cannot be negative"
    if not can_be(quantity):
        return f"The quantity of resource {name} must be finite, not {quantity}"
    if isinstance(quantity, float) and 0 < quantity < _LEAST_FRACTION:
        return f"The precision of the fractional quantity of resource {name} cannot go beyond 0.0001"
    return None


_LEAST_FRACTION = 0.0001


def _quantity(name: str) -> _Rule:
    return _Rule((float, int, type(None)), lambda v: _quantity_problem(name, v))


def _resources_problem(value: Mapping[str, float] | None) -> str | None:
    if value and ("CPU" in value or "GPU" in value):
        return "Use the 'num_cpus' and 'num_gpus' keyword instead of 'CPU' and 'GPU' in 'resources' keyword"
    problems = (_quantity_problem(name, quantity) for name, quantity in (value or {}).items())
    return next(filter(None, problems), None)


def _name_problem(value: str | None) -> str | None:
    return "Actor name cannot be an empty string." if value == "" else None


def _returns_problem(value: Any) -> str | None:
    if (
        value in (None, "dynamic", "streaming") or value >= 0
    ):  # of other texts, `>=` says what is wrong, as on Ray
        return None
    return (
        "Default None. When None is passed, The default value is 1 for a task and actor task, and 'streaming' for "
        "generator tasks and generator actor tasks. The keyword 'num_returns' only accepts None, a non-negative "
        "integer, 'streaming' (for generators), or 'dynamic'. 'dynamic' flag will be deprecated in the future, and "
        "it is recommended to use 'streaming' instead."
    )


def _retry_problem(value: Any) -> str | None:
    if not isinstance(value, list | tuple):
        return None
    if all(isinstance(v, type) and issubclass(v, Exception) for v in value):
        return None
    return "retry_exceptions must be either a boolean or a list of exceptions"


_BACKPRESSURE_OF_ZERO = (
    "_generator_backpressure_num_objects=0 is not allowed. Use a value > 0. If the value is equal to 1, the behavior "
    "is identical to Python generator (generator 1 object whenever `next` is called). Use -1 to disable this feature. "
)
_TEXT = _Rule((str, type(None)))
_FLAG = _Rule((bool, type(None)))
_ANY = _Rule((object,))
_RULES: Mapping[str, _Rule] = {
    "num_cpus": _quantity("num_cpus"),
    "num_gpus": _quantity("num_gpus"),
    "memory": _quantity("memory"),
    "object_store_memory": _count("object_store_memory", endless=False),
    "resources": _Rule((dict, type(None)), _resources_problem),
    "accelerator_type": _TEXT,
    "label_selector": _Rule((dict, type(None)), labels.selector_problem),
    "fallback_strategy": _Rule((list, type(None)), labels.fallback_problem),
    "runtime_env": _Rule((dict, type(None))),
    "name": _Rule((str, type(None)), _name_problem),
    "namespace": _Rule(
        (str, type(None)),
        lambda v: None if v != "" else '"" is not a valid namespace. Pass None to not specify a namespace.',
    ),
    "lifetime": _Rule(
        (str, type(None)),
        lambda v: (
            None
            if v in (None, "detached", "non_detached")
            else "actor `lifetime` argument must be one of 'detached', 'non_detached' and 'None'."
        ),
    ),
    "get_if_exists": _Rule((bool,)),
    "num_returns": _Rule((int, str, type(None)), _returns_problem),
    "max_retries": _count("max_retries"),
    "max_restarts": _count("max_restarts"),
    "max_task_retries": _count("max_task_retries"),
    "max_calls": _count("max_calls", endless=False),
    "max_concurrency": _count("max_concurrency", endless=False),
    "max_pending_calls": _Rule(
        (int,),
        lambda v: (
            None
            if v == -1 or v > 0
            else "The keyword 'max_pending_calls' only accepts -1 or a positive integer"
        ),
    ),
    "retry_exceptions": _Rule((bool, list, tuple, type(None)), _retry_problem),
    "concurrency_group": _TEXT,
    "concurrency_groups": _Rule((dict, list, type(None))),
    "allow_out_of_order_execution": _FLAG,
    "scheduling_strategy": _Rule(STRATEGY_TYPES),
    "placement_group": _Rule((type(None), str, GroupHandle)),
    "placement_group_bundle_index": _Rule((int,)),
    "placement_group_capture_child_tasks": _FLAG,
    "enable_task_events": _FLAG,
    "_generator_backpressure_num_objects": _Rule(
        (int, type(None)), lambda v: _BACKPRESSURE_OF_ZERO if v == 0 else None
    ),
}


_RULES_OF_TASKS: dict[str, _Rule] = {
    "object_store_memory": _Rule(
        (int, type(None)),
        lambda v: None if v is None else "Setting 'object_store_memory' is not implemented for tasks",
    )
}
"""Where tasks differ from actors."""


def with_options(options: Options, changes: Mapping[str, Any], *, what: str) -> Options:
    """`options` with `changes` made, each checked.

    Args:
        what: whose options these are in error messages: "actors", "remote functions".

    Raises:
        ValueError: an unknown option (the valid ones are listed), or a value out of range.
        TypeError: a value of the wrong type.
    """
    if not changes:
        return options
    valid = list(type(options).__struct_fields__)
    own = _RULES_OF_TASKS if isinstance(options, TaskOptions) else {}
    for name, value in changes.items():
        if name not in valid:
            raise ValueError(f"Invalid option keyword {name} for {what}. Valid ones are {valid}.")
        rule = own.get(name) or _RULES.get(name, _ANY)
        if not isinstance(value, rule.types):
            raise TypeError(
                f"The type of keyword '{name}' must be {rule.types}, but received type {type(value)}"
            )
        problem = rule.problem(value)
        if problem is not None:
            raise ValueError(problem)
    return _with_group(replace(options, **changes), changes)


_GROUP_OPTIONS = frozenset(
    {"placement_group", "placement_group_bundle_index", "placement_group_capture_child_tasks"}
)


def _with_group(options: Options, changes: Mapping[str, Any]) -> Options:
    """The deprecated options of placement groups, said in the words of a scheduling strategy."""
    if isinstance(options, MethodOptions) or _GROUP_OPTIONS.isdisjoint(changes):
        return options
    group: Any = options.placement_group
    if group == "default":
        return options
    if changes.get("placement_group", "default") not in ("default", None) and changes.get(
        "scheduling_strategy"
    ):
        raise ValueError(
            "Placement groups should be specified via the scheduling_strategy option. "
            "The placement_group option is deprecated."
        )
    if group is None:
        return (
            options if "scheduling_strategy" in changes else replace(options, scheduling_strategy="DEFAULT")
        )
    strategy = PlacementGroupSchedulingStrategy(
        group, options.placement_group_bundle_index, options.placement_group_capture_child_tasks
    )
    return replace(options, scheduling_strategy=strategy)

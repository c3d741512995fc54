"""The options of tasks, actors and methods: Ray's names, types and error messages, in one table.

An option stands in the table only if it is validated here and carried to the backend; what a backend does
with it is the backend's promise (docs/semantics.md says which).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resources:
    """What both tasks and actors may ask for; CPUs and GPUs in units, memory in bytes."""

    num_cpus: float | None = None
    num_gpus: float | None = None
    memory: float | None = None
    resources: Mapping[str, float] | None = None
    accelerator_type: str | None = None
    label_selector: Mapping[str, str] | None = None
    fallback_strategy: list[Any] | None = None
    object_store_memory: int | None = None
    scheduling_strategy: Any = None
    placement_group: Any = "default"
    placement_group_bundle_index: int = -1
    placement_group_capture_child_tasks: bool | None = None
    runtime_env: Mapping[str, Any] | None = None
    enable_task_events: bool = True
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOptions(_Resources):
    """Options of a remote function."""

    num_returns: int | str = 1
    max_retries: int = 3
    retry_exceptions: bool | list[Any] | tuple[Any, ...] = False
    max_calls: int = 0
    _generator_backpressure_num_objects: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorOptions(_Resources):
    """Options of an actor."""

    namespace: str | None = None
    lifetime: str | None = None
    get_if_exists: bool = False
    max_restarts: int = 0
    max_task_retries: int = 0
    max_concurrency: int | None = None
    max_pending_calls: int = -1
    concurrency_groups: Any = None
    allow_out_of_order_execution: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodOptions:
    """Options of one method, or of one call of it."""

    num_returns: int | str = 1
    name: str | None = None
    concurrency_group: str | None = None
    max_task_retries: int | None = None
    retry_exceptions: bool | list[Any] | tuple[Any, ...] | None = None
    _generator_backpressure_num_objects: int | None = None


PLAIN_METHOD = MethodOptions()
"""The options of a method that says nothing: one object, so that backends know it at a glance."""

Options = TypeVar("Options", TaskOptions, ActorOptions, MethodOptions)


@dataclass(frozen=True, slots=True)
class _Rule:
    """What values one option takes: `types` in Ray's words, `problem` says what is wrong with a value."""

    types: tuple[type, ...]
    problem: Callable[[Any], str | None] = field(default=lambda _: None)


def _at_least(least: int, message: str) -> Callable[[Any], str | None]:
    return lambda v: message if v is not None and v < least else None


def _quantity(name: str) -> _Rule:
    return _Rule(
        (float, int, type(None)),
        _at_least(0, f"The quantity of resource {name} cannot be negative"),
    )


def _resources_problem(value: Mapping[str, float] | None) -> str | None:
    for name, quantity in (value or {}).items():
        if name in ("CPU", "GPU"):
            return f"Use the 'num_{name.lower()}s' keyword instead of '{name}' in 'resources' keyword"
        if quantity < 0:
            return f"The quantity of resource {name} cannot be negative"
    return None


def _name_problem(value: str | None) -> str | None:
    return "Actor name cannot be an empty string." if value == "" else None


def _returns_problem(value: int | str) -> str | None:
    if isinstance(value, str):
        allowed = ("dynamic", "streaming")
        return None if value in allowed else f"num_returns must be an int or one of {allowed}, not {value!r}"
    return (
        None
        if value >= 0
        else "The keyword 'num_returns' only accepts 0, a positive integer, 'dynamic' or 'streaming'"
    )


_TEXT = _Rule((str, type(None)))
_FLAG = _Rule((bool, type(None)))
_ANY = _Rule((object,))
_RULES: Mapping[str, _Rule] = {
    "num_cpus": _quantity("num_cpus"),
    "num_gpus": _quantity("num_gpus"),
    "memory": _quantity("memory"),
    "object_store_memory": _quantity("object_store_memory"),
    "resources": _Rule((dict, type(None)), _resources_problem),
    "accelerator_type": _TEXT,
    "label_selector": _Rule((dict, type(None))),
    "fallback_strategy": _Rule((list, type(None))),
    "runtime_env": _Rule((dict, type(None))),
    "name": _Rule((str, type(None)), _name_problem),
    "namespace": _TEXT,
    "lifetime": _Rule(
        (str, type(None)),
        lambda v: (
            None
            if v in (None, "detached", "non_detached")
            else "actor `lifetime` argument must be one of 'detached', 'non_detached' and 'None'."
        ),
    ),
    "get_if_exists": _Rule((bool,)),
    "num_returns": _Rule((int, str), _returns_problem),
    "max_retries": _Rule(
        (int,), _at_least(-1, "The keyword 'max_retries' only accepts 0, -1 or a positive integer")
    ),
    "max_restarts": _Rule(
        (int,), _at_least(-1, "The keyword 'max_restarts' only accepts -1, 0 or a positive integer")
    ),
    "max_task_retries": _Rule(
        (int, type(None)),
        _at_least(-1, "The keyword 'max_task_retries' only accepts -1, 0 or a positive integer"),
    ),
    "max_calls": _Rule((int,), _at_least(0, "The keyword 'max_calls' only accepts 0 or a positive integer")),
    "max_concurrency": _Rule((int, type(None)), _at_least(1, "max_concurrency must be >= 1")),
    "max_pending_calls": _Rule(
        (int,),
        lambda v: (
            None
            if v == -1 or v > 0
            else "The keyword 'max_pending_calls' only accepts -1 or a positive integer"
        ),
    ),
    "retry_exceptions": _Rule((bool, list, tuple, type(None))),
    "concurrency_group": _TEXT,
    "allow_out_of_order_execution": _FLAG,
    "placement_group_bundle_index": _Rule((int,)),
    "placement_group_capture_child_tasks": _FLAG,
    "enable_task_events": _Rule((bool,)),
}


def with_options(options: Options, changes: Mapping[str, Any], *, what: str) -> Options:
    """`options` with `changes` made, each checked.

    Args:
        what: whose options these are in error messages: "actors", "remote functions".

    Raises:
        ValueError: an unknown option (the valid ones are listed), or a value out of range.
        TypeError: a value of the wrong type.
    """
    valid = [f.name for f in fields(options)]
    for name, value in changes.items():
        if name not in valid:
            raise ValueError(f"Invalid option keyword {name} for {what}. Valid ones are {valid}.")
        rule = _RULES.get(name, _ANY)
        if not isinstance(value, rule.types):
            raise TypeError(
                f"The type of keyword '{name}' must be {rule.types}, but received type {type(value)}"
            )
        problem = rule.problem(value)
        if problem is not None:
            raise ValueError(problem)
    return replace(options, **changes)

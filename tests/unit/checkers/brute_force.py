"""Linearizability by trying everything: slow, without any of the search's ideas, and so short that it can be believed.

It takes nothing apart: several objects are one state, so that locality and keys are put to the test, too.
"""

from __future__ import annotations

from typing import Any

from simactors.checkers.specification import Specification
from simactors.checkers.values import same
from simactors.core.history import History, Operation


def is_linearizable(history: History, spec: Specification) -> bool:
    """Whether any order explains all answers."""
    operations = [operation for operation in history if operation.status != "refused"]
    return _explains(operations, {operation.target: spec.initial for operation in operations}, spec)


def _explains(left: list[Operation], states: dict[str, Any], spec: Specification) -> bool:
    if all(operation.status == "unknown" for operation in left):
        return True
    ends = [operation.returned for operation in left if operation.status != "unknown"]
    for operation in left:
        if any(end is not None and end < operation.called for end in ends):
            continue  # another one was over before this one began, and is not in the order yet
        after = _after(operation, states[operation.target], spec)
        if after is not None:
            rest = [other for other in left if other is not operation]
            if _explains(rest, {**states, operation.target: after[0]}, spec):
                return True
    return False


def _after(operation: Operation, state: Any, spec: Specification) -> tuple[Any] | None:
    """The state after it; None if it would have been answered otherwise."""
    try:
        new, answer = spec.apply(state, operation)
        raised = False
    except Exception as error:
        new, answer, raised = state, error, True
    if operation.status == "unknown":
        return (new,)
    fits = raised == (operation.status == "raised") and same(answer, operation.result)
    return (new,) if fits else None

"""Answers of which several are right, because programs say the same in different ways.

For specifications: they look at the observed answer, and say the same in its way if they agree with what it means.
"""

from __future__ import annotations

from typing import Any

from simactors.checkers.specification import Names, as_tuple
from simactors.checkers.values import class_names
from simactors.core.history import Operation


def or_nothing(operation: Operation, answer: Any) -> Any:
    """`answer`; or None, if the program answered with None: that says nothing."""
    return None if operation.status == "returned" and operation.result is None else answer


def or_raised(operation: Operation, answer: Any, errors: Names) -> Any:
    """`answer`; or an exception, if the program raised one of a class with one of these names.

    Raises:
        Exception: that of the operation.
    """
    error = operation.result if operation.status == "raised" else None
    if isinstance(error, BaseException) and not set(as_tuple(errors)).isdisjoint(class_names(error)):
        raise error
    return answer

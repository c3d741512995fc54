"""What rewritten code calls where it can be preempted.

The rewritten code holds these functions themselves, not their names: it goes on working when the simulation is over.
"""

from __future__ import annotations

import operator
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Preempts(Protocol):
    """One simulation."""

    def preempt(self) -> None:
        """The running code has come to a point: let other code of its process run first, perhaps."""
        ...


worlds: list[Preempts] = []
"""The open simulations whose code can be preempted, the innermost last."""


def store(value: T) -> T:
    """`value` is about to be stored where other threads may see it."""
    if worlds:
        worlds[-1].preempt()
    return value


def line() -> None:
    """A statement is about to run."""
    if worlds:
        worlds[-1].preempt()


def in_place(name: str, left: Any, right: Any) -> Any:
    """What ``left += right`` stores; `name` is that of the operator in `operator`: "iadd"."""
    return getattr(operator, name)(left, right)

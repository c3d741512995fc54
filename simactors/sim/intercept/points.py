"""What rewritten code calls where it can be preempted.

The rewritten code holds these functions themselves, not their names: it goes on working when the simulation is over.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from simactors.sim.intercept.names import Names

T = TypeVar("T")


class Preempts(Protocol):
    """One simulation."""

    def preempt(self) -> None:
        """The running code has come to a point: let other code of its process run first, perhaps."""
        ...

    def reach(self, *roots: object) -> None:
        """What `roots` lead to is about to run beside other code of its process: put points into it."""
        ...


worlds: list[Preempts] = []
"""The open simulations whose code can be preempted, the innermost last."""


def store(value: T) -> T:
    """`value` is about to be stored where other threads may see it."""
    if worlds:
        worlds[-1].preempt()
    return value


def lock() -> None:
    """A lock is about to be asked for: what was seen before may not hold any more when it is taken."""
    if worlds:
        worlds[-1].preempt()


def line() -> None:
    """A statement is about to run."""
    if worlds:
        worlds[-1].preempt()


def reach(*roots: object) -> None:
    """`roots` are about to run in a thread."""
    if worlds:
        worlds[-1].reach(*roots)


def _submit(self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
    """`ThreadPoolExecutor.submit`."""
    reach(fn, *args, *kwargs.values())
    submitted: Future[Any] = executors.real["submit"](self, fn, *args, **kwargs)
    return submitted


executors: Names[Any] = Names(ThreadPoolExecutor, {"submit": _submit})
"""What is replaced; open simulations install themselves here."""


def in_place(name: str, left: Any, right: Any) -> Any:
    """What ``left += right`` stores; `name` is that of the operator in `operator`: "iadd"."""
    return getattr(operator, name)(left, right)

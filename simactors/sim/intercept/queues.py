"""`queue.SimpleQueue` of simulated code: the real one is written in C and waits for real threads.

The other queues are built of locks, and need nothing (`locks.py`).
"""

from __future__ import annotations

import queue
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Protocol

from simactors.sim.intercept.caller import simulation_of_caller
from simactors.sim.intercept.names import Names
from simactors.sim.intercept.origin import is_for_users_code

_Real: Any = queue.SimpleQueue
_InPython: Any = queue._PySimpleQueue  # type: ignore[attr-defined]  # threading's way, which every Python has


class MakesQueues(Protocol):
    """One simulation."""

    def belongs_here(self) -> bool:
        """Whether the caller is simulated."""
        ...


class Simulated(_InPython):  # type: ignore[misc]  # Any, see above
    """What simulated code gets: built of a simulated semaphore."""

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle '_queue.SimpleQueue' object")


class _Kind(type):
    """Real and simulated queues are instances of what programs call `SimpleQueue`."""

    def __instancecheck__(cls, value: object) -> bool:
        return (
            isinstance(value, _Real | Simulated) if cls is SimpleQueue else type.__instancecheck__(cls, value)
        )

    def __call__(cls, *args: Any, **options: Any) -> Any:
        if cls is not SimpleQueue:
            return super().__call__(*args, **options)
        world = simulation_of_caller(names.worlds)
        is_simulated = world is not None and is_for_users_code(sys._getframe(1))
        return (Simulated if is_simulated else _Real)(*args, **options)


class SimpleQueue(Simulated, metaclass=_Kind):
    """`queue.SimpleQueue` while a simulation is open."""


class Classes(Names[Any]):
    """As `Names`, of classes: they stay classes, which can be inherited from."""

    def __init__(self, owner: ModuleType, replacements: Mapping[str, type]) -> None:
        super().__init__(owner, replacements)
        self._replacements = replacements


names = Classes(queue, {"SimpleQueue": SimpleQueue})
"""What is replaced; open simulations install themselves here."""

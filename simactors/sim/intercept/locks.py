"""`threading.Lock` and `RLock` of simulated code, and of what the standard library builds of them for it.

Only the user's own code gets simulated ones, also through `Condition`, `Event`, `Semaphore`, `Barrier` and `queue`.
What the standard library makes for itself (a logging handler's lock, a thread's) outlives the run, and stays real.
"""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

from simactors.sim.intercept.names import Names, is_users_file

_BUILDERS = frozenset({threading.__file__, queue.__file__})


class MakesLocks(Protocol):
    """One simulation."""

    def belongs_here(self) -> bool:
        """Whether the caller is simulated."""
        ...

    def new_lock(self) -> Any:
        """A lock for the process whose code runs now."""
        ...

    def new_rlock(self) -> Any:
        """A lock that its owner may take again."""
        ...


def _world() -> MakesLocks | None:
    """The simulation for whose user's code a lock is made; None if it is for somebody else."""
    if not names.worlds or not names.worlds[-1].belongs_here():
        return None
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename in _BUILDERS:
        if isinstance(frame.f_locals.get("self"), threading.Thread):
            return None  # a real thread is started, or waited for
        frame = frame.f_back  # type: ignore[assignment]  # None at the end
    if frame is None or not is_users_file(frame.f_code.co_filename):
        return None
    return names.worlds[-1]


def _lock() -> Any:
    """`threading.Lock` in virtual time."""
    world = _world()
    return names.real["Lock"]() if world is None else world.new_lock()


def _rlock() -> Any:
    """`threading.RLock` in virtual time."""
    world = _world()
    return names.real["RLock"]() if world is None else world.new_rlock()


_REPLACEMENTS: dict[str, Callable[..., Any]] = {"Lock": _lock, "_allocate_lock": _lock, "RLock": _rlock}

names: Names[MakesLocks] = Names(threading, _REPLACEMENTS)
"""What is replaced; open simulations install themselves here."""

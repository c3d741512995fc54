"""`threading.Lock` and `RLock` of simulated code, and of what the standard library builds of them for it.

Only the user's own code gets simulated ones, also through `Condition`, `Event`, `Semaphore`, `Barrier` and `queue`.
What the standard library makes for itself (a logging handler's lock, a thread's) outlives the run, and stays real; see
`origin.py`.
"""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

from simactors.sim.intercept.caller import simulation_of_caller
from simactors.sim.intercept.names import Names
from simactors.sim.intercept.origin import is_for_users_code

_WAIT = threading.Condition.wait.__code__
_OF_A_THREAD = threading.Thread.__init__.__code__
_REAL = (type(_thread.allocate_lock()), _thread.RLock)


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

    def adopt(self, lock: Any) -> None:
        """Let a lock that was made in a simulation which is over serve this one."""
        ...

    @property
    def kernel(self) -> Any:
        """What tells it from others."""
        ...


def is_open_with(kernel: Any) -> bool:
    """Whether the innermost open simulation is that which has `kernel`."""
    return bool(names.worlds) and names.worlds[-1].kernel is kernel


def adopt(lock: Any, kernel: Any) -> None:
    """Give a lock to the simulation that is open now, unless that is the one which it was made in."""
    if names.worlds and names.worlds[-1].kernel is not kernel:
        names.worlds[-1].adopt(lock)


def _world() -> MakesLocks | None:
    """The simulation for whose user's code a lock is made; None if it is for somebody else."""
    world = simulation_of_caller(names.worlds, 3)
    if world is None:
        return None
    frame = sys._getframe(2)
    caller = frame.f_back
    if frame.f_code is _WAIT:
        # As the lock that is let go meanwhile, whoever calls this: the two must hold up the same threads.
        lock = frame.f_locals["self"]._lock
        is_real = type(lock) in _REAL or not (
            getattr(lock, "is_simulated", False) or is_for_users_code(frame)
        )
    elif caller is not None and caller.f_code is _OF_A_THREAD:
        is_real = True  # whether it has started, for which nobody ever waits in virtual time
    else:
        is_real = not is_for_users_code(frame)
    return None if is_real else world


def _lock() -> Any:
    """`threading.Lock` in virtual time."""
    world = _world()
    if world is None:
        return names.real["Lock"]()
    made = world.new_lock()
    made.is_signal = sys._getframe(1).f_code is _WAIT
    return made


def _rlock() -> Any:
    """`threading.RLock` in virtual time."""
    world = _world()
    return names.real["RLock"]() if world is None else world.new_rlock()


_REPLACEMENTS: dict[str, Callable[..., Any]] = {"Lock": _lock, "_allocate_lock": _lock, "RLock": _rlock}

names: Names[MakesLocks] = Names(threading, _REPLACEMENTS)
"""What is replaced; open simulations install themselves here."""

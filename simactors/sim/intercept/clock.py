"""`time.sleep`, `time.time` and their kin in virtual time.

The replaced functions ask who calls: simulated code sees virtual time; a test runner, another thread and whatever runs
outside a simulation see the real one.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from simactors.core.current import running
from simactors.sim.intercept.names import Names

_TOOLS = frozenset(
    {"_pytest", "pluggy", "hypothesis", "xdist", "pytest_timeout", "coverage", "click", "rich"}
)
"""Packages that see the real world even when they are called in the middle of a simulation."""


class VirtualClock(Protocol):
    """The time of one simulation, as the code that runs now sees it."""

    def belongs_here(self) -> bool:
        """Whether the caller is on the simulation's own thread."""
        ...

    def now_ns(self) -> int:
        """Nanoseconds since the simulation began."""
        ...

    def wall_ns(self) -> int:
        """What the clock of the caller's node says, in nanoseconds since 1970."""
        ...

    def sleep(self, seconds: float) -> None:
        """Suspend the running code for virtual seconds."""
        ...


def _clock() -> VirtualClock | None:
    """The virtual clock of whoever called a replaced function, if it is simulated."""
    if not names.worlds:
        return None
    clock = names.worlds[-1]
    if running.get() is None:
        caller: str = sys._getframe(2).f_globals.get("__name__", "")
        if caller.partition(".")[0] in _TOOLS:
            return None
    return clock if clock.belongs_here() else None


def _sleep(seconds: float, /) -> None:
    """`time.sleep` in virtual time."""
    clock = _clock()
    if clock is None:
        names.real["sleep"](seconds)
        return
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    clock.sleep(seconds)


def _time() -> float:
    """`time.time` in virtual time."""
    clock = _clock()
    return names.real["time"]() if clock is None else clock.wall_ns() / 1e9


def _time_ns() -> int:
    """`time.time_ns` in virtual time."""
    clock = _clock()
    return names.real["time_ns"]() if clock is None else clock.wall_ns()


def _monotonic() -> float:
    """`time.monotonic` in virtual time."""
    clock = _clock()
    return names.real["monotonic"]() if clock is None else clock.now_ns() / 1e9


def _monotonic_ns() -> int:
    """`time.monotonic_ns` in virtual time."""
    clock = _clock()
    return names.real["monotonic_ns"]() if clock is None else clock.now_ns()


def _perf_counter() -> float:
    """`time.perf_counter` in virtual time."""
    clock = _clock()
    return names.real["perf_counter"]() if clock is None else clock.now_ns() / 1e9


def _perf_counter_ns() -> int:
    """`time.perf_counter_ns` in virtual time."""
    clock = _clock()
    return names.real["perf_counter_ns"]() if clock is None else clock.now_ns()


_REPLACEMENTS: dict[str, Callable[..., Any]] = {
    "sleep": _sleep,
    "time": _time,
    "time_ns": _time_ns,
    "monotonic": _monotonic,
    "monotonic_ns": _monotonic_ns,
    "perf_counter": _perf_counter,
    "perf_counter_ns": _perf_counter_ns,
}

names: Names[VirtualClock] = Names(time, _REPLACEMENTS)
"""What is replaced; open simulations install themselves here."""

# Where the standard library bound the clock early, and waits by it: time-outs of queues, conditions, semaphores.
of_queues: Names[VirtualClock] = Names(queue, {"time": _monotonic})
of_threading: Names[VirtualClock] = Names(threading, {"_time": _monotonic})

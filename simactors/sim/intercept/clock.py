"""`time.sleep`, `time.time` and their kin in virtual time.

Not `datetime` (`dates.py`). What only measures the processor, `process_time` and `thread_time`, stays real.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from simactors.sim.intercept.caller import simulation_of_caller
from simactors.sim.intercept.names import Names


class VirtualClock(Protocol):
    """The time of one simulation, as the code that runs now sees it."""

    def belongs_here(self) -> bool:
        """See `caller.Simulation`."""
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


def _sleep(seconds: float, /) -> None:
    """`time.sleep` in virtual time."""
    clock = simulation_of_caller(names.worlds)
    if clock is None:
        names.real["sleep"](seconds)
        return
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    clock.sleep(seconds)


def _time() -> float:
    """`time.time` in virtual time."""
    clock = simulation_of_caller(names.worlds)
    return names.real["time"]() if clock is None else clock.wall_ns() / 1e9


def _time_ns() -> int:
    """`time.time_ns` in virtual time."""
    clock = simulation_of_caller(names.worlds)
    return names.real["time_ns"]() if clock is None else clock.wall_ns()


def _monotonic() -> float:
    """`time.monotonic` in virtual time."""
    clock = simulation_of_caller(names.worlds)
    return names.real["monotonic"]() if clock is None else clock.now_ns() / 1e9


def _monotonic_ns() -> int:
    """`time.monotonic_ns` in virtual time."""
    clock = simulation_of_caller(names.worlds)
    return names.real["monotonic_ns"]() if clock is None else clock.now_ns()


def _perf_counter() -> float:
    """`time.perf_counter` in virtual time."""
    clock = simulation_of_caller(names.worlds)
    return names.real["perf_counter"]() if clock is None else clock.now_ns() / 1e9


def _perf_counter_ns() -> int:
    """`time.perf_counter_ns` in virtual time."""
    clock = simulation_of_caller(names.worlds)
    return names.real["perf_counter_ns"]() if clock is None else clock.now_ns()


def _clock_gettime(clk_id: int, /) -> float:
    """`time.clock_gettime` in virtual time, but for clocks of the processor."""
    clock = simulation_of_caller(names.worlds)
    found = None if clock is None else _read(clock, clk_id)
    return names.real["clock_gettime"](clk_id) if found is None else found / 1e9


def _clock_gettime_ns(clk_id: int, /) -> int:
    """`time.clock_gettime_ns` in virtual time, but for clocks of the processor."""
    clock = simulation_of_caller(names.worlds)
    found = None if clock is None else _read(clock, clk_id)
    return names.real["clock_gettime_ns"](clk_id) if found is None else found


def _clocks(*names: str) -> frozenset[int]:
    """Those that there are on this platform."""
    return frozenset(vars(time)[name] for name in names if name in vars(time))


_WALL_CLOCKS = _clocks("CLOCK_REALTIME", "CLOCK_TAI")
_STEADY_CLOCKS = _clocks("CLOCK_MONOTONIC", "CLOCK_MONOTONIC_RAW", "CLOCK_BOOTTIME", "CLOCK_UPTIME_RAW")


def _read(clock: VirtualClock, clk_id: int) -> int | None:
    if clk_id in _WALL_CLOCKS:
        return clock.wall_ns()
    return clock.now_ns() if clk_id in _STEADY_CLOCKS else None


# These take a time, and without it mean now.


def _gmtime(seconds: float | None = None, /) -> time.struct_time:
    """`time.gmtime`."""
    clock = simulation_of_caller(names.worlds) if seconds is None else None
    return names.real["gmtime"](seconds if clock is None else clock.wall_ns() / 1e9)  # type: ignore[no-any-return]


def _localtime(seconds: float | None = None, /) -> time.struct_time:
    """`time.localtime`."""
    clock = simulation_of_caller(names.worlds) if seconds is None else None
    return names.real["localtime"](seconds if clock is None else clock.wall_ns() / 1e9)  # type: ignore[no-any-return]


def _ctime(seconds: float | None = None, /) -> str:
    """`time.ctime`."""
    clock = simulation_of_caller(names.worlds) if seconds is None else None
    return names.real["ctime"](seconds if clock is None else clock.wall_ns() / 1e9)  # type: ignore[no-any-return]


def _asctime(*struct: Any) -> str:
    """`time.asctime`."""
    clock = None if struct else simulation_of_caller(names.worlds)
    return names.real["asctime"](*_struct(clock, struct))  # type: ignore[no-any-return]


def _strftime(text: str, *struct: Any) -> str:
    """`time.strftime`."""
    clock = None if struct else simulation_of_caller(names.worlds)
    return names.real["strftime"](text, *_struct(clock, struct))  # type: ignore[no-any-return]


def _struct(clock: VirtualClock | None, given: tuple[Any, ...]) -> tuple[Any, ...]:
    return given if clock is None else (names.real["localtime"](clock.wall_ns() / 1e9),)


_REPLACEMENTS: dict[str, Callable[..., Any]] = {
    "sleep": _sleep,
    "time": _time,
    "time_ns": _time_ns,
    "monotonic": _monotonic,
    "monotonic_ns": _monotonic_ns,
    "perf_counter": _perf_counter,
    "perf_counter_ns": _perf_counter_ns,
    "clock_gettime": _clock_gettime,
    "clock_gettime_ns": _clock_gettime_ns,
    "gmtime": _gmtime,
    "localtime": _localtime,
    "ctime": _ctime,
    "asctime": _asctime,
    "strftime": _strftime,
}

names: Names[VirtualClock] = Names(time, _REPLACEMENTS)
"""What is replaced; open simulations install themselves here."""

# Where the standard library bound the clock early, and waits by it: time-outs of queues, conditions, semaphores.
of_queues: Names[VirtualClock] = Names(queue, {"time": _monotonic})
of_threading: Names[VirtualClock] = Names(threading, {"_time": _monotonic})

"""`signal.signal` and its kin in simulated processes: each has handlers and an alarm clock of its own.

The driver's are the real ones. Who sends signals is `os.kill` (`process.py`); what they do is in `sim/signals.py`.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Protocol

from simactors.core.current import running
from simactors.sim.intercept.names import Names

_NEVER = frozenset({signal.SIGKILL, signal.SIGSTOP})


class Alarms(Protocol):
    """The handlers and the timers of the processes of one simulation."""

    def handlers(self) -> dict[int, Any] | None:
        """What the process whose code runs has set, by signal; None for the driver's."""
        ...

    def raise_here(self, number: int, frame: FrameType | None) -> None:
        """The process whose code runs sends a signal to itself."""
        ...

    def set_timer(self, seconds: float, interval_s: float) -> tuple[float, float]:
        """Send SIGALRM to the process whose code runs, after a while and then again and again; 0 for never.

        Returns:
            What was left of the time that was set before, and its interval.
        """
        ...

    def timer(self) -> tuple[float, float]:
        """What is left of that time, and its interval."""
        ...


class HasSignals(Protocol):
    """One simulation."""

    @property
    def signals(self) -> Alarms:
        """Its signals."""
        ...


def _world() -> HasSignals | None:
    """The simulation, if a simulated process asks and not the driver."""
    if running.get() is None or not names.worlds:
        return None
    world = names.worlds[-1]
    return None if world.signals.handlers() is None else world


def handler_of_workers(number: int, frame: FrameType | None) -> None:
    """What Ray's workers do at SIGTERM, unless they have set another handler."""
    sys.exit(1)


# As on Ray; all other signals do what the system does.
_AT_START: dict[int, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: handler_of_workers,
    signal.SIGPIPE: signal.SIG_IGN,
    signal.SIGXFSZ: signal.SIG_IGN,
}


def _signal(signalnum: int, handler: Any) -> Any:
    """`signal.signal`."""
    world = _world()
    if world is None:
        return names.real["signal"](signalnum, handler)
    if threading.current_thread() is not threading.main_thread():
        raise ValueError("signal only works in main thread of the main interpreter")
    if not callable(handler) and handler not in (signal.SIG_IGN, signal.SIG_DFL):
        raise TypeError("signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object")
    before = _getsignal(signalnum)
    if signalnum in _NEVER:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    handlers = world.signals.handlers()
    assert handlers is not None
    handlers[int(signalnum)] = handler if callable(handler) else signal.Handlers(handler)
    return before


def _getsignal(signalnum: int) -> Any:
    """`signal.getsignal`."""
    world = _world()
    if world is None:
        return names.real["getsignal"](signalnum)
    if not 1 <= signalnum < signal.NSIG:
        raise ValueError("signal number out of range")
    handlers = world.signals.handlers() or {}
    return handlers.get(int(signalnum), _AT_START.get(signalnum, signal.SIG_DFL))


def _raise_signal(signalnum: int, /) -> None:
    """`signal.raise_signal`."""
    world = _world()
    if world is None:
        names.real["raise_signal"](signalnum)
    else:
        world.signals.raise_here(signalnum, sys._getframe(1))


def _setitimer(which: int, seconds: float, interval: float = 0.0, /) -> tuple[float, float]:
    """`signal.setitimer`; what counts the processor's time never comes to its end, as code takes none."""
    world = _world()
    if world is None:
        return names.real["setitimer"](which, seconds, interval)  # type: ignore[no-any-return]
    if seconds < 0 or interval < 0:
        raise signal.ItimerError(errno.EINVAL, os.strerror(errno.EINVAL))
    return world.signals.set_timer(seconds, interval) if which == signal.ITIMER_REAL else (0.0, 0.0)


def _getitimer(which: int, /) -> tuple[float, float]:
    """`signal.getitimer`."""
    world = _world()
    if world is None:
        return names.real["getitimer"](which)  # type: ignore[no-any-return]
    return world.signals.timer() if which == signal.ITIMER_REAL else (0.0, 0.0)


def _alarm(seconds: int, /) -> int:
    """`signal.alarm`."""
    world = _world()
    if world is None:
        return names.real["alarm"](seconds)  # type: ignore[no-any-return]
    left, _ = world.signals.set_timer(int(seconds), 0)
    return max(round(left), 1) if left else 0


_REPLACEMENTS: dict[str, Callable[..., Any]] = {
    "signal": _signal,
    "getsignal": _getsignal,
    "raise_signal": _raise_signal,
    "setitimer": _setitimer,
    "getitimer": _getitimer,
    "alarm": _alarm,
}

names: Names[HasSignals] = Names(signal, _REPLACEMENTS)
"""What is replaced; open simulations install themselves here."""


def handler_of_the_driver(number: int) -> Any:
    """The real handler; None for a number that is no signal's."""
    return names.real["getsignal"](number) if 0 < number < signal.NSIG else None

"""Tells Ctrl-C from a `KeyboardInterrupt` that simulated code raises itself.

The first ends the whole run; the second is that task's own failure, as on Ray.
"""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, ClassVar

from simactors.core.current import running
from simactors.sim.fiber import running_code

_bare: Any = importlib.import_module("_signal")
"""What `signal` calls: without its enumerations, which cost more than all else here."""
_SIGINT = int(signal.SIGINT)


class _CtrlC:
    """Whether the user has pressed Ctrl-C since the outermost simulation opened.

    Attributes:
        has_come: at all, in whatever code.
        pressed: in simulated code, the driver's event loop and threads included.
        ends_the_run: in code that is not the driver's own, so that the driver may never hear of it: pools of threads,
            event loops and ``except BaseException`` keep it for themselves.
        drivers: the code that opened each simulation, the innermost last.
        reports: what reported exceptions of finalizers before.
    """

    has_come = pressed = ends_the_run = False
    reports: Callable[[sys.UnraisableHookArgs], object] = sys.unraisablehook
    drivers: ClassVar[list[object]] = []


def install() -> None:
    """Listen for Ctrl-C, if it would raise `KeyboardInterrupt` anyway. Every call needs an `uninstall`."""
    if not _CtrlC.drivers:
        _CtrlC.has_come = _CtrlC.pressed = _CtrlC.ends_the_run = False
        if _bare.getsignal(_SIGINT) is signal.default_int_handler:
            with suppress(ValueError):  # not on the main thread: Ctrl-C will not come here
                _bare.signal(_SIGINT, _on_ctrl_c)
                _CtrlC.reports, sys.unraisablehook = sys.unraisablehook, _report
    _CtrlC.drivers.append(running_code())


def uninstall() -> None:
    """Undo `install`."""
    _CtrlC.drivers.pop()
    if not _CtrlC.drivers and _bare.getsignal(_SIGINT) is _on_ctrl_c:
        with suppress(ValueError):  # closed on another thread than the main one, which alone may do this
            _bare.signal(_SIGINT, signal.default_int_handler)
            if sys.unraisablehook is _report:
                sys.unraisablehook = _CtrlC.reports


def was_pressed() -> bool:
    """Whether a `KeyboardInterrupt` that is on its way is the user's Ctrl-C."""
    return _CtrlC.pressed


def has_come() -> bool:
    """Whether the user has pressed Ctrl-C, in whatever code."""
    return _CtrlC.has_come


def ends_the_run() -> bool:
    """Whether the user has pressed Ctrl-C while code ran that may keep it from the driver."""
    return _CtrlC.ends_the_run


def _report(args: sys.UnraisableHookArgs) -> None:
    """An exception has come out of a finalizer, or of the like, which Python lets nobody have."""
    if args.exc_type is KeyboardInterrupt and _CtrlC.has_come:
        _CtrlC.ends_the_run = True
    else:
        _CtrlC.reports(args)


def _on_ctrl_c(number: int, frame: FrameType | None) -> None:
    _CtrlC.has_come = True
    _CtrlC.ends_the_run = running_code() is not _CtrlC.drivers[-1]
    _CtrlC.pressed = _CtrlC.ends_the_run or running.get() is not None
    signal.default_int_handler(number, frame)

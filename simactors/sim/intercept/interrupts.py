"""Tells Ctrl-C from a `KeyboardInterrupt` that simulated code raises itself.

The first ends the whole run; the second is that task's own failure, as on Ray.
"""

from __future__ import annotations

import importlib
import signal
import sys
import threading
from _thread import get_ident  # the real one, also in a simulation
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from types import FrameType
from typing import Any, ClassVar

from simactors.core.current import running
from simactors.sim.fiber import running_code

_bare: Any = importlib.import_module("_signal")
"""What `signal` calls: without its enumerations, which cost more than all else here."""
_SIGINT = int(signal.SIGINT)
_MAIN_THREAD = threading.main_thread().ident


class _CtrlC:
    """Whether the user has pressed Ctrl-C since the outermost simulation opened.

    Attributes:
        has_come: at all, in whatever code.
        pressed: in simulated code, the driver's event loop and threads included.
        ends_the_run: in code that is not the driver's own, so that the driver may never hear of it: pools of threads,
            event loops and ``except BaseException`` keep it for themselves.
        is_held: a `held` block runs, and in it no `heard` one.
        waits: it was pressed there, and is raised at the end.
        drivers: the code that opened each simulation, the innermost last.
        reports: what reported exceptions of finalizers before.
    """

    has_come = pressed = ends_the_run = is_held = waits = False
    reports: Callable[[sys.UnraisableHookArgs], object] = sys.unraisablehook
    drivers: ClassVar[list[object]] = []


class held:  # noqa: N801 -- a context manager; as a generator, Ctrl-C could come between its lines
    """Let Ctrl-C wait for the end of the block: a simulation that is half open can be neither used nor closed.

    Only in the driver: code that is being ended there may take as long as it likes. The second one does not wait. On
    other threads than the main one, where Ctrl-C does not come, nothing is held.
    """

    def __enter__(self) -> held:
        self._outside = _CtrlC.is_held
        if get_ident() == _MAIN_THREAD:
            _listen()
            _CtrlC.is_held = True
        return self

    def lifted(self) -> AbstractContextManager[None]:
        """For a part of the block, in which Ctrl-C comes or waits as it does around the block."""
        return nullcontext() if self._outside else heard()

    def __exit__(self, *exc: object) -> None:
        if get_ident() == _MAIN_THREAD:
            _CtrlC.is_held = self._outside
            _stop_listening()
            if not self._outside:
                _raise_what_waits()


class heard:  # noqa: N801 -- as above
    """In a `held` block: let Ctrl-C come as ever in this part of it, and what has waited, at once."""

    def __enter__(self) -> None:
        if get_ident() == _MAIN_THREAD:
            _raise_what_waits()
            self._outside, _CtrlC.is_held = _CtrlC.is_held, False
            _stop_listening()

    def __exit__(self, *exc: object) -> None:
        if get_ident() == _MAIN_THREAD:
            if self._outside:
                _listen()
            _CtrlC.is_held = self._outside


def install() -> None:
    """Listen for Ctrl-C, if it would raise `KeyboardInterrupt` anyway. Every call needs an `uninstall`."""
    if not _CtrlC.drivers:
        _CtrlC.has_come = _CtrlC.pressed = _CtrlC.ends_the_run = False
    _CtrlC.drivers.append(running_code())
    _listen()


def uninstall() -> None:
    """Undo `install`."""
    _CtrlC.drivers.pop()
    _stop_listening()


def _listen() -> None:
    if _bare.getsignal(_SIGINT) is signal.default_int_handler:
        with suppress(ValueError):  # not on the main thread: Ctrl-C will not come here
            _bare.signal(_SIGINT, _on_ctrl_c)
            _CtrlC.reports, sys.unraisablehook = sys.unraisablehook, _report


def _stop_listening() -> None:
    if _CtrlC.drivers or _CtrlC.is_held:
        return
    if sys.unraisablehook is _report:  # also where somebody has replaced the handler
        sys.unraisablehook = _CtrlC.reports
    if _bare.getsignal(_SIGINT) is _on_ctrl_c:
        with suppress(ValueError):  # closed on another thread than the main one, which alone may do this
            _bare.signal(_SIGINT, signal.default_int_handler)


def _raise_what_waits() -> None:
    if _CtrlC.waits:
        _CtrlC.waits, _CtrlC.has_come = False, True
        raise KeyboardInterrupt


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
    is_drivers = not _CtrlC.drivers or running_code() is _CtrlC.drivers[-1]
    can_wait = is_drivers and running.get() is None
    # Code that is being ended gets it at once, and the driver once more: nobody hears what such code raises.
    # The second one may come as the block ends, and keep it from that: then nothing must stay held.
    _CtrlC.is_held = _CtrlC.waits = _CtrlC.is_held and not (can_wait and _CtrlC.waits)
    if can_wait and _CtrlC.waits:
        return
    _CtrlC.ends_the_run = not is_drivers
    _CtrlC.pressed = _CtrlC.ends_the_run or running.get() is not None
    _stop_listening()  # it has come between the first line of `held` and the last
    signal.default_int_handler(number, frame)

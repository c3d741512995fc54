"""Tells Ctrl-C from a `KeyboardInterrupt` that simulated code raises itself.

The first ends the whole run; the second is that task's own failure, as on Ray.
"""

from __future__ import annotations

import importlib
import signal
from contextlib import suppress
from types import FrameType
from typing import Any

from simactors.core.current import running
from simactors.sim.fiber import mark

_bare: Any = importlib.import_module("_signal")
"""What `signal` calls: without its enumerations, which cost more than all else here."""
_SIGINT = int(signal.SIGINT)


class _CtrlC:
    """Whether the user has pressed Ctrl-C since the innermost simulation opened."""

    pressed = False
    depth = 0


def install() -> None:
    """Listen for Ctrl-C, if it would raise `KeyboardInterrupt` anyway. Every call needs an `uninstall`."""
    if _CtrlC.depth == 0:
        _CtrlC.pressed = False
        if _bare.getsignal(_SIGINT) is signal.default_int_handler:
            with suppress(ValueError):  # not on the main thread: Ctrl-C will not come here
                _bare.signal(_SIGINT, _on_ctrl_c)
    _CtrlC.depth += 1


def uninstall() -> None:
    """Undo `install`."""
    _CtrlC.depth -= 1
    if _CtrlC.depth == 0 and _bare.getsignal(_SIGINT) is _on_ctrl_c:
        with suppress(ValueError):  # closed on another thread than the main one, which alone may do this
            _bare.signal(_SIGINT, signal.default_int_handler)


def was_pressed() -> bool:
    """Whether a `KeyboardInterrupt` that is on its way is the user's Ctrl-C."""
    return _CtrlC.pressed


def _on_ctrl_c(number: int, frame: FrameType | None) -> None:
    _CtrlC.pressed = running.get() is not None or mark() is not None
    signal.default_int_handler(number, frame)

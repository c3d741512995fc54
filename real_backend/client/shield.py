"""`Shield`: keeps a Ctrl-C out of the middle of a change.

Python raises KeyboardInterrupt between any two steps of the main thread; between taking a reply off its socket
and sealing the object, the reply would be lost. Inside the shield it is put off until the end of the change,
except where the thread only waits.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType


class Shield:
    """A context manager around changes; reentrant; without effect in other threads than the main one.

    It works only while Python's own SIGINT handler is in force: a handler of the user is not replaced.
    """

    def __init__(self) -> None:
        self._main: int | None = None
        self._depth = 0
        self._postponed = False
        self._wanted: Callable[[], bool] = lambda: True
        self.waiting = False
        """Set by the main thread where an interrupt does no harm: around the system call that waits."""

    def install(self, wanted: Callable[[], bool] = lambda: True) -> None:
        """Put our handler in the place of Python's default one; only in the main thread.

        Args:
            wanted: asked just before an interrupt is raised: whether it still means somebody.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            return
        signal.signal(signal.SIGINT, self._on_interrupt)
        self._main = threading.get_ident()
        self._wanted = wanted

    def uninstall(self) -> None:
        """Put Python's handler back, if ours is still there."""
        if self._main != threading.get_ident():
            return
        if signal.getsignal(signal.SIGINT) == self._on_interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        self._main = None

    def covers_this_thread(self) -> bool:
        """Whether the calling thread is the one that interrupts reach."""
        return self._main is not None and threading.get_ident() == self._main

    def open(self) -> None:
        """From here until `waiting` is false again, an interrupt does no harm; one that was put off comes now.

        Without that, an interrupt just before a wait would be put off until its end, which may never come.
        """
        self.waiting = True
        if self._postponed:
            self._raise()

    def __enter__(self) -> None:
        if self._main is not None and threading.get_ident() == self._main:
            self._depth += 1

    def __exit__(self, *_: object) -> None:
        if self._main is not None and threading.get_ident() == self._main:
            self._depth -= 1
            if self._postponed and self._depth == 0:
                self._raise()

    def _raise(self) -> None:
        self._postponed = False
        if self._wanted():
            raise KeyboardInterrupt

    def _on_interrupt(self, signum: int, frame: FrameType | None) -> None:
        if self._depth and not self.waiting:
            self._postponed = True
        elif self._wanted():
            signal.default_int_handler(signum, frame)

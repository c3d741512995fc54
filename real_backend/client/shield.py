"""`Shield`: keeps signal handlers, Ctrl-C's among them, out of the middle of a change.

Python runs them between any two steps of the main thread, and most of them raise: between taking a reply off its
socket and sealing the object, the reply would be lost. Inside the shield they are put off until the end of the change,
except where the thread only waits.

Ctrl-C is put off by a handler of ours, and only where Python's own is in force. Where the user has handlers, ours take
their place meanwhile. To block signals would not be enough: another thread receives them, and Python then runs the
handler in the main thread all the same.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # without the enums of `signal`: ten times as fast
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

_SIGNALS = tuple(
    int(number)
    for number in (
        signal.SIGALRM,
        signal.SIGTERM,
        signal.SIGHUP,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGINT,
    )
)
"""Those for which programs have handlers that raise."""


class Shield:
    """A context manager around changes; reentrant; without effect in other threads than the main one.

    Attributes:
        waiting: set where an interrupt does no harm: around the system call that waits.
    """

    def __init__(self) -> None:
        self._main: int | None = None
        self._depth = 0
        self._postponed = False
        self._wanted: Callable[[], bool] = lambda: True
        # What is no user's: nothing, Python's own handler for Ctrl-C, and ours.
        self._ours: list[Any] = [self._on_interrupt, signal.default_int_handler, None]
        # The user's handlers in whose place is ours, by signal, and the signals that came meanwhile.
        self._replaced: dict[int, Any] = {}
        self._put_off: list[int] = []
        self._replaces = False
        # The depths of those in whose waiting a signal handler runs that makes changes itself.
        self._interrupted: list[int] = []
        self.waiting = False

    def install(self, wanted: Callable[[], bool] = lambda: True) -> None:
        """Begin; only in the main thread. Our handler takes the place of Python's default one for Ctrl-C.

        Args:
            wanted: asked just before an interrupt is raised: whether it still means somebody.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._ours[0])
        self._main = threading.get_ident()
        self._wanted = wanted

    def let_through(self, handler: Callable[..., object]) -> None:
        """A handler of ours, which may run in the middle of anything."""
        self._ours.insert(1, handler)

    def uninstall(self) -> None:
        """Put Python's handler back, if ours is still there."""
        if self._main != threading.get_ident():
            return
        if signal.getsignal(signal.SIGINT) is self._ours[0]:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        self._main = None

    def covers_this_thread(self) -> bool:
        """Whether the calling thread is the one that signals reach."""
        return self._main is not None and threading.get_ident() == self._main

    def open(self) -> None:
        """From here until `close`, a signal does no harm; one that was put off comes now.

        Without that, one just before a wait would be put off until its end, which may never come.
        """
        self.waiting = True
        if self._replaced:
            self._let_in()
        if self._postponed:
            self._raise()

    def close(self) -> None:
        """The wait is over, however it ended."""
        self.waiting = False
        if self._replaces:
            self._keep_out()

    def __enter__(self) -> None:
        if self._main is None or threading.get_ident() != self._main:
            return
        if self.waiting:  # in a signal handler, in the middle of a wait
            self._interrupted.append(self._depth)
            self._depth, self.waiting = 0, False
        if not self._depth:
            self._keep_out()
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        if self._main is None or threading.get_ident() != self._main:
            return
        self._depth -= 1
        if not self._depth:
            self._end()

    def _end(self) -> None:
        try:
            if self._replaced:
                self._let_in()
            if self._postponed:
                self._raise()
        finally:
            if self._interrupted:
                self._depth = self._interrupted.pop()
                self.waiting = True

    def _keep_out(self) -> None:
        ours = self._ours
        for handler in map(_signal.getsignal, _SIGNALS):
            if handler.__class__ is not int and handler not in ours:
                self._replaces = True
                return self._replace()
        self._replaces = False
        return None

    def _replace(self) -> None:
        handlers = {number: _signal.getsignal(number) for number in _SIGNALS}
        found = {n: h for n, h in handlers.items() if h.__class__ is not int and h not in self._ours}
        try:
            for number, handler in found.items():
                self._replaced[number] = handler
                _signal.signal(number, self._defer)
        except BaseException:  # one of them has run just before
            self._let_in()
            raise

    def _defer(self, number: int, _: FrameType | None) -> None:
        if number not in self._put_off:
            self._put_off.append(number)

    def _let_in(self) -> None:
        replaced, self._replaced = self._replaced, {}
        for number, handler in replaced.items():
            _signal.signal(number, handler)
        raised: BaseException | None = None
        while self._put_off:
            try:
                _signal.raise_signal(self._put_off.pop(0))
            except BaseException as error:  # the others have come, too
                raised = raised or error
        if raised is not None:
            raise raised

    def _raise(self) -> None:
        self._postponed = False
        if self._wanted():
            raise KeyboardInterrupt

    def _on_interrupt(self, signum: int, frame: FrameType | None) -> None:
        if self._depth and not self.waiting:
            self._postponed = True
        elif self._wanted():
            signal.default_int_handler(signum, frame)

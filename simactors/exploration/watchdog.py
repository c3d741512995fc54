"""Ends runs whose code spins: computes for ever without ever waiting, so that virtual time stands still.

The one place where the clock on the wall ends a run; such a run would not end by itself. Not the limits of steps and of
virtual time, which are the simulator's own.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from _thread import allocate_lock, get_ident  # the real ones, also in a simulation
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from simactors.exceptions import SpinningError
from simactors.sim.intercept.names import is_users_file
from simactors.sim.simulation import Simulation

PATIENCE_S = 30.0
"""How long a run may go without a step, in seconds by the clock on the wall."""

_RESOLUTION = 20  # looks in that time


class _Dog:
    """What the watching thread looks at.

    Attributes:
        ident: the thread on which `watched` runs.
        biting: held while it bites, and while what it watches changes: nobody else may be bitten.
    """

    watched: Simulation | None = None
    ident = 0
    patience_s = PATIENCE_S
    biting = allocate_lock()
    wake = threading.Event()
    thread: threading.Thread | None = None


@contextmanager
def watched(simulation: Simulation, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Raise `SpinningError` in the code that runs on this thread if `simulation` makes no step for too long."""
    if _Dog.thread is None:
        _Dog.thread = threading.Thread(target=_watch, name="simactors watchdog", daemon=True)
        _Dog.thread.start()
    outer = _Dog.watched, _Dog.ident, _Dog.patience_s
    try:
        with _Dog.biting:
            _Dog.watched, _Dog.ident, _Dog.patience_s = simulation, get_ident(), patience_s
        _Dog.wake.set()
        yield
    finally:
        try:
            with _Dog.biting:
                _Dog.watched, _Dog.ident, _Dog.patience_s = outer
        finally:  # Ctrl-C may have come before: whoever ran here next would be bitten for a simulation that is over
            _Dog.watched, _Dog.ident, _Dog.patience_s = outer
        for _ in range(2):
            pass  # a bite that was on its way is felt here, at a jump, and not in somebody else's code


@contextmanager
def resting() -> Iterator[None]:
    """Let a person take their time: nothing is watched meanwhile."""
    outer = _Dog.watched
    try:
        with _Dog.biting:
            _Dog.watched = None
        yield
    finally:
        try:
            with _Dog.biting:
                _Dog.watched = outer
        finally:  # as above
            _Dog.watched = outer
        _Dog.wake.set()


def _watch() -> None:
    while True:
        _Dog.wake.wait()
        _Dog.wake.clear()
        seen: tuple[Simulation | None, int] = None, -1
        looks = 0
        while (simulation := _Dog.watched) is not None:
            now = simulation, simulation.steps
            looks = looks + 1 if now == seen else 0
            seen = now
            if looks > _RESOLUTION:
                _bite(simulation)
                looks = 0  # who catches it and goes on is bitten again
            _pause.wait(_Dog.patience_s / _RESOLUTION)


_pause = threading.Event()  # never set: waits in real time


def _bite(simulation: Simulation) -> None:
    with _Dog.biting:
        if _Dog.watched is simulation:
            thread, error = ctypes.c_ulong(_Dog.ident), ctypes.py_object(_spinning())
            ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, error)


def _spinning() -> type[SpinningError]:
    """What to raise, with its message: the interpreter makes an instance of a class that it is given."""
    message = (
        f"code has computed for {_Dog.patience_s:g} s by the clock on the wall without ever waiting, "
        f"{_place(sys._current_frames().get(_Dog.ident))}: virtual time stands still meanwhile, and nothing else can "
        "run. A loop that waits for something has to sleep, or to wait for it."
    )

    class Spinning(SpinningError):
        def __init__(self, *args: object) -> None:
            super().__init__(*(args or (message,)))

    Spinning.__name__ = Spinning.__qualname__ = SpinningError.__name__
    return Spinning


def _place(frame: FrameType | None) -> str:
    while frame is not None:
        if is_users_file(frame.f_code.co_filename):
            return f"at {frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
        frame = frame.f_back
    return "in no code of the user's"

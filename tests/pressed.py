"""Ctrl-C, pressed at exact points of our own code."""

from __future__ import annotations

import _signal  # raises it also in a simulation
import gc
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import simactors

_OURS = str(Path(simactors.__file__).parent)


class Presses:
    """A profiler; Python lets signals in where it is called: at calls, and at the returns of built-in ones."""

    def __init__(self, point: int, part: str = "") -> None:
        self._points_left = point
        self._part = f"{_OURS}/{part}"
        self.has_pressed = False

    def __call__(self, frame: FrameType, event: str, arg: object) -> None:
        if event in ("call", "c_return") and frame.f_code.co_filename.startswith(self._part):
            self._points_left -= 1
            if not self._points_left:
                self.has_pressed = True
                sys.setprofile(None)
                _signal.raise_signal(signal.SIGINT)


@contextmanager
def pressed_at(point: int, part: str = "") -> Iterator[Presses]:
    """Press at one of the points that the block comes to, from 1.

    Without the garbage collector: finalizers of what earlier tests have left would be points as well, and whatever they
    raise is lost.

    Args:
        part: a folder or file of ours, whose points alone count.
    """
    presses = Presses(point, part)
    is_collecting = gc.isenabled()
    gc.disable()
    sys.setprofile(presses)
    try:
        yield presses
    finally:
        sys.setprofile(None)
        if is_collecting:
            gc.enable()

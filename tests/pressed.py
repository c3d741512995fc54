"""Ctrl-C, pressed at exact points of our own code."""

from __future__ import annotations

import _signal  # raises it also in a simulation
import gc
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType

import simactors

_OURS = str(Path(simactors.__file__).parent)


_TIMES = 3
"""The same place is a point the first times that code comes to it: a loop over all modules would be thousands."""


class Presses:
    """A profiler; Python lets signals in where it is called: at calls, and at the returns of built-in ones."""

    def __init__(self, point: int, part: str = "") -> None:
        self._points_left = point
        self._part = f"{_OURS}/{part}"
        self._times: Counter[tuple[CodeType, int, str]] = Counter()
        self.has_pressed = False

    def __call__(self, frame: FrameType, event: str, arg: object) -> None:
        if event in ("call", "c_return") and frame.f_code.co_filename.startswith(self._part):
            place = frame.f_code, frame.f_lasti, event
            self._times[place] += 1
            if self._times[place] > _TIMES:
                return
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

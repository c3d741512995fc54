"""Keeps who follows the lines of a test out of the simulator's own: there are ten times as many of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from simactors.sim.fiber import LEAVES_KERNEL_ALONE

_OURS = f"{Path(__file__).parents[2]}/"
_COLLECTORS = ("hypothesis",)
"""Packages whose trace functions, written in Python, look at each line of each file to explain a failure. Not coverage,
which knows itself what to leave out, and no debugger, whose user may want to look at anything."""


collector: Callable[..., Any] | None = None
"""Who is to follow the user's code now; None: nobody."""


@contextmanager
def left_alone() -> Iterator[None]:
    """Let a collector of lines see none of ours in the block; the user's, as before."""
    global collector
    found, before = sys.gettrace(), collector
    if found is None or not _is_a_collector(found):
        yield
        return
    collector = _but_ours(found)
    sys.settrace(collector)
    try:
        yield
    finally:
        collector = before
        sys.settrace(found)


def followed(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, followed by the collector; the kernel, which calls it, is followed by nobody."""

    def run(*args: Any, **kwargs: Any) -> Any:
        sys.settrace(collector)
        try:
            return function(*args, **kwargs)
        finally:
            sys.settrace(None)

    return run


def _is_a_collector(trace: object) -> bool:
    return (getattr(trace, "__module__", "") or "").partition(".")[0] in _COLLECTORS


def _but_ours(collector: Callable[..., Any]) -> Callable[[FrameType, str, Any], Any]:
    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        return None if frame.f_code.co_filename.startswith(_OURS) else collector(frame, event, argument)

    setattr(trace, LEAVES_KERNEL_ALONE, True)
    return trace

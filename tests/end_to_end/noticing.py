"""Waiting for what other processes will have done."""

from __future__ import annotations

import time
from collections.abc import Callable

_LOOK_S = 0.01


def comes_true(condition: Callable[[], object], within_s: float) -> bool:
    """Whether `condition` holds before the time is up; looked at again and again."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_S)
    return True

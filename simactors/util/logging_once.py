"""`log_once` and its switches, as ``ray.util.debug``: each process says a thing once."""

from __future__ import annotations

import time

_PERIOD_S = 60.0


class _Said:
    """What this process has said."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.latest_s = 0.0
        self.is_disabled = False
        self.is_periodic = False


_said = _Said()


def log_once(key: str) -> bool:
    """Whether this process asks for `key` for the first time: ``if log_once("slow"): log.warning(...)``."""
    if _said.is_disabled:
        return False
    now_s = time.time()
    if key not in _said.keys:
        _said.keys.add(key)
        _said.latest_s = now_s
        return True
    if _said.is_periodic and now_s - _said.latest_s > _PERIOD_S:
        _said.keys.clear()
        _said.latest_s = now_s
    return False


def disable_log_once_globally() -> None:
    """Let `log_once` always say no in this process."""
    _said.is_disabled = True


def enable_periodic_logging() -> None:
    """Let `log_once` forget what was said when nothing new was for a minute."""
    _said.is_periodic = True


def reset_log_once(key: str | None = None) -> None:
    """Forget that `key` was asked for; without one, forget all."""
    if key is None:
        _said.keys.clear()
    else:
        _said.keys.discard(key)

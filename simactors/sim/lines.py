"""Lines of the user's code, for messages: as tracebacks write them, so that reports find them there."""

from __future__ import annotations

from types import CodeType, FrameType
from typing import Any

from simactors.sim.intercept.names import is_users_file


def innermost(frame: FrameType | None) -> str:
    """The line of the user's code that runs in `frame` or calls it; empty if none does."""
    while frame is not None:
        if is_users_file(frame.f_code.co_filename):
            return _line(frame.f_code, frame.f_lineno)
        frame = frame.f_back
    return ""


def definition(function: Any) -> str:
    """Where a function is defined; empty if nobody knows."""
    code = getattr(function, "__code__", None)
    return _line(code, code.co_firstlineno) if isinstance(code, CodeType) else ""


def _line(code: CodeType, number: int) -> str:
    return f'  File "{code.co_filename}", line {number}, in {code.co_name}'

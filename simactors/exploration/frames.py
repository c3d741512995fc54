"""Whose code a traceback's frames are: the user's are shown, ours and the import machinery's are trimmed.

Not the tracebacks that travel between processes: `core/outcome.py` writes those.
"""

from __future__ import annotations

import importlib
import re
import traceback
from pathlib import Path
from types import FrameType, TracebackType

from simactors.sim.intercept.names import is_users_file

_PACKAGE = Path(__file__).resolve().parents[1]
# Both packages lie side by side, in the repository and when installed.
_OURS = tuple(f"{_PACKAGE.parent / name}/" for name in ("simactors", "real_backend"))


def is_users(file: str) -> bool:
    """Whether code from this file is neither ours nor the import machinery's."""
    return not file.startswith(("<frozen ", *_OURS)) and file != importlib.__file__


def users(error: BaseException) -> list[TracebackType]:
    """The traceback's entries that belong to the user, outermost first."""
    found = []
    entry = error.__traceback__
    while entry is not None:
        if is_users(entry.tb_frame.f_code.co_filename):
            found.append(entry)
        entry = entry.tb_next
    return found


def text(error: BaseException) -> str:
    """The traceback as Python prints it, with the user's frames only; all frames if none is the user's."""
    rendered = traceback.TracebackException.from_exception(error)
    _trim(rendered)
    return "".join(rendered.format()).rstrip()


def user_line(frame: FrameType | None, before: str = "") -> str:
    """The innermost of the user's own lines around `frame`, as ``app.py:12 in transfer``; empty if there is none.

    Args:
        before: what to write in front of it.
    """
    while frame is not None:
        code = frame.f_code
        if is_users_file(code.co_filename):
            return f"{before}{Path(code.co_filename).name}:{frame.f_lineno} in {code.co_name}"
        frame = frame.f_back
    return ""


_PLACE = re.compile(r'^ *File "([^"]*)", line (\d+), in (.*)$')


def last_place(text: str) -> str:
    """The last of the user's lines that a traceback in words names, as ``app.py:12 in transfer``.

    That of a remote error names lines in several processes, and the last one is the innermost. Lines of libraries count
    only if there are no others: where a library raises, it matters who called it.
    """
    found = [
        place for place in map(_PLACE.match, reversed(text.splitlines())) if place and is_users(place[1])
    ]
    users = [place for place in found if is_users_file(place[1])]
    for place in (*users, *found):
        return f"{Path(place[1]).name}:{place[2]} in {place[3]}"
    return ""


def _trim(rendered: traceback.TracebackException) -> None:
    kept = [frame for frame in rendered.stack if is_users(frame.filename)]
    # What calls the user's code first, as a test runner does, is of no interest.
    first = next((at for at, frame in enumerate(kept) if is_users_file(frame.filename)), 0)
    kept = kept[first:]
    if kept:
        rendered.stack = traceback.StackSummary.from_list(kept)
    inner = [rendered.__cause__, rendered.__context__, *(rendered.exceptions or ())]
    for other in inner:
        if other is not None:
            _trim(other)

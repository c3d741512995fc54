"""`Strays`: ends a child that user code has forked in this process and that comes back out of user code.

It has our sockets and the call under way: going on, it would be a second worker that answers in the name of the first.
Not children that stay in user code, or that other programs are run in: they are the user's own business.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from simactors.core.outcome import format_user_traceback


class Strays:
    """Knows which process is the worker: the one that makes it."""

    def __init__(self) -> None:
        self._pid = os.getpid()

    def end(self, error: BaseException | None = None) -> None:
        """User code has just ended, by `error` if it has raised: go on in the worker only."""
        if os.getpid() != self._pid:
            _end(error)


def _end(error: BaseException | None) -> NoReturn:
    """As an interpreter ends, but for what was registered with `atexit`: that is the worker's to do."""
    code = int(error is not None)
    try:
        if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
            code = (error.code or 0) & 0xFF
        elif isinstance(error, SystemExit):
            print(error.code, file=sys.stderr)
        elif error is not None:
            print(format_user_traceback(error), file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)

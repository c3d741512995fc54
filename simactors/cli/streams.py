"""stdout and stderr of the command: who reads them may go away, and the disk behind them may be full.

Not what a program makes of ``sys.stdout`` while it runs: `output.py`.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import Any

_OF_WRITING = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def prepare() -> None:
    """Give the process a stderr where it was started without (``2>&-``): much is told there, here and in libraries."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # as long as the process lives
    _set_errors(sys.stderr, "strict", "backslashreplace")  # as it is by default
    _set_errors(sys.stdout, "strict", "backslashreplace")


def as_programs_know_it() -> None:
    """From now on a program prints: what its terminal has no letters for is its own business again."""
    _set_errors(sys.stdout, "backslashreplace", "strict")


def _set_errors(stream: Any, now: str, then: str) -> None:
    """What a stream does with letters that its encoding lacks: titles and messages are the user's, and may hold any."""
    if isinstance(stream, io.TextIOWrapper) and stream.errors == now:
        stream.reconfigure(errors=then)


def flush() -> None:
    """Write out what is buffered: at the exit of the interpreter, it would be too late to say how that went.

    Raises:
        OSError: it can't be written.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()


def is_of_writing(error: BaseException) -> bool:
    """Whether that is what writing comes to if a pipe is closed, or a disk is full."""
    return isinstance(error, OSError) and error.errno in _OF_WRITING


def is_unread() -> bool:
    """Whether stdout is a pipe that nobody reads any more."""
    try:
        watch = select.poll()
        watch.register(sys.stdout.fileno(), 0)
        return any(event & select.POLLERR for _, event in watch.poll(0))
    except (AttributeError, OSError, ValueError):  # it is no real file; or there is no poll on this system
        return False


def tell(line: str) -> None:
    """Print to stderr if that can be."""
    try:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass  # it is the stream that is broken


def give_up() -> None:
    """Whatever is still buffered leads nowhere: the interpreter would complain of it once more at its exit."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            try:
                stream.flush()
            except OSError:
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

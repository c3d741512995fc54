"""How many files and processes a process may have: raising the limit, and what is said where it is reached."""

from __future__ import annotations

import contextlib
import resource

TOO_MANY = (
    "there are too many processes or open files: use fewer actors, or raise the limits (ulimit -n, -u)."
)
"""What somebody is told whose process or connection could not be made."""


def raise_file_limit() -> None:
    """Allow this process as many open files as it may allow itself: a connection is one, and so is an actor."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):  # more than the kernel allows anybody
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

"""`Membership`: what makes a process one of a session's. Raising its limits, too."""

from __future__ import annotations

import contextlib
import resource

from msgspec import Struct

from real_backend.memory.ledger import Ledger

KEY_SIZE = 16
"""Bytes of a session's key."""

TOO_MANY = (
    "there are too many processes or open files: use fewer actors, or raise the limits (ulimit -n, -u)."
)
"""What somebody is told whose process or connection could not be made."""


class Membership(Struct, frozen=True):
    """Given to each process by the one that starts it.

    Attributes:
        key: what every frame of the session begins with.
        ledger: how much shared memory its processes take.
        account: this process's in the ledger.
    """

    key: bytes
    ledger: Ledger
    account: int


def raise_file_limit() -> None:
    """Allow this process as many open files as it may allow itself: a connection is one, and so is an actor."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):  # more than the kernel allows anybody
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

"""`Membership`: what makes a process one of a session's."""

from __future__ import annotations

from msgspec import Struct

from real_backend.memory.ledger import Ledger

KEY_SIZE = 16
"""Bytes of a session's key."""


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

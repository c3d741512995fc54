"""`connect`: the `Client` of a driver whose supervisor is starting. Called by `backend`; not by anybody else."""

from __future__ import annotations

import socket
from collections.abc import Callable

from real_backend.client.client import Client
from real_backend.client.peers import SUPERVISOR
from real_backend.membership import Membership
from real_backend.memory.ledger import Ledger
from real_backend.messages import DRIVER
from real_backend.transport import Channel


def connect(
    sock: socket.socket, namespace: str, key: bytes, ledger: Ledger, on_close: Callable[[], None]
) -> Client:
    """Be the driver of the session of the supervisor at the other end of `sock`.

    Args:
        sock, ledger: closed by the client, or by the caller if an error is raised.
        key: see `Membership`.
        on_close: waits for the supervisor's end.

    Raises:
        RaySystemError: the supervisor did not start.
        OSError, RuntimeError: no descriptor or no thread is left.
    """
    membership = Membership(key, ledger, DRIVER)
    channel = Channel(sock, SUPERVISOR, key)
    client = Client(channel, DRIVER, namespace, membership, on_close=on_close)
    try:
        client.shield.install()
        client.await_welcome()
    except BaseException:
        client.close()
        raise
    return client

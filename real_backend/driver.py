"""`connect`: the `Client` of a driver whose supervisor is starting. Called by `backend`; not by anybody else."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable

from real_backend.client.client import Client
from real_backend.client.peers import SUPERVISOR
from real_backend.membership import Membership
from real_backend.memory.ledger import Ledger
from real_backend.messages import DRIVER
from real_backend.transport import Channel

_END_S = 10.0


def connect(
    sock: socket.socket,
    namespace: str,
    key: bytes,
    ledger: Ledger,
    supervisor: subprocess.Popen[bytes],
) -> Client:
    """Be the driver of that supervisor's session.

    Args:
        sock: one end of a pair; the supervisor has the other one.
        key: see `Membership`.

    Raises:
        RaySystemError: the supervisor did not start.
    """
    membership = Membership(key, ledger, DRIVER)
    channel = Channel(sock, SUPERVISOR, key)
    client = Client(channel, DRIVER, namespace, membership, on_close=_waits_for(supervisor))
    client.shield.install()
    try:
        client.await_welcome()
    except BaseException:
        client.close()
        raise
    return client


def _waits_for(supervisor: subprocess.Popen[bytes]) -> Callable[[], None]:
    def wait() -> None:
        """The closed channel ends it; if it hangs, we do."""
        try:
            supervisor.wait(_END_S)
        except subprocess.TimeoutExpired:
            supervisor.kill()
            supervisor.wait()

    return wait

"""`connect`: the `Client` of a driver whose supervisor is starting. Called by `backend`; not by anybody else."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable

from real_backend.client.client import Client
from real_backend.client.peers import SUPERVISOR
from real_backend.membership import Membership
from real_backend.memory.ledger import Ledger
from real_backend.messages import DRIVER
from real_backend.transport import Channel

_ENDING_S = 1.0


def connect(
    sock: socket.socket,
    namespace: str,
    key: bytes,
    ledger: Ledger,
    supervisor: subprocess.Popen[bytes],
    on_close: Callable[[], None],
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
    client = Client(
        channel,
        DRIVER,
        namespace,
        membership,
        on_close=on_close,
        on_orphaned=lambda: _sweep_after(supervisor),
    )
    try:
        client.shield.install()
        client.await_welcome()
    except BaseException:
        client.close()
        raise
    return client


def _sweep_after(supervisor: subprocess.Popen[bytes]) -> None:
    """End what user code has started in the workers of a supervisor that was killed, and so could not do it itself.

    It is in the supervisor's process group. Nobody else can be: the group's number is the pid of a child of ours that
    we have not collected yet, and, if somebody else has, of no process while anybody is left in the group.
    """
    if _has_ended(supervisor.pid):
        with contextlib.suppress(OSError):  # nobody is left
            os.killpg(supervisor.pid, signal.SIGKILL)


def _has_ended(child: int) -> bool:
    """Whether it has, as whoever's connection to it has just ended can tell at once, or in a moment."""
    deadline = time.monotonic() + _ENDING_S
    try:
        while os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.001)
    except ChildProcessError:
        return not os.path.exists(f"/proc/{child}")  # else it is another one by now
    return True

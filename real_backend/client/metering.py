"""`Meter`: writes down what each call that runs here costs, for `simactors calibrate --program`.

Only where the environment variable `core.metering.FOLDER` names a folder; each process has a file of its own there, so
that what a process did is still known when it is gone. Not when calls run: `CallsHere` tells.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from msgspec import json

from real_backend.client.running import Running
from simactors.core import metering


class Meter:
    """Of one process.

    A call that shares its thread with others, a coroutine, has no processor time of its own, and is left out.

    Args:
        made: counts what the process has asked of others so far: calls, and what it has put.
    """

    def __init__(self, folder: str, made: Callable[[], int]) -> None:
        self._folder = folder
        self._made = made
        self._begun: dict[int, tuple[float, int, int]] = {}
        self._file: int | None = None

    def begin(self, running: Running) -> None:
        """Its code is about to run in this thread."""
        if running.stop is None:
            self._begun[running.id] = time.thread_time(), self._made(), threading.get_ident()

    def end(self, running: Running) -> None:
        """It has run."""
        work_s, made, thread = self._begun.pop(running.id, (0.0, 0, 0))
        if thread != threading.get_ident():
            return
        cost = metering.Cost(running.label, time.thread_time() - work_s, self._made() - made)
        if self._file is None:
            path = os.path.join(self._folder, f"{os.getpid()}{metering.SUFFIX}")
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.write(self._file, json.encode(cost) + b"\n")

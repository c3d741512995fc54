"""`os.getpid`, `os.getppid`, `os._exit` and `os.kill` of simulated processes.

Without this, one actor's `os._exit` would end the whole simulation and the test runner with it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn, Protocol

from simactors.sim.intercept import escapes
from simactors.sim.intercept.names import Names


class ProcessTable(Protocol):
    """The processes of one simulation."""

    def current_pid(self) -> int | None:
        """The simulated pid of the code that runs now; None if it is the driver's, or a real forked child's."""
        ...

    def is_driver(self) -> bool:
        """Whether the driver's own code runs now, and in no child that it has forked."""
        ...

    def parent_pid(self) -> int | None:
        """The pid of what has started the process whose code runs now; None as for `current_pid`."""
        ...

    def send_signal(self, pid: int, number: int, frame: FrameType | None) -> bool:
        """Send a signal; False if it is for a real process.

        Raises:
            ProcessLookupError: a simulated process had that pid, and has ended.
        """
        ...

    def end_process(self, pid: int, why: str) -> bool:
        """End a simulated process; returns only if that was not the caller's own. False if there is none.

        Raises:
            ProcessLookupError: it has ended already.
        """
        ...


def _getpid() -> int:
    """`os.getpid` of the simulated process."""
    pid = names.worlds[-1].current_pid() if names.worlds else None
    return real_pid() if pid is None else pid


def _getppid() -> int:
    """`os.getppid` of the simulated process."""
    pid = names.worlds[-1].parent_pid() if names.worlds else None
    return names.real["getppid"]() if pid is None else pid


def _exit(status: int) -> NoReturn:
    """`os._exit` of the simulated process: no ``finally`` runs, nothing is flushed."""
    world = names.worlds[-1] if names.worlds else None
    pid = None if world is None else world.current_pid()
    if world is not None and pid is not None:
        world.end_process(pid, f"its process exited with code {status}")
    if world is not None and world.is_driver():
        # The driver shares its process with whoever simulates it: a hunt, a test runner. They must live on.
        raise SystemExit(status)
    names.real["_exit"](status)
    raise AssertionError("os._exit returned")


def _kill(pid: int, signal_number: int, /) -> None:
    """`os.kill`, also for simulated pids."""
    frame = sys._getframe(1)
    if not names.worlds or not names.worlds[-1].send_signal(pid, signal_number, frame):
        if signal_number and pid != real_pid():  # 0 only asks whether it is there
            escapes.check("kill", "os.kill()", frame)
        names.real["kill"](pid, signal_number)


_REPLACEMENTS: dict[str, Callable[..., Any]] = {
    "getpid": _getpid,
    "getppid": _getppid,
    "_exit": _exit,
    "kill": _kill,
}

names: Names[ProcessTable] = Names(os, _REPLACEMENTS)
"""What is replaced; open simulations install themselves here."""


def real_pid() -> int:
    """What the operating system calls this process."""
    pid: int = names.real["getpid"]()
    return pid

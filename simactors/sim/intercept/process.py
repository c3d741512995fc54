"""`os.getpid`, `os.getppid`, `os._exit`, `os.abort`, `os.kill` and process groups of simulated processes.

Without this, one actor's `os._exit` would end the whole simulation and the test runner with it. As on Ray, each worker
is a process group of its own, whose number is its pid.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn, Protocol

from simactors.sim.intercept import escapes
from simactors.sim.intercept.names import Names

KILLED = 128
"""Exit codes of programs that a signal has ended begin after this, in a shell."""


class ProcessTable(Protocol):
    """The processes of one simulation."""

    def current_pid(self) -> int | None:
        """The simulated pid of the code that runs now; None if it is the driver's, or a real forked child's."""
        ...

    def is_driver(self) -> bool:
        """Whether the driver's own code runs now, and in no child that it has forked."""
        ...

    def belongs_here(self) -> bool:
        """Whether the code that runs now is simulated."""
        ...

    def end_driver(self, status: int) -> NoReturn:
        """End the driver's program, whose code runs now: the process itself belongs to whoever simulates it."""
        ...

    def parent_pid(self) -> int | None:
        """The pid of what has started the process whose code runs now; None as for `current_pid`."""
        ...

    def is_simulated(self, pid: int) -> bool:
        """Whether that is the pid of a simulated process.

        Raises:
            ProcessLookupError: it was, and the process has ended.
        """
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
    _end(status, f"its process exited with code {status}")
    names.real["_exit"](status)
    raise AssertionError("os._exit returned")


def _abort() -> NoReturn:
    """`os.abort`, which no handler of SIGABRT can prevent."""
    _end(KILLED + signal.SIGABRT, "its process was ended by SIGABRT")
    names.real["abort"]()
    raise AssertionError("os.abort returned")


def _end(status: int, why: str) -> None:
    """End the process whose code runs; returns if that is not simulated."""
    world = names.worlds[-1] if names.worlds else None
    pid = None if world is None else world.current_pid()
    if world is not None and pid is not None:
        world.end_process(pid, why)
    if world is not None and world.is_driver():
        world.end_driver(status)


def _kill(pid: int, signal_number: int, /) -> None:
    """`os.kill`, also for simulated pids; no signal ever reaches the group of the real process."""
    _send(pid, signal_number, sys._getframe(1))


def _killpg(pgid: int, signal_number: int, /) -> None:
    """`os.killpg`."""
    _send(-pgid, signal_number, sys._getframe(1))


def _send(pid: int, number: int, frame: FrameType) -> None:
    world = names.worlds[-1] if names.worlds else None
    if world is None:
        names.real["kill"](pid, number)
        return
    meant = _leader(-pid) if pid <= 0 and world.belongs_here() else pid
    if not world.send_signal(meant, number, frame):
        if number and meant != real_pid():  # 0 only asks whether it is there
            escapes.check("kill", "os.kill()" if pid == meant else "os.killpg()", frame)
        # The driver's group holds whoever started it, too; any other is meant as a whole.
        names.real["kill"](meant if meant == real_pid() else pid, number)


def _leader(group: int) -> int:
    """The process that is meant by a group; of the real one, only the driver is the program's."""
    if group == 1:
        raise RuntimeError(
            "os.kill(-1, ...) means every process of the machine, those too that are none of the program's: name "
            "the pids that are meant"
        )
    if group == 0:
        return _getpid()
    return real_pid() if group == names.real["getpgrp"]() else group


def _getpgrp() -> int:
    """`os.getpgrp` of the simulated process."""
    pid = names.worlds[-1].current_pid() if names.worlds else None
    return names.real["getpgrp"]() if pid is None else pid


def _getpgid(pid: int, /) -> int:
    """`os.getpgid`, also for simulated pids."""
    world = names.worlds[-1] if names.worlds else None
    if world is not None and world.is_simulated(pid):
        return pid
    return _getpgrp() if pid == 0 else names.real["getpgid"](pid)


_REPLACEMENTS: dict[str, Callable[..., Any]] = {
    "getpid": _getpid,
    "getppid": _getppid,
    "getpgrp": _getpgrp,
    "getpgid": _getpgid,
    "_exit": _exit,
    "abort": _abort,
    "kill": _kill,
    "killpg": _killpg,
}

names: Names[ProcessTable] = Names(os, _REPLACEMENTS)
"""What is replaced; open simulations install themselves here."""


def real_pid() -> int:
    """What the operating system calls this process."""
    pid: int = names.real["getpid"]()
    return pid

"""`Mishaps`: the faults of a plan that strike at calls, as one worker meets them.

`Counters` is what all workers count together.

Not those that strike at a time: `supervisor/misfortunes.py`.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import random
import signal
import struct
import threading
import time
from collections.abc import Sequence
from fnmatch import fnmatchcase

from simactors.core import tracing
from simactors.core.fault_plan import CrashProcess, DelayCall, Fault, FaultPlan, Pause

_COUNT = struct.Struct("=Q")


def check(plan: FaultPlan) -> None:
    """Refuse what can't happen to real processes on one machine.

    Raises:
        ValueError: the message names the fault.
    """
    for fault in plan.faults:
        if isinstance(fault, CrashProcess | DelayCall) or (isinstance(fault, Pause) and fault.node is None):
            continue
        raise ValueError(
            f"{fault} can't happen on backend='local': there are processes that crash (CrashProcess) or stand still "
            "(Pause with process=), and calls that are late (DelayCall); the rest is for backend='sim'."
        )


class Counters:
    """A number for each fault, counted by all processes that were forked after it was made."""

    def __init__(self, count: int) -> None:
        self._page = mmap.mmap(-1, max(1, count) * _COUNT.size)
        # Locks of this kind belong to a process, not to the descriptor that it has inherited, nor to a thread.
        self._lock = os.memfd_create("simactors-faults", os.MFD_CLOEXEC)
        self._threads = threading.Lock()

    def next(self, index: int) -> int:
        """Count one more; what it is now, from 1."""
        with self._threads:
            fcntl.lockf(self._lock, fcntl.LOCK_EX)
            try:
                (before,) = _COUNT.unpack_from(self._page, index * _COUNT.size)
                _COUNT.pack_into(self._page, index * _COUNT.size, before + 1)
            finally:
                fcntl.lockf(self._lock, fcntl.LOCK_UN)
        return int(before) + 1


class Mishaps:
    """The faults of a plan that this process may meet at calls.

    Args:
        started_at: when the session began, on the monotonic clock.

    Attributes:
        names: what the process is called now, see `core.fault_plan`.
    """

    def __init__(self, plan: FaultPlan, counters: Counters, started_at: float) -> None:
        self._counters = counters
        self._lines = tracing.lines_of_this_process()
        self._started_at = started_at
        self.names: Sequence[str] = ()
        self._random = random.Random(os.urandom(8))
        numbered = list(enumerate(plan.faults))
        self._before = [(i, f) for i, f in numbered if isinstance(f, CrashProcess) and f.before_call]
        self._after = [(i, f) for i, f in numbered if isinstance(f, CrashProcess) and f.after_call]
        self._on_reply = [(i, f) for i, f in numbered if isinstance(f, CrashProcess) and f.on_reply]
        self._late = [(i, f) for i, f in numbered if isinstance(f, DelayCall)]

    @property
    def makes_late(self) -> bool:
        """Whether any calls are late."""
        return bool(self._late)

    def before(self, label: str) -> None:
        """A call is about to start."""
        for index, fault in self._before:
            self._count(index, fault, label, fault.before_call, "before")

    def after(self, label: str) -> None:
        """A call has run, and is not answered yet."""
        for index, fault in self._after:
            self._count(index, fault, label, fault.after_call, "after")

    def replied(self, label: str) -> None:
        """The answer to a call that this process has made is here."""
        for index, fault in self._on_reply:
            self._count(index, fault, label, fault.on_reply, "at the answer to")

    def _count(self, index: int, fault: CrashProcess, label: str, wanted: int | None, when: str) -> None:
        if not fnmatchcase(label, fault.call) or not any(fnmatchcase(n, fault.process) for n in self.names):
            return
        if self._counters.next(index) == wanted:
            self._note(f"its process crashes {when} {label}")
            os.kill(os.getpid(), signal.SIGKILL)

    def late_s(self, label: str, attempt: int) -> float:
        """How much later a call arrives that has just come."""
        since_s = time.monotonic() - self._started_at
        late_s = sum(
            fault.by_s for i, fault in self._late if self._is_late(i, fault, label, attempt, since_s)
        )
        if late_s:
            self._note(f"delay of {label} by {late_s:g} s")
        return late_s

    def _note(self, what: str) -> None:
        if self._lines is not None:
            self._lines.write("fault", pid=os.getpid(), what=what)

    def _is_late(self, index: int, fault: DelayCall, label: str, attempt: int, since_s: float) -> bool:
        if not fnmatchcase(label, fault.call) or since_s < fault.at_s:
            return False
        if fault.for_s is not None and since_s >= fault.at_s + fault.for_s:
            return False
        if fault.nth is None:
            return self._random.random() < fault.probability
        return attempt == 0 and self._counters.next(index) == fault.nth


def timed(plan: FaultPlan) -> list[Fault]:
    """The faults that strike at a time, whatever is called then."""
    return [
        f for f in plan.faults if isinstance(f, Pause) or (isinstance(f, CrashProcess) and f.at_s is not None)
    ]

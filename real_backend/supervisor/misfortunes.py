"""`Misfortunes`: the faults of a plan that strike processes at a time: crashes and pauses.

Not those that strike at calls: `mishaps.py`.
"""

from __future__ import annotations

import contextlib
import functools
import heapq
import itertools
import os
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase

from real_backend.mishaps import timed
from real_backend.supervisor.processes import Process
from simactors.core.fault_plan import CrashProcess, Fault, FaultPlan, Pause


class Misfortunes:
    """The timed faults of one session.

    Args:
        workers: the processes that live, but for the driver's.
        names: what a process is called, see `core.fault_plan`.
        crash: ends a process as `kill -9` does, without anybody having wished for it.
        tell: shows a line to the user.
        note: is told what befalls which process, and for how many seconds, unless it happens at once.

    Attributes:
        started_at: when the session began, on the monotonic clock; the times of the plan count from here.
    """

    def __init__(
        self,
        plan: FaultPlan,
        workers: Callable[[], Iterable[Process]],
        names: Callable[[Process], Sequence[str]],
        tell: Callable[[str], None],
        note: Callable[[Process, str, float | None], None],
    ) -> None:
        self.started_at = time.monotonic()
        self._workers = workers
        self._names = names
        self._tell = tell
        self._note = note
        self._crashed: set[int] = set()
        self._numbers = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        for fault in timed(plan):
            assert isinstance(fault, CrashProcess | Pause)
            assert fault.at_s is not None
            self._at(self.started_at + fault.at_s, functools.partial(self._strike, fault))

    @property
    def patience_s(self) -> float | None:
        """In how many seconds `look` has to be called; None if nothing is planned any more."""
        return max(0.0, self._due[0][0] - time.monotonic()) if self._due else None

    def look(self) -> None:
        """Do what is due."""
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()

    def _at(self, moment: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, (moment, next(self._numbers), action))

    def _strike(self, fault: Fault) -> None:
        assert isinstance(fault, CrashProcess | Pause)
        for process in [p for p in self._workers() if self._is_meant(fault, p)]:
            if isinstance(fault, CrashProcess):
                if process.number in self._crashed:  # and has not been reaped yet
                    continue
                self._crashed.add(process.number)
                self._signal(process, signal.SIGKILL, "crashes")
            else:
                self._signal(process, signal.SIGSTOP, f"stands still for {fault.for_s:g} s", fault.for_s)
                goes_on = functools.partial(self._signal, process, signal.SIGCONT, "goes on")
                self._at(time.monotonic() + fault.for_s, goes_on)

    def _is_meant(self, fault: CrashProcess | Pause, process: Process) -> bool:
        return any(fnmatchcase(name, fault.process or "") for name in self._names(process))

    def _signal(
        self, process: Process, number: signal.Signals, what: str, for_s: float | None = None
    ) -> None:
        # Its pid may be another's once it has been reaped: then it is not among the living any more.
        if process in self._workers():
            with contextlib.suppress(ProcessLookupError):
                if number in _NOTES:
                    self._note(process, _NOTES[number], for_s)
                os.kill(process.pid, number)
                self._tell(f"fault: {self._names(process)[0]} (pid {process.pid}) {what}")


_NOTES = {
    signal.SIGKILL: "its process crashes",
    signal.SIGSTOP: "its process stands still",
}
"""In the words in which a simulation tells of the same."""

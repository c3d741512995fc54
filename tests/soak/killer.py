"""`Killer`: kills and stops random workers of the session while it may. Never the supervisor, never the driver."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from contextlib import suppress

import psutil

_STOPPED_S = 0.5


class Killer(threading.Thread):
    """See above.

    Args:
        supervisor: whose children the victims are.
        seed: of the choice of victims.
        every_s: the mean time between two strikes.

    Attributes:
        strikes: how many of each signal.
    """

    def __init__(self, supervisor: psutil.Process, seed: str, every_s: float) -> None:
        super().__init__(name="killer", daemon=True)
        self._supervisor = supervisor
        self._rng = random.Random(seed)
        self._every_s = every_s
        self._may = threading.Lock()
        self._ended = threading.Event()
        self._stopped: dict[psutil.Process, float] = {}
        self.strikes: Counter[str] = Counter()

    def run(self) -> None:
        while not self._ended.wait(min(self._rng.expovariate(1 / self._every_s), 1.0)):
            with self._may:
                self._wake(time.monotonic())
                self._strike()

    def pause(self) -> None:
        """Let everyone live, and go on, until `resume`."""
        self._may.acquire()
        self._wake(float("inf"))

    def resume(self) -> None:
        """Strike again."""
        self._may.release()

    def end(self) -> None:
        """No more strikes; it is paused."""
        self._ended.set()
        self._may.release()
        self.join()

    def _wake(self, now: float) -> None:
        for process in [p for p, until in self._stopped.items() if until <= now]:
            del self._stopped[process]
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)

    def _strike(self) -> None:
        victims = [p for p in self._supervisor.children() if p not in self._stopped]
        if not victims:
            return
        victim = self._rng.choice(victims)
        how = signal.SIGSTOP if self._rng.random() < 0.25 else signal.SIGKILL
        with suppress(psutil.NoSuchProcess):
            victim.send_signal(how)
            self.strikes[how.name] += 1
            if how == signal.SIGSTOP:
                self._stopped[victim] = time.monotonic() + self._rng.random() * _STOPPED_S

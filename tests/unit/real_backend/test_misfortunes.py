"""`Misfortunes`: what befalls a process that is dying already."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

from real_backend.supervisor.misfortunes import Misfortunes
from simactors.core.fault_plan import CrashProcess, FaultPlan


class Worker:
    """What of a process they look at."""

    def __init__(self, pid: int) -> None:
        self.number, self.pid = 1, pid


def test_a_process_that_has_crashed_and_is_not_buried_yet_does_not_crash_again() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    workers: list[Any] = [Worker(child.pid)]
    told: list[str] = []
    plan = FaultPlan(tuple(CrashProcess(process="Shard", at_s=0.0) for _ in range(2)))
    misfortunes = Misfortunes(
        plan, lambda: workers, lambda _: ["Shard"], lambda _: None, lambda _, what, __: told.append(what)
    )
    try:
        while misfortunes.patience_s is not None:
            time.sleep(misfortunes.patience_s)
            misfortunes.look()
        assert told == ["its process crashes"]
        assert child.wait(60) < 0
    finally:
        child.kill()
        child.wait()

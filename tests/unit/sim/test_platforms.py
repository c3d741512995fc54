"""The simulator needs nothing that only Linux has: here it runs on an interpreter without that."""

from __future__ import annotations

import subprocess
import sys

ON_LINUX_ONLY = {
    "os": ["getrandom", "sched_setaffinity", "sched_setscheduler", "setresuid", "setresgid", "pidfd_open"],
    "time": ["CLOCK_TAI", "CLOCK_BOOTTIME"],
    "signal": ["SIGPWR", "SIGSTKFLT", "SIGRTMIN", "SIGRTMAX", "pidfd_send_signal"],
}

PROGRAM = """
import os, signal, time
for name in {names}:
    module, _, attribute = name.partition(".")
    if hasattr(globals()[module], attribute):
        delattr(globals()[module], attribute)

import simactors

@simactors.remote
class Clock:
    def read(self):
        time.sleep(1)
        return time.monotonic() >= 1, len(os.urandom(3)), time.clock_gettime(time.CLOCK_MONOTONIC) < 2

with simactors.simulate():
    print(simactors.get(Clock.remote().read.remote()))
"""


def test_the_simulator_runs_where_names_of_linux_are_missing() -> None:
    names = [f"{module}.{name}" for module, missing in ON_LINUX_ONLY.items() for name in missing]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(names=names)], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("(True, 3, True)\n", "")

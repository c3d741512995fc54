"""For whom something is made: for the user's simulated code, or for somebody else who runs beside it.

A lock or a thread that a logging handler, a test runner or an installed package makes for itself outlives the run, or
has to do with the real world: it stays real.
"""

from __future__ import annotations

import concurrent.futures
import queue
import sched
import threading
from pathlib import Path
from types import FrameType

from simactors.sim.intercept.names import is_users_file

_STDLIB = Path(threading.__file__).parent
_SIM = Path(__file__).parents[1]
_LOOP = str(_SIM / "loop.py")

# What builds something of locks and threads for its caller.
_BUILDERS = frozenset(
    {
        threading.__file__,
        queue.__file__,
        sched.__file__,
        str(_STDLIB / "multiprocessing" / "pool.py"),
        str(_STDLIB / "multiprocessing" / "dummy" / "__init__.py"),
        _LOOP,
    }
)
_FOLDERS_OF_BUILDERS = (
    f"{Path(concurrent.futures.__file__).parent}/",
    f"{_STDLIB / 'asyncio'}/",
    f"{_SIM / 'intercept'}/",
)
_OUR_FOLDERS = tuple(
    f"{folder}/" for folder in (_SIM, *(_SIM.parent / name for name in ("testing", "util", "workload")))
)


def is_for_users_code(frame: FrameType | None) -> bool:
    """Whether what `frame` is about to make is for the user, where the running code is known to be simulated."""
    while frame is not None:
        file = frame.f_code.co_filename
        if file not in _BUILDERS and not file.startswith(_FOLDERS_OF_BUILDERS):
            # Our own code starts threads, turns of loops, coroutines that are tests and requests of workloads, and
            # `util` does what a program would do itself. What builders make there is for the user's code in them: the
            # thread, say, in which `asyncio.run` ends a coroutine's executor.
            return is_users_file(file) or file.startswith(_OUR_FOLDERS)
        frame = frame.f_back
    return True

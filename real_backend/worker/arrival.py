"""What a freshly forked worker does before anything else."""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
import sys
import time
import types

from real_backend.control import Surroundings

_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def settle_in(supervisor: int) -> None:
    """Be a process of its own, which dies with the supervisor."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != supervisor:  # it died before we asked to be told
        os._exit(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # not Ctrl-C, which is the driver's: `cancel`
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    atexit._clear()  # what the supervisor's modules registered is not ours to do
    sys.modules["__main__"] = types.ModuleType("__main__")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)  # a killed process flushes nothing


def enter(surroundings: Surroundings) -> None:
    """Take on the variables and the folder that a `runtime_env` asks for.

    Raises:
        OSError, ValueError: what was there when it was asked for may be gone.
    """
    os.environ.update(surroundings.variables)
    if surroundings.folder is not None:
        os.chdir(surroundings.folder)
    # What an interpreter reads when it starts, this one has read long ago.
    sys.path[:0] = surroundings.search_path()
    time.tzset()

"""The processes that this one started for what is being tested."""

from __future__ import annotations

import psutil


def children(*, recursive: bool = False) -> list[psutil.Process]:
    """Children of this process, without multiprocessing's own.

    Its resource tracker is started by the first test of a process that uses shared memory or semaphores of
    multiprocessing, and stays until the process ends.
    """
    return [process for process in psutil.Process().children(recursive=recursive) if _is_ours(process)]


def _is_ours(process: psutil.Process) -> bool:
    try:
        return "resource_tracker" not in " ".join(process.cmdline())
    except psutil.ZombieProcess:
        return True
    except psutil.NoSuchProcess:  # it has ended since it was listed
        return False


def supervisor() -> psutil.Process:
    """The one process that a session on `local` starts itself."""
    (process,) = children()
    return process

"""What is not to outlive this process when it is ended from outside: processes and folders that it has made.

Not Ctrl-C, which is an exception like any other. Nothing here helps a folder against SIGKILL.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

_PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """Let this process end as soon as its parent does, however that ends; on Linux, elsewhere nothing happens.

    Otherwise what makes runs for a process that sums up would go on, for nobody, until all are made.

    Args:
        parent: its pid, as it knows it itself: it may have ended already.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before we asked to be told
        os._exit(1)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that is gone afterwards, also if SIGTERM ends this process meanwhile.

    Whoever has a handler for SIGTERM keeps it: what that does is then its own business, and so is the folder.
    """
    with tempfile.TemporaryDirectory(prefix="simactors-", ignore_cleanup_errors=True) as name:
        owner = os.getpid()

        def leave(number: int, frame: FrameType | None) -> None:
            if os.getpid() == owner:  # a child that the program forks has inherited this
                shutil.rmtree(name, ignore_errors=True)
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

        is_ours = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        try:
            if is_ours:
                signal.signal(signal.SIGTERM, leave)
        except ValueError:  # not in the main thread: only that one may
            is_ours = False
        try:
            yield Path(name)
        finally:
            if is_ours and signal.getsignal(signal.SIGTERM) is leave:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)

"""`Change`: what stands around every change of a client's state. Not what changes, and not who waits for it (`pump`).

Used by whatever user code calls, by the pump around the messages that it handles, and by its service thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from real_backend.client.shield import Shield


class Change:
    """A context manager; reentrant, safe for threads.

    Inside it, the caller holds the lock of the client and no Ctrl-C comes. At the end of the outermost one, what was
    noted meanwhile is settled: whoever uses it can't forget that.

    Args:
        settle: called under the lock.

    Attributes:
        lock: guards the state of the whole client. Nobody waits under it.
        owner: the thread that is inside, if one is.
    """

    def __init__(self, shield: Shield, settle: Callable[[], None]) -> None:
        self.lock = threading.RLock()
        self._shield = shield
        self._settle = settle
        self._pid = os.getpid()
        self._depth = 0
        self.owner: int | None = None

    def __enter__(self) -> None:
        if os.getpid() != self._pid:  # first: in a forked child a thread may hold the lock that is not there
            self.check_process()
        self._shield.__enter__()
        self.lock.acquire()
        if not self._depth:
            self.owner = threading.get_ident()
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        try:
            if self._depth == 1:
                self._settle()
        finally:
            self._depth -= 1
            if not self._depth:
                self.owner = None
            self.lock.release()
            self._shield.__exit__()

    def begin(self) -> None:
        """The same without the shield, for who is inside it already."""
        self.lock.acquire()
        if not self._depth:
            self.owner = threading.get_ident()
        self._depth += 1

    def end(self) -> None:
        """See `begin`."""
        try:
            if self._depth == 1:
                self._settle()
        finally:
            self._depth -= 1
            if not self._depth:
                self.owner = None
            self.lock.release()

    def check_process(self) -> None:
        """Refuse a forked child.

        Raises:
            RuntimeError: this is one.
        """
        if os.getpid() != self._pid:
            raise RuntimeError(
                "A session of backend='local' can't be used in a forked child process: call init() there."
            )

"""`Sign`: says who this process is: in front of what it prints, and where processes are listed.

Not the printing: `supervisor/outputs` reads the lines that this writes between the user's. `process` changes the
sign when a task begins or an actor is made.
"""

from __future__ import annotations

import contextlib
import os
import sys

import setproctitle

from real_backend.control import NAME_MARK


class Sign:
    """The name of the actor, or of the function that runs; changed only when it changes."""

    def __init__(self) -> None:
        self._shown = ""
        self._title("IDLE")

    def show(self, name: str) -> None:
        """From now on it is called so."""
        if name == self._shown:
            return
        self._shown = name
        self._title(name)
        line = NAME_MARK + name.replace("\n", " ").encode(errors="replace") + b"\n"
        for stream, fd in ((sys.stdout, 1), (sys.stderr, 2)):
            with contextlib.suppress(
                OSError, ValueError, AttributeError
            ):  # the user's code may have closed it
                stream.flush()
                os.write(fd, line)

    def show_repr(self, instance: object) -> None:
        """As on Ray, an actor whose class has a `__repr__` of its own goes by that."""
        try:
            name = repr(instance)
        except Exception as error:  # the user's code runs here
            name = f"{type(instance).__name__}, whose repr() raised {type(error).__name__},"
        self.show(name)

    @staticmethod
    def _title(name: str) -> None:
        setproctitle.setproctitle(f"simactors::{name}")

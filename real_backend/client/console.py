"""`Console`: shows in the driver what workers print.

By a thread of its own, through the driver's `sys.stdout` and `sys.stderr` as they are then: so that it also gets into
a notebook's cell or a test's captured output, and a terminal that stands still holds up nobody else.
"""

from __future__ import annotations

import queue
import sys
import threading

from real_backend.control import Printed

_PARTING_S = 5.0


class Console:
    """Safe for threads."""

    def __init__(self) -> None:
        self._lines: queue.SimpleQueue[Printed | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def show(self, printed: Printed) -> None:
        """Show some lines, soon."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="simactors-console", daemon=True)
            self._thread.start()
        self._lines.put(printed)

    def close(self) -> None:
        """Show the rest."""
        if self._thread is not None:
            self._lines.put(None)
            self._thread.join(_PARTING_S)

    def _run(self) -> None:
        while (printed := self._lines.get()) is not None:
            target = sys.stderr if printed.is_error else sys.stdout
            prefix = f"({printed.name} pid={printed.pid})"
            try:
                if target.isatty():
                    prefix = f"\x1b[36m{prefix}\x1b[0m"
                target.write("".join(f"{prefix} {line}\n" for line in printed.text.split("\n")))
                target.flush()
            except (OSError, ValueError, AttributeError):  # closed, or None: nobody wants to see it
                continue

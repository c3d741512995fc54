"""`Console`: shows in the driver what workers print.

By a thread of its own, through the driver's `sys.stdout` and `sys.stderr` as they are then: so that it also gets into
a notebook's cell or a test's captured output, and a terminal that stands still holds up nobody else.
"""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading

from real_backend.control import Printed
from real_backend.messages import Remark

log = logging.getLogger("simactors")

_PARTING_S = 5.0
_MOST_WAITING = 1 << 24
"""So many characters may wait to be shown; what comes beyond that is dropped: nobody can read so much."""


class Console:
    """`show` and `close` under one lock, that of the pump or of whoever closes the session."""

    def __init__(self) -> None:
        self._lines: queue.SimpleQueue[Printed | Remark | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        # Characters: what has come, and what of it was shown. Each is written by one thread only.
        self._come = 0
        self._shown = 0
        self._dropped = 0  # lines, since the last remark

    def show(self, printed: Printed | Remark) -> None:
        """Show some lines, soon; or, if those before have waited for too long, say how many were not shown."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="simactors-console", daemon=True)
            self._thread.start()
        if self._come - self._shown > _MOST_WAITING:
            self._dropped += printed.text.count("\n") + 1
            return
        self._remark()
        self._put(printed)

    def close(self) -> None:
        """Show the rest."""
        if self._thread is not None:
            self._remark()
            self._lines.put(None)
            self._thread.join(_PARTING_S)

    def _remark(self) -> None:
        if self._dropped:
            text = f"{self._dropped} lines were dropped here: the output of this program was not read fast enough"
            self._dropped = 0
            self._put(Printed("simactors", os.getpid(), True, text))

    def _put(self, printed: Printed | Remark) -> None:
        self._come += len(printed.text)
        self._lines.put(printed)

    def _run(self) -> None:
        while (printed := self._lines.get()) is not None:
            try:
                if isinstance(printed, Remark):
                    log.warning("%s", printed.text)
                else:
                    _write(printed)
            except (
                Exception
            ):  # closed, or None, or an object of the user's that can't: nobody wants to see it
                pass
            self._shown += len(printed.text)


def _write(printed: Printed) -> None:
    target = sys.stderr if printed.is_error else sys.stdout
    prefix = f"({printed.name} pid={printed.pid})"
    if target.isatty():
        prefix = f"\x1b[36m{prefix}\x1b[0m"
    target.write("".join(f"{prefix} {line}\n" for line in printed.text.split("\n")))
    target.flush()

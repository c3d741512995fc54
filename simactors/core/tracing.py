"""Where a run on a real backend is written down, if anybody wants it to be, and how: `Lines`.

`simactors.tracing` writes who called what; a real backend adds what only it knows: faults, and what processes died of.
"""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from simactors.core.refs import ActorRef

VARIABLE = "SIMACTORS_TRACE_TO"
"""The environment variable that names the folder; relative to the working directory of the driver."""

TIMES_ONLY = "SIMACTORS_TRACE_TIMES_ONLY"
"""The environment variable that says, by being there, that only times are wanted: who asked for it reads no values."""

SUFFIX = ".trace.jsonl"


def actor_number(actor: ActorRef) -> str:
    """What an actor is called in a trace."""
    return f"{actor.entry.id:x}"


def _encoded(line: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(line)
    except UnicodeEncodeError:  # half a character in a name of the user's: no reason for the call to fail
        return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace")


class Lines:
    """One process's file in the folder of a trace: lines of JSON. Safe for threads.

    Args:
        most_kept: lines are kept here until there are more: for a process that nobody kills.
        is_optional: where there is no such folder, on another machine or when the run is over, nothing is written.
        encode: makes a line of an event. The default is fast, and for plain values.
    """

    def __init__(
        self,
        folder: Path,
        *,
        most_kept: int = 0,
        is_optional: bool = False,
        encode: Callable[[Any], bytes] = _encoded,
    ) -> None:
        self._encode = encode
        self._is_optional = is_optional
        self._path = folder / f"{os.getpid()}-{uuid.uuid4().hex[:8]}{SUFFIX}"
        self._most_kept = most_kept
        self._kept: list[dict[str, Any]] = []
        self._file: int | None = None
        self._writing = threading.RLock()  # a signal handler that calls may come in between

    def write(self, event: str, time_s: float | None = None, **fields: Any) -> None:
        """Tell of one event.

        Args:
            time_s: when it was, by the clock on the wall; None for now.
        """
        line = {"event": event, "time_s": time.time() if time_s is None else time_s, **fields}
        with self._writing:
            self._kept.append(line)
            if len(self._kept) > self._most_kept:
                self._flush()

    def close(self) -> None:
        """Write what is kept, and let go of the file."""
        with self._writing:
            self._flush()
            if self._file is not None:
                os.close(self._file)
            self._file = None

    def _flush(self) -> None:
        kept, self._kept = self._kept, []
        if not kept:
            return
        if self._file is None and self._is_optional and not self._path.parent.is_dir():
            return
        if self._file is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._file = os.open(self._path, flags, 0o600)
        text = b"".join([self._encode(line) + b"\n" for line in kept])
        os.write(self._file, text)  # in one system call: a line is whole even if the process is killed


def lines_of_this_process() -> Lines | None:
    """For what a backend knows by itself: events ``fault`` and ``died``. None if nobody wants to know.

    Who reads values does not: a history of calls has no place for it.
    """
    folder = os.environ.get(VARIABLE)
    return Lines(Path(folder), is_optional=True) if folder and TIMES_ONLY in os.environ else None

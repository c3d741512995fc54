"""`describe`: who waits for what in a session that hangs, for the report of it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from simactors.api import session as sessions

_WRITTEN_S = 1.0


def describe(supervisor: psutil.Process, folder: Path) -> str:
    """The driver's calls, and the stacks of all workers."""
    client: Any = sessions.active()
    return "\n".join([*_calls(client), *_lines(client), *_tasks(client), *_stacks(supervisor, folder)])


def _calls(client: Any) -> Iterator[str]:
    for call in list(client._calls.pending.values()):
        peer = None if call.carrier is None else call.carrier.runner(call)
        where = "nowhere" if peer is None else f"at process {peer.number}, which died of {peer.death}"
        yield (
            f"call {call.id} {call.label}: {where}, {call.tries} tries, {call.missing} arguments missing"
            f"{', cancelled' * call.is_canceled}"
        )


def _lines(client: Any) -> Iterator[str]:
    for line in list(client._actors._lines.values()):
        yield (
            f"actor {line.actor_id} at {line.peer and line.peer.number}: {len(line._queue)} queued, {len(line._sent)} "
            f"sent, {len(line._again)} to be sent again{', killed' * line._doomed}{', forsaken' * line.forsaken}"
        )


def _tasks(client: Any) -> Iterator[str]:
    for demand, shape in list(client._tasks._shapes.items()):
        yield f"tasks of {demand}: {len(shape.queue)} queued, {shape.asked} leases asked for, {len(shape.idle)} idle"


def _stacks(supervisor: psutil.Process, folder: Path) -> Iterator[str]:
    for child in supervisor.children():
        yield f"worker {child.pid}: {child.status()}"
        if (folder / f"stack-{child.pid}").exists():
            child.send_signal(signal.SIGUSR2)
    time.sleep(_WRITTEN_S)
    for file in sorted(folder.glob("stack-*")):
        if text := file.read_text():
            yield f"{file.name}\n{text}"

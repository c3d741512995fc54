"""What is going on in sessions of the `local` backend: frozen data, how it is written down, and where it is found.

The supervisor of a session keeps it in an anonymous file in memory, which other processes of the same user find through
``/proc``: so nothing listens and nothing is left behind. Who wants to read rings a bell, a pipe, and the supervisor
writes anew; a byte is all that can be said to it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from msgspec import DecodeError, Struct, field, json

FILE_NAME = "simactors-status"
"""The name of that file, as ``/proc/PID/fd`` shows it."""

_PATIENCE_S = 2.0
_LOOK_S = 0.01


class ProcessStatus(Struct, frozen=True, kw_only=True):
    """A process of a session, or an actor that has none.

    Attributes:
        pid: None for an actor that waits for a place, or is being restarted.
        kind: ``driver``, ``actor`` or ``worker``.
        name: the class of an actor, the function of the task that a worker runs; empty for an idle worker.
        actor_id, actor_name, namespace: of an actor.
        state: of an actor Ray's word, ``PENDING_CREATION``, ``ALIVE`` or ``RESTARTING``; else ``BUSY`` or ``IDLE``;
            ``SILENT`` for what does not answer: it is stopped, or computes without letting Python run.
        pending: calls that it has got and not answered, the running ones among them; None if it is silent.
        done: calls that it has answered.
        waits_for: calls that it has made and that are not answered.
        restarts: how often an actor was restarted; `max_restarts` is -1 for no limit.
        resources: what it holds, by resource.
        stored: bytes of shared memory that it has filled.
    """

    pid: int | None
    kind: str
    name: str = ""
    actor_id: str | None = None
    actor_name: str | None = None
    namespace: str | None = None
    state: str = ""
    pending: int | None = None
    done: int | None = None
    waits_for: int | None = None
    restarts: int = 0
    max_restarts: int = 0
    resources: dict[str, float] = field(default_factory=dict)
    stored: int = 0


class SessionStatus(Struct, frozen=True, kw_only=True):
    """A session.

    Attributes:
        supervisor_pid, driver_pid: two of its processes.
        namespace: where names are looked up unless said otherwise.
        started_at: seconds since the epoch.
        total, available: quantities by resource.
        waiting: tasks and actors that wait for resources.
        processes: those that live, the driver first, and actors without one.
    """

    supervisor_pid: int
    driver_pid: int
    namespace: str
    started_at: float
    total: dict[str, float]
    available: dict[str, float]
    waiting: int
    processes: list[ProcessStatus]

    def to_json(self) -> str:
        """One line."""
        return json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str) -> SessionStatus:
        """The inverse of `to_json`."""
        return json.decode(text, type=cls)


class Page(Struct, frozen=True):
    """What is written into the file: a line of JSON with these fields, and then the status.

    Attributes:
        edition: counts up with each writing.
        bell: the descriptor of the bell in the supervisor's process.
        supervisor_pid: that process.
    """

    edition: int
    bell: int
    supervisor_pid: int


def write_page(fd: int, page: Page, status: SessionStatus | None) -> None:
    """Replace what is in the file; readers see the old text or the new one."""
    text = json.encode(page) + b"\n" + (b"" if status is None else json.encode(status))
    # First the rest is cut off, then the old length is written over: a reader that sees a mixture can't parse it.
    os.ftruncate(fd, 0)
    os.pwrite(fd, text, 0)


def sessions() -> Iterator[SessionStatus]:
    """The sessions of this user on this machine, as they are now; one that does not answer in time is left out."""
    seen = set()
    for pid in sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        for path in _files_of(pid):
            with contextlib.suppress(OSError, UnicodeError, DecodeError):
                inode = path.stat().st_ino
                if inode in seen:
                    continue
                seen.add(inode)
                status = _ask(path)
                if status is not None:
                    yield status


def _files_of(pid: int) -> list[Path]:
    """The status files that a process has open; none if it is another user's."""
    found = []
    with contextlib.suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if os.readlink(link).startswith(f"/memfd:{FILE_NAME}"):
                    found.append(link)
    return found


def _ask(path: Path) -> SessionStatus | None:
    page, _ = _read(path)
    bell = os.open(f"/proc/{page.supervisor_pid}/fd/{page.bell}", os.O_WRONLY | os.O_NONBLOCK)
    try:
        os.write(bell, b"!")
    finally:
        os.close(bell)
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        time.sleep(_LOOK_S)
        with contextlib.suppress(UnicodeError, DecodeError):  # it is being written
            newer, text = _read(path)
            if newer.edition > page.edition and text:
                return SessionStatus.from_json(text)
    return None


def _read(path: Path) -> tuple[Page, str]:
    head, _, text = path.read_text().partition("\n")
    return json.decode(head, type=Page), text

"""The `threading.Thread` objects of simulated threads: all that depends on how this Python keeps them inside.

Not what `Thread.start` and its kin do (`threads.py`). `threading` itself never hears of a simulated thread: neither its
list of living ones nor the interpreter's end does.
"""

from __future__ import annotations

import threading
from concurrent.futures import thread as pools
from typing import Any, Protocol

_RECORD = "_simactors_record"


class Record(Protocol):
    """A simulated thread, as `sim/threads.py` keeps it."""

    @property
    def ident(self) -> int:
        """What `get_ident` gives in it."""
        ...

    @property
    def native_id(self) -> int:
        """What `get_native_id` gives in it."""
        ...

    @property
    def kind(self) -> str:
        """``main``, ``pool``, ``loop`` or ``started``."""
        ...

    @property
    def name(self) -> str:
        """Its name, as long as it has no face."""
        ...

    @property
    def is_finished(self) -> bool:
        """It has ended."""
        ...

    face: Any


class _Handle:
    """What Python 3.13 and later ask about the real thread."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self.ident = record.ident

    def is_done(self) -> bool:
        return self._record.is_finished

    def join(self, timeout: float | None = None) -> None:
        pass  # asked only after the simulation

    def _set_done(self) -> None:
        pass


def record_of(face: threading.Thread) -> Any:
    """The simulated thread that `face` was started as; None for a real one, or one that was not started."""
    return face.__dict__.get(_RECORD)


def attach(face: threading.Thread, record: Record, native_id: int) -> None:
    """Let `face` be that of a thread that is about to run."""
    inside = face.__dict__
    record.face = face
    inside[_RECORD] = record
    inside["_ident"] = record.ident
    inside["_native_id"] = native_id
    if "_handle" in inside:
        inside["_handle"] = _Handle(record)
    face._started.set()  # type: ignore[attr-defined]  # threading's own


def retire(face: threading.Thread) -> None:
    """Its code has ended; also real methods that are asked after the simulation shall say so."""
    face.__dict__["_is_stopped"] = True


def was_started(face: threading.Thread) -> bool:
    """Whether `start` was called before.

    Raises:
        RuntimeError: a subclass has not called the constructor.
    """
    if not face.__dict__.get("_initialized", False):
        raise RuntimeError("thread.__init__() not called")
    return bool(face._started.is_set())  # type: ignore[attr-defined]  # threading's own


def face_of(record: Record, native_id: int, name: str) -> threading.Thread:
    """The face of a thread that `threading` has not started; made when it is first asked for."""
    if record.face is None:
        cls: type[threading.Thread] = {
            "main": threading._MainThread,  # type: ignore[attr-defined]  # no public name, as below
            "pool": threading._DummyThread,
        }.get(record.kind, threading.Thread)
        made = cls.__new__(cls)
        threading.Thread.__init__(made, name=name, daemon=record.kind == "pool")
        attach(made, record, native_id)
    face: threading.Thread = record.face
    return face


def forget_executors() -> None:
    """Let `concurrent.futures` join no simulated thread at the interpreter's end: those of actors never come to it."""
    for started in list(pools._threads_queues):
        if record_of(started) is not None:
            pools._threads_queues.pop(started)  # type: ignore[attr-defined]  # it is no plain Mapping


def call_hook(face: threading.Thread) -> None:
    """Report the exception that is being handled, and that nobody has caught: `threading.excepthook`."""
    face._invoke_excepthook(face)  # type: ignore[attr-defined]  # threading's own

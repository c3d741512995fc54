"""Who is running, and on which backend.

Inside a simulated process or a real worker, a context variable says so. Everywhere else the driver is
running, on the innermost open session.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from msgspec import Struct

from simactors.core.backend import Backend, Settings


class Running(Protocol):
    """The simulated process whose code runs now."""

    @property
    def backend(self) -> Backend:
        """The backend it runs on."""
        ...


@runtime_checkable
class Joinable(Protocol):
    """A backend that can be open before the program's `init` and go on after its `shutdown`."""

    def join(self, settings: Settings) -> None:
        """The program initializes."""
        ...

    def leave(self) -> None:
        """The program shuts down: what it started ends."""
        ...


class Session(Struct):
    """One open backend, as the driver sees it.

    Attributes:
        scoped: opened by a ``with`` block, which alone may close it; `init` and `shutdown` inside it only
            set `initialized`.
        initialized: what `is_initialized()` answers.
        join: what `init` inside a scoped session does.
        leave: what `shutdown` inside a scoped session does.
    """

    backend: Backend
    scoped: bool
    initialized: bool
    join: Callable[[Settings], None] | None = None
    leave: Callable[[], None] | None = None


running: contextvars.ContextVar[Running | None] = contextvars.ContextVar("simactors_running", default=None)
sessions: list[Session] = []
"""The open sessions of the driver, the innermost last."""


def session() -> Session | None:
    """The innermost open session of the driver, if there is one."""
    return sessions[-1] if sessions else None


def open_session(
    backend: Backend,
    *,
    scoped: bool,
    join: Callable[[Settings], None] | None = None,
    leave: Callable[[], None] | None = None,
) -> Session:
    """Make `backend` the driver's; see `Session`."""
    opened = Session(backend, scoped, not scoped, join, leave)
    sessions.append(opened)
    return opened


def close_session(closing: Session) -> None:
    """Close the backend of `closing` and forget the session, even if closing it raises."""
    if closing in sessions:
        sessions.remove(closing)
        closing.backend.close()

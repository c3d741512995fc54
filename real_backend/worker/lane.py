"""`Lane`: one concurrency group of an actor, as `lanes` sees it, and what it needs of its process.

It is a pool of threads (`lanes`) or an event loop (`loops`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from real_backend.client.running import Running
from real_backend.messages import Call
from real_backend.worker.execution import Answer


class Job(NamedTuple):
    """A call, and who made it."""

    asker: int
    message: Call


class Owner(Protocol):
    """What lanes need of the process they belong to; called from any thread."""

    def begin(self, asker: int, message: Call) -> Running:
        """Describe a call whose turn has come."""
        ...

    def method(self, name: str) -> Callable[..., Any]:
        """The bound method."""
        ...

    def answered(self, running: Running, answer: Answer) -> None:
        """A call has ended; if it leaves, nobody is told but of an error."""
        ...

    def exits(self, running: Running, code: object) -> None:
        """The code of a call has raised `SystemExit`."""
        ...

    def ended(self) -> None:
        """There is one call less in `Lane.unfinished`."""
        ...


class Construction:
    """A constructor that runs on an event loop.

    Attributes:
        is_over: it has ended.
        error: what it raised.
        instance: what it made, if it raised nothing.
    """

    def __init__(self) -> None:
        self.is_over = False
        self.instance: Any = None
        self.error: BaseException | None = None


class Lane(Protocol):
    """One concurrency group."""

    @property
    def unfinished(self) -> int:
        """How many calls are under way or wait."""
        ...

    def put(self, job: Job) -> None:
        """Run a call as soon as there is room."""
        ...

    def close(self) -> None:
        """Begin no call any more; harmless if repeated; may be called from any thread."""
        ...

    def construct(
        self, cls: type, call: Callable[[Any], Any], done: Callable[[], None]
    ) -> Construction | None:
        """See `Lanes`."""
        ...

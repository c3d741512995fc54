"""What waits: code that is suspended until something wakes it, and steps that wait for their time.

Not who wakes it and when: `kernel.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from simactors.sim import fiber
from simactors.sim.config import NS


class Process(fiber.Process, Protocol):
    """What the kernel must know of the process whose code waits."""

    dead: bool

    @property
    def label(self) -> str:
        """How reports name it."""
        ...


class Waiter:
    """Code that waits to be woken, and the step that wakes it.

    Attributes:
        process: whose code it is; a dead process's code is never woken.
        why: what it waits for, for the report if nobody ever wakes it; its `str` is taken then.
        fiber: the suspended code; set by `Kernel.block`, as is `then`.
    """

    __slots__ = ("fiber", "process", "then", "why")

    def __init__(self, process: Process, why: object) -> None:
        self.process = process
        self.why = why
        self.fiber: Any = None
        self.then: Callable[[Any], None]


class Timer:
    """A step that happens at a given time unless it is cancelled before.

    Attributes:
        process: whose timer it is; None for the cluster's own.
        kind: ``timer``; ``sleep`` if it is only there for code to go on, ``notice`` if it stands for a message, ...
        call: the call that it is about; None if it is about none.
        what: in a word, what it does for whom, if it is the cluster's own.
    """

    __slots__ = ("action", "call", "callbacks", "kind", "process", "what")

    def __init__(
        self, action: Callable[[], None], process: Process | None = None, kind: str = "timer"
    ) -> None:
        self.action: Callable[[], None] | None = action
        self.callbacks: Any = None
        self.process = process
        self.kind = kind
        self.call: Any = None
        self.what = ""

    def then(self, _: object) -> None:
        """Do what the timer was set for."""
        if self.action is not None:
            self.action()


class SleepUntil:
    """For reports: the time that sleeping code waits for, put into words only when somebody asks."""

    __slots__ = ("_ns",)

    def __init__(self, ns: int) -> None:
        self._ns = ns

    def __str__(self) -> str:
        return f"the time {self._ns / NS:.6f}s"

"""What a workload has measured: its requests and its checks, in the order in which they came to their end.

Written by `drive.py` in the driver of whatever backend; read by whoever installed the `Log`. The installed logs are a
plain stack of this process, as in `core.sightings`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["answered", "failed", "late"]
"""``answered``: with a value. ``failed``: with an exception. ``late``: not within the workload's time-out."""


@dataclass(slots=True)
class Request:
    """One request.

    Attributes:
        number: from 0, in the order of arrival.
        client: who asked, from 0; None if requests arrive by themselves.
        at_s: when it was due, by the clock of the run: what latency is counted from.
        begun_s, ended_s: when it was made, and when its answer was there.
        error: the class of the exception; empty if it was answered.
        value: what it was answered with; the exception itself if it failed.
        counts: it is measured: it was due after the warm-up.
    """

    number: int
    at_s: float
    client: int | None = None
    begun_s: float = 0.0
    ended_s: float = 0.0
    status: Status = "answered"
    error: str = ""
    value: Any = None
    counts: bool = True

    @property
    def latency_s(self) -> float:
        """From the moment when it was due."""
        return self.ended_s - self.at_s


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a check.

    Attributes:
        name: of the function, or in words.
        status: ``unknown``: the judge came to no verdict.
        message: why it failed.
        at_s: when that was found.
    """

    name: str
    status: Literal["passed", "failed", "unknown"]
    message: str = ""
    at_s: float = 0.0


@dataclass(slots=True)
class Log:
    """One run of a workload.

    Attributes:
        began_s, load_began_s, load_ended_s: when the program began, when its load did, and when all requests had been
            answered; by the clock of the run. None: it never came to that.
        measured_from_s: when the warm-up of the load was over, or was to be.
        due_until_s: until when requests could come, if the load has ended with its duration; None otherwise.
        is_ended_by_check: the program has come to its end, and raised what a check has found.
    """

    began_s: float | None = None
    load_began_s: float | None = None
    measured_from_s: float = 0.0
    due_until_s: float | None = None
    load_ended_s: float | None = None
    requests: list[Request] = field(default_factory=list)
    checks: list[Checked] = field(default_factory=list)
    is_ended_by_check: bool = False


_installed: list[Log] = []


def current() -> Log:
    """Where to write; if nobody has asked for it, into nothing."""
    return _installed[-1] if _installed else Log()


@contextmanager
def collecting(log: Log) -> Iterator[Log]:
    """Write everything into `log` until the end of the block."""
    _installed.append(log)
    try:
        yield log
    finally:
        _installed.remove(log)

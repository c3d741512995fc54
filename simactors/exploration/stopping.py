"""Stops a run at a moment, with virtual time standing still, for somebody to look at it and let it go on.

Not the talk with that somebody: `cli/console.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simactors.exploration import watchdog
from simactors.sim.config import NS
from simactors.sim.inspection import Ahead, Inspection
from simactors.sim.simulation import Simulation

_STEP = re.compile(r"step[\s:=]*(\d+)")
_TIME = re.compile(r"(\d+\.?\d*|\.\d+)\s*(ns|us|ms|s|m)?")
_UNITS_NS = {None: NS, "ns": 1, "us": 1_000, "ms": 1_000_000, "s": NS, "m": 60 * NS}


class Stopped(KeyboardInterrupt):
    """Somebody has seen enough: the run is not to go on."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of a run: before a step, or before the first step that is not before a time.

    Attributes:
        step: its number, from 1.
        time_ns: virtual. Exactly one of both is set.
    """

    step: int | None = None
    time_ns: int | None = None

    @classmethod
    def parse(cls, text: str) -> Moment:
        """Read ``1.25s``, ``250ms``, ``40us``, ``1.25`` (seconds) or ``step 37``.

        Raises:
            ValueError: it is none of them; the message says what is.
        """
        wanted = text.strip()
        step = _STEP.fullmatch(wanted)
        if step is not None:
            return cls(step=int(step[1]))
        return cls(
            time_ns=duration_ns(wanted, "write a time as 1.25s, 250ms or 40us, or a step as 'step 37'")
        )

    def is_reached(self, step: int, now_ns: int) -> bool:
        """Whether a step is not before it."""
        if self.step is not None:
            return step >= self.step
        assert self.time_ns is not None
        return now_ns >= self.time_ns

    def __str__(self) -> str:
        return f"step {self.step}" if self.time_ns is None else f"{self.time_ns / NS:g}s"


def duration_ns(text: str, hint: str = "write a time as 1.25s, 250ms or 40us") -> int:
    """Virtual nanoseconds.

    Raises:
        ValueError: it is no time; the message ends with `hint`.
    """
    time = _TIME.fullmatch(text.strip())
    if time is None:
        raise ValueError(f"{text.strip()!r} is no moment of a run: {hint}")
    return round(float(time[1]) * _UNITS_NS[time[2]])


class Stopper:
    """Stops a run at one moment after the other; an `Onlooker`.

    Args:
        until: the first moment.
        talk: called there, with what comes next; returns the next moment, or None to let the run go on to its end. It
            raises `Stopped` to end it.

    Attributes:
        has_stopped: a moment was reached.
        is_over: somebody has ended the run.
    """

    def __init__(self, until: Moment, talk: Callable[[Inspection, Ahead], Moment | None]) -> None:
        self._until: Moment | None = until
        self._talk = talk
        self._inspection: Inspection
        self.has_stopped = self.is_over = False

    def opened(self, simulation: Simulation) -> None:
        """See `Onlooker`."""
        self._inspection = simulation.inspection()
        self._inspection.look_before_steps(self._look)

    def failed(self, error: BaseException) -> None:
        """See `Onlooker`."""

    def _look(self, step: Any) -> None:
        if self.is_over:  # the program has caught the first one
            raise Stopped
        inspection = self._inspection
        assert self._until is not None
        if not self._until.is_reached(inspection.steps, inspection.now_ns):
            return
        self.has_stopped = True
        try:
            with watchdog.resting():
                self._until = self._talk(inspection, inspection.described(step))
        except KeyboardInterrupt:
            self.is_over = True
            raise
        if self._until is None:
            inspection.look_before_steps(None)

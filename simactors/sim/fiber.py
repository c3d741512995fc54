"""How plain Python code is suspended and resumed: the only file that knows greenlets.

Not a scheduler: who runs next is the kernel's business. A *hub* is a greenlet that runs the kernel's loop; user
code runs inline on a hub. Code that must wait keeps the greenlet it is on, and another hub goes on in its place.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Protocol, TypeVar

import greenlet
from greenlet import getcurrent

Answer = TypeVar("Answer")

_abandoned: list[greenlet.greenlet] = []

LEAVES_KERNEL_ALONE = "simactors_leaves_kernel_alone"
"""Attribute of trace functions that are to follow user code, and not the hubs that run while it waits."""


class SimulationEnded(BaseException):
    """Raised in suspended code when the simulation is over, so that its ``finally`` blocks run."""


class Process(Protocol):
    """What is to know of the process whose code is suspended."""

    @property
    def halted(self) -> bool:
        """Its code must not go on now."""
        ...

    def park(self, step: object) -> None:
        """Keep a step until it may, if it ever may."""
        ...


class Suspended(Protocol):
    """Where suspended code is kept until it is resumed."""

    fiber: greenlet.greenlet

    @property
    def process(self) -> Process:
        """Whose code it is."""
        ...


class Fibers:
    """The greenlets of one simulation.

    Invariant: exactly one greenlet runs; all others are suspended code, idle hubs, or the spawner.

    Args:
        loop: the kernel's loop; it must return only when the simulation is closed, and never raise.
    """

    def __init__(self, loop: Callable[[], None]) -> None:
        self._loop = loop
        self._idle: list[greenlet.greenlet] = []
        self._driver = getcurrent()
        self._closed = False
        # A greenlet inherits the recursion depth of the frame that starts it. Hubs are started from here, one
        # shallow frame, never from deep user code: otherwise a chain of blocked calls ends in RecursionError.
        self._spawner = greenlet.greenlet(self._spawn)
        self._spawner.switch()

    def _spawn(self) -> None:
        self._driver.switch()
        while True:
            greenlet.greenlet(self._loop).switch()

    def only_in_driver(self, answer: Answer) -> Callable[[], Answer]:
        """What gives `answer` to the driver's own code, and raises in any other: a function without `self`, for speed.

        Raises:
            RuntimeError: another thread asks, or the simulation is closed.
        """
        driver = self._driver

        def ask() -> Answer:
            if (getcurrent() is not driver or self._closed) and not self.in_driver():
                raise RuntimeError(
                    "a simulation can be used only while it is open and from the thread that opened it; "
                    "start tasks or actors instead of threads"
                )
            return answer

        return ask

    def in_driver(self) -> bool:
        """Whether code that is no other process's is the driver's own, while the simulation is open.

        On the thread that opened it, or in a simulated thread, whose code may run in a copy of the driver's context.
        """
        now = getcurrent()
        return (now is self._driver or getattr(now, "simactors_mark", None) is not None) and not self._closed

    def current(self) -> object:
        """What stands for the running code: the same as long as it runs, and no other code's."""
        return getcurrent()

    def suspend(self, waiter: Suspended) -> None:
        """Let a hub go on in place of the running code; returns when `waiter` is resumed."""
        waiter.fiber = getcurrent()
        hub = self._idle.pop() if self._idle else self._spawner
        trace = sys.gettrace()
        if trace is None or not hasattr(trace, LEAVES_KERNEL_ALONE):
            hub.switch()
            return
        sys.settrace(None)  # who follows this code does not follow what runs meanwhile
        try:
            hub.switch()
        finally:
            sys.settrace(trace)

    def resume(self, waiter: Suspended) -> None:
        """Called by a hub: go on with suspended code, unless its process stands still.

        Returns when this hub is needed again.
        """
        if waiter.process.halted:
            waiter.process.park(waiter)
            return
        self._idle.append(getcurrent())
        waiter.fiber.switch()

    def resume_driver(self) -> None:
        """Called by a hub: go on with the driver."""
        self._idle.append(getcurrent())
        self._driver.switch()

    def end(self, fiber: greenlet.greenlet) -> None:
        """Called by the driver: raise `SimulationEnded` in suspended code and let it run to its end."""
        if fiber is self._driver or fiber.dead:
            return
        fiber.parent = getcurrent()
        fiber.throw(SimulationEnded)

    def abandon(self) -> None:
        """Never go on with the running code, which does not let itself be ended."""
        # Collecting it would raise in it once more, in the middle of anything.
        _abandoned.append(getcurrent())
        self._driver.switch()

    def close(self) -> None:
        """End the idle hubs and the spawner."""
        for hub in self._idle:
            self.end(hub)
        self._idle.clear()
        self._closed = True
        self._spawner.throw(greenlet.GreenletExit)


def running_code() -> object:
    """What stands for the code that runs, of whatever simulation."""
    return getcurrent()


def mark() -> object:
    """What `set_mark` said of the running code; None if it said nothing."""
    return getattr(getcurrent(), "simactors_mark", None)


def set_mark(value: object) -> None:
    """Say something of the code that runs on this greenlet, until something else is said."""
    getcurrent().simactors_mark = value  # type: ignore[attr-defined]  # greenlets take attributes


def mark_of(fiber: greenlet.greenlet) -> object:
    """What `set_mark` said of suspended code."""
    return getattr(fiber, "simactors_mark", None)


def innermost_frame(fiber: greenlet.greenlet) -> FrameType | None:
    """The frame at which `fiber` is suspended."""
    return fiber.gr_frame

"""`Running`: a call whose code runs in this process; `CallsHere`: all of them, and who asks which one is his.

Not how they are run: that is `worker`. In the driver there are none.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct, field

from real_backend.messages import CallOptions

_REMEMBERED = 10_000
_LATEST = 1000


class Running(Struct, eq=False):
    """One call from its turn to its answer.

    Attributes:
        asker: the number of the process that made it.
        id: the call's.
        label: what errors call it.
        module: where its code was written.
        num_returns, options: see `messages.Call`.
        is_task: it is no actor's call: a KeyboardInterrupt may be raised in its code.
        is_canceled: somebody has cancelled it.
        interrupt: that KeyboardInterrupt is due.
        leaves: its code has called `exit_actor`: it is not answered, and the process ends.
        began_at, ended_at: when, in seconds since the epoch.
        returned: it has ended, and has not raised.
        stop: cancels the coroutine that it is; None if it is none.
    """

    asker: int
    id: int
    label: str
    num_returns: int | str = 0
    options: CallOptions | None = None
    module: str = ""
    is_task: bool = False
    is_canceled: bool = False
    interrupt: bool = False
    leaves: bool = False
    stop: Callable[[], object] | None = None
    began_at: float = field(default_factory=time.time)
    ended_at: float = 0.0
    returned: bool = False

    @property
    def name(self) -> str:
        """What the call is called: as its options say, or else its label."""
        return (self.options is not None and self.options.name) or self.label

    @property
    def function_name(self) -> str:
        """The label behind the module."""
        return f"{self.module}.{self.label}"

    def take_interrupt(self) -> bool:
        """Whether a KeyboardInterrupt is due; true only once."""
        due, self.interrupt = self.interrupt, False
        return due


current: contextvars.ContextVar[Running | None] = contextvars.ContextVar("simactors_call", default=None)
"""The call whose code runs, where a process runs several side by side."""


class TellsCosts(Protocol):
    """Hears of each call in the thread that runs it; see `metering.Meter`."""

    def begin(self, running: Running) -> None:
        """Its code is about to run."""
        ...

    def end(self, running: Running) -> None:
        """It has run."""
        ...


class CallsHere:
    """The calls that this process runs, and those that were cancelled before their turn.

    Attributes:
        done: how many have ended.
        latest: those that have ended last.
        main: the call that the main thread runs; what threads do that it has started is done for it, too.
        meter: told of each call that begins and ends, constructors included; None if nobody wants to know.
    """

    def __init__(self) -> None:
        self.main: Running | None = None
        self.done = 0
        self.latest: deque[Running] = deque(maxlen=_LATEST)
        self.meter: TellsCosts | None = None
        self._side_by_side: dict[int, Running] = {}
        # Some of them have ended before: nobody can tell those from the ones that are still to come.
        self._canceled: OrderedDict[int, None] = OrderedDict()

    def current(self) -> Running | None:
        """The call for which the code runs that asks."""
        return current.get() or self.main

    def interruptible(self) -> Running | None:
        """The same, but None for code in a thread of the user's own, which no cancellation reaches."""
        running = current.get()
        if running is None and threading.current_thread() is threading.main_thread():
            running = self.main
        return running

    def begin_main(self, running: Running) -> None:
        """The turn of a call of the main thread has come."""
        self.main = running  # first, so that `cancel` finds it, or has left a note before
        if self._canceled:
            self._look(running)
        if self.meter is not None:
            self.meter.begin(running)

    def begin(self, running: Running) -> None:
        """The turn of a call has come that runs beside others."""
        self._side_by_side[running.id] = running
        if self._canceled:
            self._look(running)
        if self.meter is not None:
            self.meter.begin(running)

    def _look(self, running: Running) -> None:
        if self._canceled.pop(running.id, self) is None:
            running.is_canceled = True
            running.interrupt = running.is_task

    def answered(self, running: Running, *, returned: bool) -> None:
        """It has its answer."""
        self.done += 1
        running.ended_at = time.time()
        running.returned = returned
        self.latest.append(running)
        if self.meter is not None:
            self.meter.end(running)

    def constructed(self) -> None:
        """The main thread has run a constructor."""
        if self.meter is not None and self.main is not None:
            self.meter.end(self.main)
        self.main = None

    def events(self) -> tuple[tuple[str, int, float, float, bool], ...]:
        """What has run here lately, see `control.StatusIs`."""
        return tuple((r.name, r.id, r.began_at, r.ended_at, r.returned) for r in list(self.latest))

    def end(self, running: Running) -> None:
        """It has ended."""
        self._side_by_side.pop(running.id, None)

    def under_way(self) -> int:
        """How many run side by side."""
        return len(self._side_by_side)

    def cancel(self, call_id: int) -> Running | None:
        """Mark a call as cancelled; it is returned if it runs."""
        self._canceled[call_id] = None
        if len(self._canceled) > _REMEMBERED:
            self._canceled.popitem(last=False)
        running = self._side_by_side.get(call_id)
        if running is None and self.main is not None and self.main.id == call_id:
            running = self.main
        if running is not None:
            self._look(running)
        return running

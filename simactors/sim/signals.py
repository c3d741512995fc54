"""What signals do to simulated processes: handlers run, processes end, stand still and go on.

A handler runs at once if its own process sends the signal, else as a step of its own, at that instant: above whatever
its process waits for, which goes on afterwards, or is left by the exception that the handler raises.
"""

from __future__ import annotations

import contextvars
import errno
import os
import signal
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any, NoReturn

from simactors.core.current import running
from simactors.sim import threads
from simactors.sim.cluster import Process
from simactors.sim.config import NS
from simactors.sim.fiber import SimulationEnded, innermost_frame
from simactors.sim.intercept.names import is_users_file
from simactors.sim.intercept.process import KILLED
from simactors.sim.intercept.signals import handler_of_the_driver, handler_of_workers
from simactors.sim.machine import Machine
from simactors.sim.privates import Privates
from simactors.sim.waiting import Timer, Waiter

_IGNORED = frozenset({signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH, signal.SIGCONT})
"""What does nothing by default, see signal(7)."""
_IGNORED_BY_WORKERS = frozenset({signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ})
"""What does nothing to Ray's workers, either, unless they have set a handler."""
_STOP = frozenset({signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})


class _Alarm:
    """When the next SIGALRM of a process is due."""

    __slots__ = ("due_ns", "interval_ns", "timer")

    def __init__(self, timer: Timer, due_ns: int, interval_ns: int) -> None:
        self.timer = timer
        self.due_ns = due_ns
        self.interval_ns = interval_ns


class Signals:
    """The signals of one simulation.

    Attributes:
        has_driver_ended: the driver's program was told to exit at once, so that nobody waits for its threads.
    """

    def __init__(self, machine: Machine, privates: Privates) -> None:
        self.has_driver_ended = False
        self._kernel = machine.kernel
        self._trace = machine.trace
        self._membership = machine.membership
        self._driver = machine.driver
        self._privates = privates
        self._pauses = machine.pauses
        self._stopped: dict[Process, Callable[[], None]] = {}
        self._alarms: dict[Process, _Alarm] = {}

    # What `intercept.signals` asks

    def handlers(self) -> dict[int, Any] | None:
        """See `Alarms`."""
        process: Any = running.get()
        return None if process is None or process is self._driver else self._handlers_of(process)

    def raise_here(self, number: int, frame: FrameType | None) -> None:
        """See `Alarms`."""
        process: Any = running.get()
        self.send(process, number, frame)

    def set_timer(self, seconds: float, interval_s: float) -> tuple[float, float]:
        """See `Alarms`."""
        before = self.timer()
        process: Any = running.get()
        old = self._alarms.pop(process, None)
        if old is not None:
            self._kernel.cancel(old.timer)
        if seconds:
            self._arm(process, round(seconds * NS), round(interval_s * NS))
        return before

    def timer(self) -> tuple[float, float]:
        """See `Alarms`."""
        process: Any = running.get()
        alarm = self._alarms.get(process)
        if alarm is None:
            return 0.0, 0.0
        return (alarm.due_ns - self._kernel.now_ns) / NS, alarm.interval_ns / NS

    # What `intercept.process` asks

    def send(self, target: Process, number: int, frame: FrameType | None) -> None:
        """Send a signal to a process that is not the driver; 0 only asks whether it lives.

        Args:
            frame: of the code that sends it.
        """
        if not 0 <= number < signal.NSIG:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        if number == 0:
            return
        if number == signal.SIGCONT and target in self._stopped:
            self._stopped.pop(target)()
        handler = signal.SIG_DFL if number == signal.SIGKILL else self._handler(target, number)
        if callable(handler):
            self._handle(target, number, handler, frame)
        elif handler == signal.SIG_IGN or number in _IGNORED:
            return
        elif number in _STOP:
            self._stop(target)
        elif handler is not None or number not in _IGNORED_BY_WORKERS:
            self._membership.end_process(target, _ended_by(number))

    def _handler(self, target: Process, number: int) -> Any:
        return self._handlers_of(target).get(number, handler_of_workers if number == signal.SIGTERM else None)

    def send_to_driver(self, number: int, frame: FrameType | None) -> bool:
        """Send a signal to the driver, which shares its process with whoever simulates it: that must live on.

        Returns:
            Whether that was all; else it is a signal for the real process.
        """
        handler = handler_of_the_driver(number)
        is_deadly = number == signal.SIGKILL or (
            handler is signal.SIG_DFL and number not in _IGNORED and number not in _STOP
        )
        if running.get() is None or running.get() is self._driver:
            if is_deadly:
                self.end_driver(KILLED + number)
            return False
        if is_deadly:
            self._exit_driver(KILLED + number)
        elif callable(handler):
            self._handle(self._driver, number, handler, frame)
        return True

    def end_driver(self, status: int) -> NoReturn:
        """The driver's own code ends its program: its main thread leaves that, any other thread never goes on."""
        self.has_driver_ended = True
        if threads.current(self._driver).kind == "main":
            raise SystemExit(status)
        self._exit_driver(status)
        self._kernel.stop_for_good(self._driver)

    def _exit_driver(self, status: int) -> None:
        self.has_driver_ended = True
        waiter = self._code_of(self._driver)
        if waiter is not None:
            self._kernel.interrupt(waiter, SystemExit(status))

    def _handlers_of(self, process: Process) -> dict[int, Any]:
        private = self._privates.of(process)
        if private.signals is None:
            private.signals = {}
        handlers: dict[int, Any] = private.signals
        return handlers

    def _handle(
        self, target: Process, number: int, handler: Callable[..., Any], frame: FrameType | None
    ) -> None:
        # As in every Python, handlers run in the main thread.
        if running.get() is target and threads.current(target).kind == "main":
            handler(number, frame)
        else:
            self._kernel.soon(partial(self._run, target, number, handler), target)

    def _run(self, target: Process, number: int, handler: Callable[..., Any]) -> None:
        if target.dead:
            return
        if target.halted:
            target.park(Timer(partial(self._run, target, number, handler)))
            return
        self._trace.add((self._kernel.now_ns, "signal", 0, target.label, _name(number)))
        waiter = self._code_of(target)
        frame = None if waiter is None else _users_frame(innermost_frame(waiter.fiber))
        context = contextvars.Context()
        context.run(running.set, target)
        try:
            context.run(handler, number, frame)
        except SimulationEnded:
            raise
        except BaseException as error:  # the user's code may raise anything
            if waiter is not None:
                self._kernel.raise_in(waiter, error)
            elif target is not self._driver:
                why = f"its handler of {_name(number)} raised {type(error).__name__}: {error}"
                if handler is handler_of_workers:
                    why = _ended_by(number)
                self._membership.end_process(target, why)

    def _code_of(self, process: Process) -> Waiter | None:
        """What the main thread of a process waits for; that of an actor with other threads waits for nothing."""
        if process.actor is not None and process.actor.lanes is not None:
            return None
        waiting = (waiter for waiter in self._kernel.blocked if waiter.process is process)
        return next((waiter for waiter in waiting if threads.of_waiter(waiter) is None), None)

    def _stop(self, target: Process) -> None:
        if target in self._stopped:
            return
        self._trace.add((self._kernel.now_ns, "signal", 0, target.label, _name(signal.SIGSTOP)))
        self._stopped[target] = self._pauses.hold(target)
        if running.get() is target:
            waiter = Waiter(target, "SIGCONT")
            self._kernel.soon(lambda: waiter.then(waiter), target)
            self._kernel.block(waiter)

    def _arm(self, process: Process, delay_ns: int, interval_ns: int) -> None:
        timer = self._kernel.timer(delay_ns, partial(self._alarm_due, process))
        self._alarms[process] = _Alarm(timer, self._kernel.now_ns + delay_ns, interval_ns)

    def _alarm_due(self, process: Process) -> None:
        alarm = self._alarms.pop(process)
        if process.dead:
            return
        if alarm.interval_ns:
            self._arm(process, alarm.interval_ns, alarm.interval_ns)
        self.send(process, signal.SIGALRM, None)


def _users_frame(frame: FrameType | None) -> FrameType | None:
    """The innermost frame of the user's own code that waits in `frame`."""
    while frame is not None and not is_users_file(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def _ended_by(number: int) -> str:
    return f"its process was ended by {_name(number)}"


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

"""asyncio's event loop in virtual time: one for each process that runs coroutines.

Not a scheduler of its own: asyncio's `BaseEventLoop` keeps its promises (first in, first out; timers by time), and a
whole turn of it is one step of the kernel. An idle loop has no stack. `run_forever`, which drivers use through
`asyncio.run`, blocks in the kernel instead of in a selector.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import itertools
import signal
import sys
from asyncio import events
from contextlib import suppress
from heapq import heapify, heappush
from typing import Any

from simactors.core.current import running
from simactors.core.refs import Answer
from simactors.sim import threads
from simactors.sim.cluster import Process
from simactors.sim.config import NS, wait_ns
from simactors.sim.intercept import interrupts
from simactors.sim.kernel import Kernel
from simactors.sim.numbered import NumberedFuture, NumberedTimer, numbered_task
from simactors.sim.threads import SimThread
from simactors.sim.waiting import Timer, Waiter

# A turn of a real loop takes its time, in which others become ready: without that, what awaits nothing in particular,
# as ``sleep(0)`` does, would never be overtaken.
_TURN_NS = 20_000
_MOST_TURNS = 10
"""One more than a coroutine may miss before it is told of what is there already."""
_NEVER = frozenset({signal.SIGKILL, signal.SIGSTOP})

_Outer = tuple[Any, Any]
"""The loop that runs outside, and its hooks for asynchronous generators."""


class SimLoop(asyncio.BaseEventLoop):
    """The loop of one simulated process.

    Invariant: a turn is either running, or scheduled, or nothing is ready.

    Args:
        thread: its turns come by themselves, and are that one's; if None, somebody calls `run_forever`.
    """

    def __init__(self, kernel: Kernel, process: Process, thread: SimThread | None = None) -> None:
        super().__init__()
        self._kernel = kernel
        self._process = process
        self._selector = _NoSelector(self)
        self._clock_resolution = 1 / NS
        self.thread = thread
        # True also while the code of a turn is suspended: nothing else runs on this loop then.
        self._in_turn = False
        self._is_blocking = False  # in run_forever
        self._turn_due = False
        self._until_turn = kernel.jitter("turn", _TURN_NS)
        self._alarm: Timer | None = None
        self._sleeper: Waiter | None = None
        self._timers = itertools.count()
        # Turns run as the process, as all its code does.
        self._context = contextvars.Context()
        self._context.run(running.set, process if process.label != "driver" else None)

        # In the order in which they were made; asyncio itself keeps tasks in a weak set, and they would end anywhere.
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._handled: dict[int, None] = {}  # signals
        self.set_task_factory(numbered_task)
        kernel.on_closing.append(self._finish_turn)
        kernel.on_close.append(self._dispose)

    @property
    def tasks_in_order(self) -> list[asyncio.Task[Any]]:
        """Those that have not ended, the oldest first."""
        return list(self._tasks)

    def create_future(self) -> Any:
        """See asyncio."""
        made = NumberedFuture(loop=self)
        made.number = self._kernel.next_number()
        return made

    def create_task(self, coro: Any, **options: Any) -> Any:
        """See asyncio."""
        task = super().create_task(coro, **options)
        self._tasks[task] = None
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)

    def _finish_turn(self) -> None:
        """Code of a turn that waits is about to be ended: nothing else must begin behind it."""
        if self._in_turn or (self._is_blocking and self._sleeper is None):
            self._cancel_ready()

    def _cancel_ready(self) -> None:
        for handle in self._ready:  # type: ignore[attr-defined]  # BaseEventLoop's
            handle.cancel()  # and not taken out: a turn that is running counts them

    def _dispose(self) -> None:
        """The simulation is over: end what still waits, so that its ``finally`` blocks run here and now."""
        self.end()
        for task in list(self._tasks):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # it is pending on purpose
            with suppress(BaseException):  # the user's code may raise anything, even now
                task.get_coro().close()
        self._tasks.clear()
        self._closed = True

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """See asyncio; but Ctrl-C, which ends the run, is no exception that somebody has forgotten to look at."""
        if not (isinstance(context.get("exception"), KeyboardInterrupt) and interrupts.has_come()):
            super().call_exception_handler(context)

    def __del__(self) -> None:
        """Nothing to close: there is neither a selector nor a thread."""

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self._kernel.now_ns / NS

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:  # type: ignore[override]
        """See asyncio."""
        handle = super().call_soon(callback, *args, context=context)
        self._wake()
        return handle

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Any = None) -> Any:  # type: ignore[override]
        """See asyncio; also what other simulated processes and the kernel's own steps call.

        Of what is there already when it is awaited, a thread tells a real loop, whose turns go on meanwhile.
        """
        offers = self._kernel.offers
        if offers is not None and type(callback) is Answer and asyncio._get_running_loop() is self:
            for _ in range(self._kernel.choices.number("answered", _MOST_TURNS)):
                callback = functools.partial(self.call_soon, callback)
        return self.call_soon(callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> Any:
        """See asyncio, whose own handles of the same time come in any order of its heap."""
        if when is None:
            raise TypeError("when cannot be None")
        self._check_closed()  # type: ignore[attr-defined]  # BaseEventLoop's, as below
        if self._debug:  # type: ignore[attr-defined]
            self._check_thread()  # type: ignore[attr-defined]
            self._check_callback(callback, "call_at")  # type: ignore[attr-defined]
        handle = NumberedTimer(next(self._timers), when, callback, args, self, context)
        heappush(self._scheduled, handle)  # type: ignore[attr-defined]
        handle._scheduled = True  # type: ignore[attr-defined]  # asyncio counts those that are cancelled
        self._wake()
        return handle

    def run_forever(self) -> None:
        """See asyncio; the running code is suspended while nothing is ready."""
        self._check_closed()  # type: ignore[attr-defined]  # BaseEventLoop's
        self._check_running()  # type: ignore[attr-defined]  # as above
        self._is_blocking, self._thread_id = True, threads.current(self._process).ident
        outer = self._enter()
        try:
            while True:
                self._run_once()  # type: ignore[attr-defined]  # as above
                if self._stopping:  # type: ignore[has-type]  # as above
                    return
        finally:
            self._stopping = False
            self._is_blocking = False
            if self.thread is not None:
                self._arrange_turn()
            self._thread_id = None  # type: ignore[assignment]  # as below
            _leave(outer)

    def end(self) -> None:
        """The process is gone: nothing runs here any more."""
        self._cancel_ready()
        self._scheduled.clear()  # type: ignore[attr-defined]  # as above
        self._set_alarm(None)

    # What waits for the real world

    def add_signal_handler(  # type: ignore[override]
        self, sig: int, callback: Any, *args: Any
    ) -> None:
        """See asyncio: called in a turn of the loop when its process gets the signal."""
        if asyncio.iscoroutine(callback) or asyncio.iscoroutinefunction(callback):
            raise TypeError("coroutines cannot be used with add_signal_handler()")
        self._check_closed()  # type: ignore[attr-defined]  # BaseEventLoop's
        if sig in _NEVER:
            raise RuntimeError(f"sig {sig} cannot be caught")
        # As asyncio does, which says so by `RuntimeError`: only in a process whose loop runs in its main thread.
        try:
            signal.signal(sig, lambda *_: self.call_soon(callback, *args))
        except (ValueError, OSError) as error:
            raise RuntimeError(str(error)) from error
        self._handled[sig] = None

    def remove_signal_handler(self, sig: int) -> bool:
        """See asyncio."""
        if sig not in self._handled:
            return False
        del self._handled[sig]
        signal.signal(sig, signal.default_int_handler if sig == signal.SIGINT else signal.SIG_DFL)
        return True

    def close(self) -> None:
        """See asyncio."""
        for sig in list(self._handled):
            self.remove_signal_handler(sig)
        super().close()

    def _wake(self) -> None:
        """Something is ready, or a timer was set."""
        if self._is_blocking:
            self._wake_up()
        elif self.thread is not None and not (self._in_turn or self._turn_due):
            self._arrange_turn()

    def _wake_up(self) -> None:
        """Let `run_forever` go on, once."""
        if self._sleeper is not None:
            sleeper, self._sleeper = self._sleeper, None
            self._kernel.ready.append(sleeper)

    def _arrange_turn(self) -> None:
        ready, scheduled = self._ready, self._scheduled  # type: ignore[attr-defined]  # as above
        if ready:
            self._turn_due = True
            offers = self._kernel.offers
            if offers is not None and offers.keeps_turns_apart and all(map(_only_forgets, ready)):
                self._kernel.soon(self._turn)  # nobody can tell it from the step before
            else:
                self._kernel.timer(self._until_turn(), self._turn, self._process, "turn")
        elif scheduled:
            self._set_alarm(scheduled[0]._when)

    def _set_alarm(self, when: float | None) -> None:
        if self._alarm is not None:
            self._kernel.cancel(self._alarm)
            self._alarm = None
        if when is not None:
            self._alarm = self._kernel.timer(self._ns_until(when), self._ring, self._process, "sleep")

    def _ns_until(self, when: float) -> int:
        return max(round(when * NS) - self._kernel.now_ns, 0)

    def _ring(self) -> None:
        self._alarm = None
        if self._is_blocking:
            self._wake_up()
        elif not (self._in_turn or self._turn_due):
            self._turn()

    def _part_timers(self) -> None:
        """Where no time passes between turns, let some of the timers that are due together come in a later turn.

        A real clock goes on while code runs: it finds one of them due, and the next one only when it looks again.
        """
        if self._kernel.offers is None:
            return
        scheduled = self._scheduled  # type: ignore[attr-defined]  # as below
        end = self.time() + self._clock_resolution
        if len(scheduled) < 2 or scheduled[0]._when >= end:
            return
        due = sorted(timer for timer in scheduled if timer._when < end and not timer.cancelled())
        number = self._kernel.choices.pick("timers", due) if len(due) > 1 else 0
        if number:
            for timer in due[number:]:
                timer._when = end + self._clock_resolution
            heapify(scheduled)

    def _turn(self) -> None:
        """Run what is ready now: one step of the kernel."""
        self._turn_due = False
        if self._is_blocking:
            return  # its owner runs it meanwhile
        if self._process.halted:
            self._turn_due = True
            self._process.park(Timer(self._turn))
            return
        if self.is_closed():
            return
        assert self.thread is not None
        self._in_turn = True
        outer = self._enter()
        self._thread_id = self.thread.ident
        try:
            threads.run_as(self.thread, self._run_turn)
        finally:
            self._thread_id = None  # type: ignore[assignment]  # as BaseEventLoop says that it is not running
            _leave(outer)
            self._in_turn = False
        if not self._process.dead:
            self._arrange_turn()

    def _run_turn(self) -> None:
        # A task that the user's code made ends only itself, as on real processes; who awaits it is told. What is left
        # of the turn comes in the next one.
        with suppress(SystemExit):
            self._context.run(self._run_once)  # type: ignore[attr-defined]  # BaseEventLoop's

    def _enter(self) -> _Outer:
        """Become the running loop; `Kernel.block` suspends that together with the code."""
        outer = events._get_running_loop(), sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(
            firstiter=self._asyncgen_firstiter_hook,  # type: ignore[attr-defined]  # BaseEventLoop's, as below
            finalizer=self._asyncgen_finalizer_hook,  # type: ignore[attr-defined]
        )
        events._set_running_loop(self)
        return outer

    def _sleep(self, timeout_s: float | None) -> None:
        """What the selector of a real loop does: wait until something is ready or the time is up."""
        if not self._is_blocking or timeout_s == 0:
            return
        waiter = self._sleeper = Waiter(self._process, "its event loop")
        if timeout_s is not None:
            self._alarm = self._kernel.timer(wait_ns(timeout_s), self._ring, self._process, "sleep")
        try:
            self._kernel.block(waiter)
        finally:
            self._sleeper = None
            self._set_alarm(None)

    # What BaseEventLoop asks of its subclass

    def _process_events(self, event_list: Any) -> None:
        pass

    def _write_to_self(self) -> None:
        self._wake()


def _refuse(name: str) -> Any:
    """A method that a real loop has, for what is outside of the simulation."""

    def refuse(self: SimLoop, *args: Any, **options: Any) -> Any:
        raise NotImplementedError(
            f"the event loop of a simulation has no {name}(): it would wait for the real world, in real time. Let "
            "actors stand for servers, clients and other programs: a call of a method is a message."
        )

    refuse.__name__ = name
    return refuse


for _name in (
    *(
        "add_reader",
        "remove_reader",
        "add_writer",
        "remove_writer",
        "connect_read_pipe",
        "connect_write_pipe",
    ),
    *("create_connection", "create_server", "create_datagram_endpoint", "create_unix_connection"),
    *("create_unix_server", "connect_accepted_socket", "start_tls", "sendfile", "subprocess_exec"),
    *("subprocess_shell", "sock_accept", "sock_connect", "sock_recv", "sock_recv_into", "sock_recvfrom"),
    *("sock_recvfrom_into", "sock_sendall", "sock_sendfile", "sock_sendto"),
):
    setattr(SimLoop, _name, _refuse(_name))


class _NoSelector:
    """Stands where a real loop waits for sockets."""

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        self._loop._sleep(timeout)
        self._loop._part_timers()
        return []


def _leave(outer: _Outer) -> None:
    loop, hooks = outer
    sys.set_asyncgen_hooks(*hooks)
    events._set_running_loop(loop)


def _only_forgets(handle: Any) -> bool:
    """Whether what is to be called changes nothing that anybody sees, and lets nobody go on.

    Not so what makes a future ready: who waited for it goes on a turn later, and others may get in before.
    """
    return getattr(handle._callback, "__func__", None) is SimLoop._forget

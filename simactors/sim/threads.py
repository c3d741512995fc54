"""The threads of simulated processes: who they are, when they begin and end, who waits for that.

Not what `threading` makes of them (`intercept/threads.py`), and no scheduler: a thread is code that the kernel starts
as a step of its own, on a hub. Code of a process that was started as no thread runs in its main thread.
"""

from __future__ import annotations

import contextvars
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from simactors.core.current import running
from simactors.sim import fiber
from simactors.sim.cluster import Process
from simactors.sim.config import wait_ns
from simactors.sim.intercept import faces, interrupts, pools
from simactors.sim.kernel import Kernel
from simactors.sim.trace import Trace
from simactors.sim.waiting import Timer, Waiter

_MAIN = 1
_BEYOND_ALL_PIDS = 10_000_000  # simulated ones too


class SimThread:
    """One thread of a simulated process.

    Attributes:
        ident: what `threading.get_ident` gives in it; no two threads of a process share one.
        native_id: unique in the run; a main thread's is its process's pid.
        face: its `threading.Thread`; made when somebody asks, unless that is what started it.
        name: its face's, for reports, while it has none.
        kind: which face it gets: ``main``, ``pool``, ``loop`` or ``started``.
        is_finished: its code has ended, or never will begin.
        joining: who waits for its end.
        locals: what `threading.local` objects hold in it.
        call: the actor's call that runs in it.
    """

    __slots__ = (
        "call",
        "face",
        "ident",
        "is_finished",
        "joining",
        "kind",
        "locals",
        "name",
        "native_id",
        "process",
    )

    def __init__(self, process: Process, ident: int, kind: str, name: str) -> None:
        self.process = process
        self.ident = ident
        self.native_id = process.pid + (ident - _MAIN) * _BEYOND_ALL_PIDS
        self.kind = kind
        self.name = name
        self.face: Any = None
        self.is_finished = False
        self.joining: list[Waiter] = []
        self.locals: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()
        self.call: Any = None

    def __str__(self) -> str:
        """How reports name it."""
        if self.call is not None:
            return str(self.call)
        if self.kind == "main":
            return "the main thread"
        return f"thread {(self.name if self.face is None else self.face.name)!r}"


class ProcessThreads:
    """The threads of one process.

    Attributes:
        living: those that have begun or will, by ident, the main thread first.
        names, pools, tasks: how many threads, executors and tasks of asyncio have got a name of the library's making.
        untold: what the thread that tells futures has to do, the piece that it is at first.
    """

    __slots__ = ("_last", "_process", "living", "main", "names", "pools", "tasks", "untold")

    def __init__(self, process: Process) -> None:
        self._process = process
        self.main = SimThread(process, _MAIN, "main", "MainThread")
        self.living = {_MAIN: self.main}
        self._last = _MAIN
        self.names = self.pools = self.tasks = 0
        self.untold: deque[Callable[[], None]] = deque()

    def add(self, kind: str, name: str) -> SimThread:
        """One more; the runtime itself runs code in those of a pool, and of an event loop."""
        self._last += 1
        made = self.living[self._last] = SimThread(self._process, self._last, kind, name)
        return made


def of(process: Process) -> ProcessThreads:
    """The threads of `process`."""
    if process.threads is None:
        process.threads = ProcessThreads(process)
    return process.threads  # type: ignore[no-any-return]  # our own, see above


def current(process: Process) -> SimThread:
    """The thread of the running code, which is `process`'s."""
    found: Any = fiber.mark()
    return found if found is not None and found.process is process else of(process).main


def of_waiter(waiter: Waiter) -> SimThread | None:
    """The thread whose code waits; None for a main thread's."""
    return fiber.mark_of(waiter.fiber)  # type: ignore[return-value]  # we alone mark fibers


class Ending:
    """For reports: what code that joins a thread waits for."""

    __slots__ = ("thread",)

    def __init__(self, thread: SimThread) -> None:
        self.thread = thread

    def __str__(self) -> str:
        return f"the end of {self.thread}"


class Threads:
    """Starts and ends the threads of one run, and waits for them.

    Args:
        caller: gives the process whose code runs now.

    Attributes:
        drivers: the driver's main thread, the only one that is real, too.
    """

    def __init__(self, kernel: Kernel, trace: Trace, caller: Callable[[], Process], driver: Process) -> None:
        self._kernel = kernel
        self._trace_add = trace.add
        self._caller = caller
        self.drivers = of(driver).main
        self._unfinished: dict[SimThread, None] = {}
        kernel.on_close.append(self._close)

    def current(self) -> SimThread:
        """The thread of the running code."""
        return current(self._caller())

    def siblings(self) -> ProcessThreads:
        """All threads of the process whose code runs."""
        return of(self._caller())

    def start(self, name: str, body: Callable[[], None], prepare: Callable[[SimThread], None]) -> SimThread:
        """Run `body` in a new thread of the process whose code runs; who goes on first is a choice.

        Args:
            body: the user's code; what it raises is its own business, but for what ends the run.
            prepare: told the thread before anybody runs.
        """
        process = self._caller()
        thread = of(process).add("started", name)
        self._unfinished[thread] = None
        prepare(thread)
        begun = Waiter(process, f"{thread} to begin")
        self._kernel.ready.append(begun)  # first: it is the dullest that the starter goes on
        self._kernel.soon(partial(self._begin, thread, body), process)
        self._kernel.block(begun)
        return thread

    def join(self, thread: SimThread, timeout_s: float | None) -> None:
        """Suspend the running code until `thread` has ended, or for a time."""
        if thread.is_finished:
            return
        waiter = Waiter(self._caller(), Ending(thread))
        thread.joining.append(waiter)
        if timeout_s is None:
            self._kernel.block(waiter)
            return

        def give_up() -> None:
            if waiter in thread.joining:
                thread.joining.remove(waiter)
                waiter.then(waiter)

        timer = self._kernel.timer(wait_ns(timeout_s), give_up)
        try:
            self._kernel.block(waiter)
        finally:
            if timer.callbacks is not None:
                self._kernel.cancel(timer)

    def join_all(self, process: Process) -> None:
        """Wait for the threads that `process` started, but for daemons, as an interpreter does before it ends."""
        while True:
            mine = [thread for thread in self._unfinished if thread.process is process]
            waited_for = [thread for thread in mine if not thread.face.daemon]
            if not waited_for:
                return
            for thread in waited_for:
                pools.shut_down(thread.face)
            if not waited_for[0].is_finished:
                self.join(waited_for[0], None)

    def teller(self) -> Callable[[Callable[[], None]], None]:
        """See `core.refs.Tells`. As on Ray, a process has one such thread: what it runs comes one after the other."""
        return partial(self._tell, self._caller())

    def _tell(self, process: Process, action: Callable[[], None]) -> None:
        untold = of(process).untold
        untold.append(action)
        if len(untold) == 1:
            self._kernel.soon(partial(self._tell_all, process), process)

    def _tell_all(self, process: Process) -> None:
        if process.dead:
            return
        if process.halted:
            process.park(Timer(partial(self._tell_all, process)))
            return
        thread = of(process).add("pool", "that tells futures")
        context = contextvars.Context()
        context.run(running.set, process)
        run_as(thread, partial(context.run, self._run_told, of(process).untold, thread))
        of(process).living.pop(thread.ident, None)

    def _run_told(self, untold: deque[Callable[[], None]], thread: SimThread) -> None:
        while untold:
            try:
                untold[0]()
            except fiber.SimulationEnded:
                raise
            except BaseException as error:  # what the user's callbacks raise that is no `Exception`
                if isinstance(error, KeyboardInterrupt) and interrupts.was_pressed():
                    raise
                faces.call_hook(faces.face_of(thread, thread.native_id, thread.name))
            untold.popleft()

    def _begin(self, thread: SimThread, body: Callable[[], None]) -> None:
        process = thread.process
        if process.dead:
            return
        if process.halted:
            process.park(Timer(partial(self._begin, thread, body)))
            return
        self._trace_add((self._kernel.now_ns, "thread", thread.ident, process.label, thread.face.name))
        context = contextvars.Context()
        context.run(running.set, process)
        run_as(thread, partial(context.run, body))
        if not process.dead:
            self._trace_add((self._kernel.now_ns, "joinable", thread.ident, process.label, thread.face.name))
        self._finish(thread)

    def _finish(self, thread: SimThread) -> None:
        thread.is_finished = True
        faces.retire(thread.face)
        thread.locals.clear()
        self._unfinished.pop(thread, None)
        of(thread.process).living.pop(thread.ident, None)
        joining, thread.joining = thread.joining, []
        self._kernel.ready.extend(joining)

    def _close(self) -> None:
        """The simulation is over: what has not ended until now never will."""
        for thread in list(self._unfinished):
            thread.is_finished = True
            faces.retire(thread.face)
        self._unfinished.clear()


def run_as(thread: SimThread, action: Callable[[], Any]) -> Any:
    """Call `action` in `thread`: until it returns, that is the thread of this fiber's code."""
    fiber.set_mark(thread)
    try:
        return action()
    finally:
        fiber.set_mark(None)

"""What replaced names of the standard library ask: the clock, the processes, the locks and loops of one simulation.

Not the replacements (`intercept/`), and nothing that programs ask through the API (`backend.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any, NoReturn

from simactors.core import codec, current
from simactors.sim.cluster import Process
from simactors.sim.config import NS, SimConfig, wait_ns
from simactors.sim.intercept import clock, escapes, patches, points, process
from simactors.sim.locks import SimLock, SimRLock
from simactors.sim.loop import SimLoop
from simactors.sim.machine import Machine
from simactors.sim.offer import ALL, CLOCK
from simactors.sim.output import Output
from simactors.sim.privates import Privates
from simactors.sim.signals import Signals
from simactors.sim.threads import Threads

_FIRST_PID_OF_NODES = 4_500_000  # below those of simulated processes, and beyond real ones

_LOOKS = 1000
"""How many looks at the clock in a row, while nothing else happens, make virtual time go on."""
_LOOK_NS = 1_000
"""What each of them then has taken."""


def refuse_second() -> None:
    """Only one thread of a real process can simulate.

    Raises:
        RuntimeError: another thread does.
    """
    if clock.names.worlds and not clock.names.worlds[-1].belongs_here():
        raise RuntimeError("another thread simulates already: run one simulation at a time in a process")


class World:
    """One simulation, as simulated code sees it through the standard library; open from its making to `close`.

    Args:
        caller: gives the process whose code runs now.

    Attributes:
        kernel: tells one simulation from another, and its time without a look at the clock.
        driver: the driver's process.
        threads, output, escapes, privates, signals: what `intercept.threads` and its siblings ask for.
    """

    def __init__(self, machine: Machine, config: SimConfig, caller: Callable[[], Process]) -> None:
        self._machine = machine
        self.kernel = machine.kernel
        self.driver = machine.driver
        self._caller = caller
        self.threads = Threads(machine.kernel, machine.trace, caller, machine.driver)
        self.output = Output(has_prefix=config.prefix_output)
        self.escapes = escapes.Policy(config.escapes)
        self._epoch_ns = int(config.epoch_s * NS)
        self._real_pid = process.real_pid()
        self.privates = Privates(machine.kernel.choices, machine.driver)
        self.signals = Signals(machine, self.privates)
        self._is_closing = False
        self._looks = self._step_of_looks = 0
        patches.install(self)
        if machine.preemption.is_on:
            points.worlds.append(machine.preemption)

    def begin_closing(self) -> None:
        """The driver leaves: from now on only code that is being ended is simulated."""
        self._is_closing = True

    def close(self) -> None:
        """Restore what was replaced."""
        self.output.finish()
        patches.uninstall(self)
        if self._machine.preemption.is_on:
            points.worlds.remove(self._machine.preemption)
            self._machine.preemption.restore()

    def belongs_here(self) -> bool:
        """Whether the code that runs now is simulated."""
        # Suspended code that is being ended still lives in virtual time: a real sleep there would be one.
        return current.running.get() is not None or (not self._is_closing and self.kernel.in_driver())

    # What `intercept.clock` asks

    def now_ns(self) -> int:
        """See `VirtualClock`."""
        self._look()
        return self.kernel.now_ns

    def wall_ns(self) -> int:
        """See `VirtualClock`."""
        self._look()
        running = current.running.get() or self.driver
        return self._epoch_ns + int(running.node.clock_ns(self.kernel.now_ns))  # type: ignore[attr-defined]  # our own process

    def _look(self) -> None:
        """Somebody looks at the clock. If nothing else happens for long, that takes time: a microsecond each.

        Otherwise a loop that waits for a time by looking only would never end.
        """
        self.kernel.counts(CLOCK)
        if self.kernel.steps != self._step_of_looks:
            self._step_of_looks, self._looks = self.kernel.steps, 0
        self._looks += 1
        if self._looks % _LOOKS == 0 and not codec.is_busy():
            self.kernel.sleep(self._caller(), _LOOKS * _LOOK_NS)

    def sleep(self, seconds: float) -> None:
        """See `VirtualClock`."""
        caller = self._caller()
        self._machine.trace.add((self.kernel.now_ns, "sleep", 0, caller.label, f"{seconds:g}s"))
        self.kernel.sleep(caller, wait_ns(seconds))

    # What `intercept.imports` asks

    def imports(self, name: str) -> bool:
        """See `ImportsModules`."""
        return self._machine.homes is not None and self._machine.homes.imports(name)

    def module(self, name: str) -> ModuleType:
        """See `ImportsModules`."""
        assert self._machine.homes is not None
        return self._machine.homes.module(name)

    # What `intercept.loops` asks

    def new_loop(self) -> SimLoop:
        """See `MakesLoops`."""
        return SimLoop(self.kernel, self._caller())

    # What `intercept.threads` and `intercept.pools` ask, beside `threads`

    def cpu_count(self) -> int:
        """See `HasPools`."""
        return max(int(self._caller().node.pool.quantity("CPU")), 1)

    def next_future(self) -> int:
        """See `HasPools`."""
        return self.kernel.next_number()

    def join_threads(self) -> None:
        """The driver's code has come to its end: wait for its threads."""
        if not self.signals.has_driver_ended and not self.kernel.has_failed:
            self.threads.join_all(self.driver)

    # What `intercept.locks` asks

    def adopt(self, lock: SimLock) -> None:
        """See `MakesLocks`."""
        lock.move(self.kernel, self._caller)

    def new_lock(self) -> SimLock:
        """See `MakesLocks`."""
        return SimLock(self.kernel, self._caller)

    def new_rlock(self) -> SimRLock:
        """See `MakesLocks`."""
        return SimRLock(self.kernel, self._caller)

    # What `intercept.process` asks

    def current_pid(self) -> int | None:
        """See `ProcessTable`."""
        running = current.running.get()
        if running is None or running is self.driver or self.is_forked():
            return None
        return running.pid  # type: ignore[attr-defined, no-any-return]  # our own process

    def is_driver(self) -> bool:
        """See `ProcessTable`."""
        running = current.running.get()
        is_its_own = self.kernel.in_driver() if running is None else running is self.driver
        return is_its_own and not self.is_forked()

    def end_driver(self, status: int) -> NoReturn:
        """See `ProcessTable`."""
        self.signals.end_driver(status)

    def is_simulated(self, pid: int) -> bool:
        """See `ProcessTable`."""
        return self._machine.cluster.process(pid) is not None

    def parent_pid(self) -> int | None:
        """See `ProcessTable`."""
        running: Any = current.running.get()
        return None if self.current_pid() is None else _FIRST_PID_OF_NODES + running.node.id

    def send_signal(self, pid: int, number: int, frame: FrameType | None) -> bool:
        """See `ProcessTable`."""
        if pid == self._real_pid and self.belongs_here() and not self.is_forked():
            return self.signals.send_to_driver(number, frame)
        target = self._machine.cluster.process(pid)
        self.kernel.touches(ALL)
        if target is None or target is self.driver:
            return False
        self.signals.send(target, number, frame)
        self._stop_if_dead()
        return True

    def end_process(self, pid: int, why: str) -> bool:
        """See `ProcessTable`."""
        target = self._machine.cluster.process(pid)
        self.kernel.touches(ALL)
        if target is None or target is self.driver:
            return False
        self._machine.membership.end_process(target, why)
        self._stop_if_dead()
        return True

    def _stop_if_dead(self) -> None:
        """Code that has ended its own process, or its parent, does not go on."""
        running: Any = current.running.get()
        if running is not None and running.dead:
            self.kernel.stop_for_good(running)

    def is_forked(self) -> bool:
        """See `HasEscapes`."""
        return process.real_pid() != self._real_pid

"""Locks of simulated code: who finds one taken is suspended by the kernel, not by the operating system.

With these two, the standard library's `Condition`, `Event`, `Semaphore`, `Barrier` and `queue.Queue` work in virtual
time as they are. Which code gets them is decided in `intercept/locks.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from simactors.core.current import running
from simactors.sim import threads
from simactors.sim.cluster import Process
from simactors.sim.config import wait_ns
from simactors.sim.intercept import locks as intercepted
from simactors.sim.intercept import points
from simactors.sim.kernel import Kernel
from simactors.sim.threads import SimThread
from simactors.sim.waiting import Timer, Waiter


class SimLock:
    """What `threading.Lock()` gives in a simulation.

    Who gets it next, of several that wait, is a choice; so is whether somebody else may take it before they wake, as
    with a real lock. One that a module made while it was loaded outlives its simulation, and serves the next one.

    Invariant: somebody waits only while it is taken, or who was woken has not gone on yet.

    Args:
        caller: gives the process whose code runs now.

    Attributes:
        holder: the thread that has taken it; None if nobody has, or code outside any simulation.
        is_signal: a condition made it: who waits for it has taken it itself before, and others release it.
    """

    is_simulated = True
    is_signal = False

    def __init__(self, kernel: Kernel, caller: Callable[[], Process]) -> None:
        self._kernel = kernel
        self._caller = caller
        self._is_taken = False
        self._waiting: list[_Turn] = []
        self.holder: SimThread | None = None

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """See `threading.Lock.acquire`; the time is virtual."""
        if not blocking and timeout != -1:
            raise ValueError("can't specify a timeout for a non-blocking call")
        if timeout < 0 and timeout != -1:
            raise ValueError("timeout value must be a non-negative number")
        if self._kernel.closing:
            intercepted.adopt(self, self._kernel)
        points.lock()
        if not self._is_taken:
            self._is_taken, self.holder = True, self._me()
            return True
        return blocking and self._wait(timeout)

    def release(self) -> None:
        """See `threading.Lock.release`: any code may do this."""
        if not self._is_taken:
            raise RuntimeError("release unlocked lock")
        self._is_taken, self.holder = False, None
        living = self._waiting = [turn for turn in self._waiting if not turn.waiter.process.dead]
        if not living:
            return
        choices = self._kernel.choices
        turn = living.pop(choices.pick("lock", living) if len(living) > 1 else 0)
        if not choices.number("barge", 2):
            self._is_taken, self.holder, turn.is_given = True, turn.thread, True
        self._kernel.ready.append(turn.waiter)

    def locked(self) -> bool:
        """Whether somebody has it."""
        return self._is_taken

    def is_mine(self) -> bool:
        """Whether the running thread has it."""
        return self._is_taken and self.holder is self._me()

    def move(self, kernel: Kernel, caller: Callable[[], Process]) -> None:
        """Serve another simulation: the first is over, and whoever had it there is no more."""
        self._kernel, self._caller = kernel, caller
        if self.holder is not None:
            self._is_taken, self.holder = False, None
        self._waiting.clear()

    # To who looks at it, it is like the real one, which has nothing inside that anybody could see or send.

    def __repr__(self) -> str:
        return f"<{'locked' if self._is_taken else 'unlocked'} _thread.lock object, simulated>"

    def __dir__(self) -> list[str]:
        return []

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle '_thread.lock' object")

    def _wait(self, timeout_s: float) -> bool:
        if self._kernel.closing and not intercepted.is_open_with(self._kernel):
            raise RuntimeError("this lock was made in a simulation which is over, and is still taken")
        turn = _Turn(self._kernel, threads.current(self._caller()), self)
        if timeout_s != -1:
            turn.until(wait_ns(timeout_s), self._give_up)
        try:
            while not turn.is_given:
                if not self._is_taken:
                    self._is_taken, self.holder, turn.is_given = True, turn.thread, True
                elif turn.is_over:
                    return False
                else:
                    self._waiting.append(turn)
                    self._kernel.block(turn.waiter)
        except BaseException:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif turn.is_given:
                self.release()  # it was given to who was torn out of its wait at this very moment
            raise
        finally:
            turn.forget_time()
        return True

    def _give_up(self, turn: _Turn) -> None:
        if turn in self._waiting:  # else it was woken at this very moment
            self._waiting.remove(turn)
            turn.waiter.then(turn.waiter)

    def _me(self) -> SimThread | None:
        kernel = self._kernel
        if kernel.closing:
            is_simulated = running.get() is not None or kernel.in_driver()
            if not is_simulated or not intercepted.is_open_with(kernel):
                return None
        return threads.current(self._caller())

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class _Turn:
    """Code that waits for a lock.

    Attributes:
        is_given: it has the lock.
        is_over: its time is up.
    """

    __slots__ = ("_kernel", "_timer", "is_given", "is_over", "thread", "waiter")

    def __init__(self, kernel: Kernel, thread: SimThread, lock: SimLock) -> None:
        self._kernel = kernel
        self._timer: Timer | None = None
        self.thread = thread
        self.waiter = Waiter(thread.process, Taken(lock))
        self.is_given = self.is_over = False

    def until(self, delay_ns: int, then: Callable[[_Turn], None]) -> None:
        """Call `then` when that time is over."""

        def ring() -> None:
            self.is_over = True
            then(self)

        self._timer = self._kernel.timer(delay_ns, ring)

    def forget_time(self) -> None:
        """It has the lock, or waits no more."""
        if self._timer is not None and not self.is_over:
            self._kernel.cancel(self._timer)


class Taken:
    """For reports: the lock that code waits for, and who has it."""

    __slots__ = ("lock",)

    def __init__(self, lock: SimLock) -> None:
        self.lock = lock

    @property
    def holder(self) -> SimThread | None:
        """Who must release it first."""
        return None if self.lock.is_signal else self.lock.holder

    def __str__(self) -> str:
        if self.lock.is_signal:
            return "a notification"
        return "a lock" if self.holder is None else f"a lock that {self.holder} has"


class SimRLock:
    """What `threading.RLock()` gives in a simulation: the thread that has it may take it again."""

    is_simulated = True

    def __init__(self, kernel: Kernel, caller: Callable[[], Process]) -> None:
        self._lock = SimLock(kernel, caller)
        self._count = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """See `threading.RLock.acquire`."""
        if self._is_owned():
            self._count += 1
            return True
        if not self._lock.acquire(blocking, timeout):
            return False
        self._count = 1
        return True

    def release(self) -> None:
        """See `threading.RLock.release`."""
        if not self._is_owned():
            raise RuntimeError("cannot release un-acquired lock")
        self._count -= 1
        if not self._count:
            self._lock.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def __repr__(self) -> str:
        state = "locked" if self._lock.locked() else "unlocked"
        return f"<{state} _thread.RLock object, simulated>"

    def __dir__(self) -> list[str]:
        return []

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle '_thread.RLock' object")

    # What `threading.Condition` asks of a lock that can be taken several times

    def _is_owned(self) -> bool:
        return self._lock.is_mine()

    def _release_save(self) -> int:
        count, self._count = self._count, 0
        self._lock.release()
        return count

    def _acquire_restore(self, count: int) -> None:
        self._lock.acquire()
        self._count = count

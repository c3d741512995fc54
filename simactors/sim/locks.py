"""Locks of simulated code: who finds one taken is suspended by the kernel, not by the operating system.

With these two, the standard library's `Condition`, `Event`, `Semaphore`, `Barrier` and `queue.Queue` work in virtual
time as they are. Which code gets them is decided in `intercept/locks.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from simactors.sim.cluster import Process
from simactors.sim.config import NS
from simactors.sim.kernel import Kernel, Waiter

_NOBODY: Any = None


class SimLock:
    """What `threading.Lock()` gives in a simulation.

    Invariant: somebody waits only while it is taken. Who gets it next, of several, is a choice.

    Args:
        caller: gives the process whose code runs now.
    """

    def __init__(self, kernel: Kernel, caller: Callable[[], Process]) -> None:
        self._kernel = kernel
        self._caller = caller
        self._is_taken = False
        self._waiting: list[Waiter] = []

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """See `threading.Lock.acquire`; the time is virtual."""
        if not blocking and timeout != -1:
            raise ValueError("can't specify a timeout for a non-blocking call")
        if timeout < 0 and timeout != -1:
            raise ValueError("timeout value must be a non-negative number")
        if not self._is_taken:
            self._is_taken = True
            return True
        return blocking and self._wait(timeout)

    def release(self) -> None:
        """See `threading.Lock.release`: any code may do this."""
        if not self._is_taken:
            raise RuntimeError("release unlocked lock")
        living = self._waiting = [waiter for waiter in self._waiting if not waiter.process.dead]
        if not living:
            self._is_taken = False
            return
        index = self._kernel.choices.pick("lock", living) if len(living) > 1 else 0
        self._kernel.ready.append(living.pop(index))  # which has it now

    def locked(self) -> bool:
        """Whether somebody has it."""
        return self._is_taken

    # To who looks at it, it is like the real one, which has nothing inside that anybody could see or send.

    def __repr__(self) -> str:
        return f"<{'locked' if self._is_taken else 'unlocked'} _thread.lock object, simulated>"

    def __dir__(self) -> list[str]:
        return []

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle '_thread.lock' object")

    def _wait(self, timeout_s: float) -> bool:
        waiter = Waiter(self._caller(), "a lock")
        self._waiting.append(waiter)
        gave_up = False

        def give_up() -> None:
            nonlocal gave_up
            if waiter in self._waiting:  # else it was given the lock at this very moment
                self._waiting.remove(waiter)
                gave_up = True
                waiter.then(waiter)

        timer = None if timeout_s == -1 else self._kernel.timer(round(timeout_s * NS), give_up)
        self._kernel.block(waiter)
        if timer is not None and not gave_up and timer.callbacks is not None:
            self._kernel.cancel(timer)
        return not gave_up

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class SimRLock:
    """What `threading.RLock()` gives in a simulation: the code that has it may take it again."""

    def __init__(self, kernel: Kernel, caller: Callable[[], Process]) -> None:
        self._kernel = kernel
        self._lock = SimLock(kernel, caller)
        self._owner: Any = _NOBODY
        self._count = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """See `threading.RLock.acquire`."""
        me = self._kernel.current_fiber()
        if self._owner is me:
            self._count += 1
            return True
        if not self._lock.acquire(blocking, timeout):
            return False
        self._owner, self._count = me, 1
        return True

    def release(self) -> None:
        """See `threading.RLock.release`."""
        if self._owner is not self._kernel.current_fiber():
            raise RuntimeError("cannot release un-acquired lock")
        self._count -= 1
        if not self._count:
            self._owner = _NOBODY
            self._lock.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"<{'locked' if self._count else 'unlocked'} _thread.RLock object, simulated>"

    def __dir__(self) -> list[str]:
        return []

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle '_thread.RLock' object")

    # What `threading.Condition` asks of a lock that can be taken several times

    def _is_owned(self) -> bool:
        return self._owner is self._kernel.current_fiber()

    def _release_save(self) -> int:
        count, self._count, self._owner = self._count, 0, _NOBODY
        self._lock.release()
        return count

    def _acquire_restore(self, count: int) -> None:
        self._lock.acquire()
        self._owner, self._count = self._kernel.current_fiber(), count

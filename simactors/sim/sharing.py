"""What several share equally: the cores of a node, the bandwidth between two.

Who shares is not its business: `work.py` lets code work on cores, `stores.py` moves objects.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from simactors.sim.kernel import Kernel
from simactors.sim.waiting import Process, Timer, Waiter


class Shared:
    """Something that goes on for all who use it at the same speed.

    Progress is kept for all of them together: `_done` is how much each one has got who was there from the start, and
    each one's end is a value of it, so that a change costs the same however many there are.

    Args:
        speed: how much each of so many users gets in a nanosecond; more than 0.
    """

    def __init__(self, kernel: Kernel, speed: Callable[[int], float]) -> None:
        self._kernel = kernel
        self._speed = speed
        self._users: list[tuple[float, int, Waiter]] = []
        self._stopped: list[tuple[float, int, Waiter]] = []  # with what each of them still needs
        self._made = 0
        self._done = 0.0
        self._since_ns = 0
        self._timer: Timer | None = None

    @property
    def users(self) -> int:
        """How many use it now."""
        return len(self._users)

    def use(self, process: Process, amount: float, why: object) -> None:
        """Suspend the running code until it has got `amount`; `why` is for reports."""
        self.settle()
        waiter = Waiter(process, why)
        self._made += 1
        heappush(self._users, (self._done + amount, self._made, waiter))
        self.arrange()
        self._kernel.block(waiter)

    def drop(self, process: Process) -> None:
        """The process is gone, and uses nothing any more."""
        self._stopped = [user for user in self._stopped if user[2].process is not process]
        self._take_out(process)

    def stop(self, process: Process) -> None:
        """The process stands still, and uses nothing until it may `go_on`."""
        taken = self._take_out(process)
        self._stopped += [(end - self._done, number, waiter) for end, number, waiter in taken]

    def go_on(self, process: Process) -> None:
        """Undo `stop`."""
        back = [user for user in self._stopped if user[2].process is process]
        if back:
            self.settle()
            self._stopped = [user for user in self._stopped if user[2].process is not process]
            for left, number, waiter in back:
                heappush(self._users, (self._done + left, number, waiter))
            self.arrange()

    def _take_out(self, process: Process) -> list[tuple[float, int, Waiter]]:
        taken = [user for user in self._users if user[2].process is process]
        if taken:
            self.settle()
            self._users = [user for user in self._users if user[2].process is not process]
            heapify(self._users)
            self.arrange()
        return taken

    def settle(self) -> None:
        """Count what was got so far; call it before the speed changes, and `arrange` afterwards."""
        now = self._kernel.now_ns
        if self._users:
            self._done += (now - self._since_ns) * self._speed(len(self._users))
        self._since_ns = now

    def arrange(self) -> None:
        """Set the alarm for whoever is done first."""
        if self._timer is not None:
            self._kernel.cancel(self._timer)
            self._timer = None
        if self._users:
            left = max(self._users[0][0] - self._done, 0.0)
            self._timer = self._kernel.timer(round(left / self._speed(len(self._users))), self._finish)

    def _finish(self) -> None:
        self._timer = None
        self.settle()
        end, _, waiter = heappop(self._users)
        self._done = max(self._done, end)  # rounding must not leave a rest that takes no time
        self.arrange()
        self._kernel.soon(lambda: waiter.then(waiter), waiter.process)

"""`Leasing`: which process has which pool worker, and who waits for one. Uses `Placement` for the amounts."""

from __future__ import annotations

from dataclasses import dataclass

from real_backend.control import Demand, Leased, LeaseFailed, Recall, Retire
from real_backend.membership import TOO_MANY
from real_backend.placement import Placement
from real_backend.supervisor.processes import Process, Processes


@dataclass(slots=True)
class _Lease:
    number: int
    holder: int
    worker: Process
    demand: Demand
    blocked: bool = False
    recalled: bool = False


class Leasing:
    """Leases of pool workers.

    A worker that is idle and not one of the first `spare` is asked to end.
    """

    def __init__(self, processes: Processes, placement: Placement, spare: int) -> None:
        self._processes = processes
        self._placement = placement
        self._spare = spare
        self._last = 0
        self._leases: dict[int, _Lease] = {}
        self._waiting: list[tuple[int, Demand]] = []
        self._idle: list[Process] = []

    def ask(self, holder: int, demand: Demand) -> None:
        """`holder` wants a worker."""
        self._waiting.append((holder, demand))

    def grant(self, *, others_wait: bool) -> None:
        """Grant what fits; first come, first served, but nobody waits for one who waits for more.

        Args:
            others_wait: actors lack resources, so that idle leases are wanted back in any case.
        """
        still = []
        for holder, demand in self._waiting:
            if holder not in self._processes.living:
                continue
            if self._placement.fits(demand):
                self._grant(holder, demand)
            else:
                still.append((holder, demand))
        self._waiting = still
        if still or others_wait:
            self._recall(still, everyone=others_wait)

    def _grant(self, holder: int, demand: Demand) -> None:
        worker = None
        try:
            worker = self._take_idle(holder) or self._processes.start_worker()
            self._processes.connect(holder, worker.number)
        except OSError as error:
            if worker is not None:
                self.idle(worker)
            text = f"No worker could be started: {error.strerror}; {TOO_MANY}"
            self._processes.send(holder, LeaseFailed(demand, text))
            return
        self._placement.take(demand)
        self._last += 1
        self._leases[self._last] = _Lease(self._last, holder, worker, demand)
        self._processes.send(holder, Leased(self._last, worker.number, demand))

    def _take_idle(self, holder: int) -> Process | None:
        """An idle worker, best one that `holder` has used before."""
        for index, process in enumerate(self._idle):
            if holder in process.connected:
                return self._idle.pop(index)
        return self._idle.pop() if self._idle else None

    def _recall(self, waiting: list[tuple[int, Demand]], *, everyone: bool) -> None:
        """Ask for the leases that may lie idle while others wait."""
        for lease in self._leases.values():
            wanted = everyone or any((lease.holder, lease.demand) != w for w in waiting)
            if wanted and not lease.recalled:
                lease.recalled = True
                self._processes.send(lease.holder, Recall(lease.number))

    def give_back(self, number: int) -> None:
        """The holder is done with the worker."""
        lease = self._leases.pop(number, None)
        if lease is None:
            return
        if not lease.blocked:
            self._placement.give(lease.demand)
        self.idle(lease.worker)

    def kill(self, number: int) -> None:
        """The holder wants the worker to end, whatever it does."""
        lease = self._leases.get(number)
        if lease is not None:
            lease.worker.killed = "its task was cancelled by force."
            self._processes.kill(lease.worker)

    def idle(self, worker: Process) -> None:
        """The worker has nothing to do."""
        if len(self._idle) < self._spare:
            self._idle.append(worker)
        else:
            self._processes.send(worker.number, Retire())

    def stay(self, worker: Process) -> None:
        """A worker that was to retire can't, for others need it; then it may as well work."""
        self._idle.append(worker)

    def may_go(self, worker: Process) -> None:
        """A worker that had to stay is needed no more."""
        if worker in self._idle:  # else it works, and is idle again after that
            self._idle.remove(worker)
            self.idle(worker)

    def block(self, number: int) -> None:
        """The task of this lease waits: its resources are free meanwhile."""
        lease = self._leases.get(number)
        if lease is not None and not lease.blocked:
            lease.blocked = True
            self._placement.give(lease.demand)

    def unblock(self, number: int) -> None:
        """It runs on, and takes them back, even if they are taken."""
        lease = self._leases.get(number)
        if lease is not None and lease.blocked:
            lease.blocked = False
            self._placement.take(lease.demand)

    def ended(self, process: Process) -> None:
        """Neither its leases nor the leases on it are worth anything any more."""
        if process in self._idle:
            self._idle.remove(process)
        for lease in list(self._leases.values()):
            if lease.worker is not process and lease.holder != process.number:
                continue
            del self._leases[lease.number]
            if not lease.blocked:
                self._placement.give(lease.demand)
            if lease.worker is not process:
                # Nobody is left who would want to know what its task returns.
                lease.worker.killed = "the process that submitted its task has ended."
                self._processes.kill(lease.worker)

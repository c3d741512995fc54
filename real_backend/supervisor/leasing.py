"""`Leasing`: which process has which pool worker, and who waits for one. Uses `Placement` for the amounts."""

from __future__ import annotations

from msgspec import Struct

from real_backend.control import Grant, Leased, LeaseFailed, Need, Recall, Retire
from real_backend.limits import TOO_MANY
from real_backend.placement import Placement, Refusal
from real_backend.supervisor.processes import Process, Processes
from simactors.core.requests import Request


class _Lease(Struct):
    number: int
    holder: int
    worker: Process
    need: Need
    grant: Grant
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
        self._waiting: list[tuple[int, Need]] = []
        self._idle: list[Process] = []
        # The numbers of those that must not run another task, though they may have to stay for what they own.
        self._spent: set[int] = set()

    def ask(self, holder: int, need: Need) -> None:
        """`holder` wants a worker: at once if there is room, before those who ask later."""
        if any(need == other for _, other in self._waiting) or not self._try(holder, need):
            self._waiting.append((holder, need))

    def grant(self, *, others_wait: bool) -> None:
        """Grant what fits; first come, first served, but nobody waits for one who waits for more.

        Args:
            others_wait: actors lack resources, so that idle leases are wanted back in any case.
        """
        still = [w for w in self._waiting if w[0] in self._processes.living and not self._try(*w)]
        self._waiting = still
        if still or others_wait:
            self._recall(still, everyone=others_wait)

    def _try(self, holder: int, need: Need) -> bool:
        """Whether an answer could be given."""
        found = self._placement.grant(need.request)
        if isinstance(found, Grant):
            self._grant(holder, need, found)
        elif isinstance(found, Refusal):
            self._refuse(holder, need, found)
        return found is not None

    def _grant(self, holder: int, need: Need, grant: Grant) -> None:
        worker = None
        try:
            worker = self._worker(holder, need)
            self._processes.connect(holder, worker.number)
        except OSError as error:
            if worker is not None:
                self._dismiss(worker, need)
            self._placement.release(grant)
            text = f"No worker could be started: {error.strerror}; {TOO_MANY}"
            self._processes.send(holder, LeaseFailed(need, "WorkerCrashedError", text))
            return
        self._last += 1
        self._leases[self._last] = _Lease(self._last, holder, worker, need, grant)
        self._processes.send(holder, Leased(self._last, worker.number, need, grant))

    def _refuse(self, holder: int, need: Need, why: Refusal) -> None:
        text = (
            "The placement group corresponding to this task has been removed."
            if why.kind == "PlacementGroupRemoved"
            else f"The task is not schedulable: {why.text}."
        )
        self._processes.send(holder, LeaseFailed(need, why.task_error, text))

    def _worker(self, holder: int, need: Need) -> Process:
        if need.surroundings is not None:  # nobody else can use it, before or after
            return self._processes.start_worker(surroundings=need.surroundings)
        return self._take_idle(holder) or self._processes.start_worker()

    def _take_idle(self, holder: int) -> Process | None:
        """An idle worker, best one that `holder` has used before."""
        for index, process in enumerate(self._idle):
            if holder in process.connected:
                return self._idle.pop(index)
        return self._idle.pop() if self._idle else None

    def _recall(self, waiting: list[tuple[int, Need]], *, everyone: bool) -> None:
        """Ask for the leases that may lie idle while others wait."""
        for lease in self._leases.values():
            wanted = everyone or any((lease.holder, lease.need) != w for w in waiting)
            if wanted and not lease.recalled:
                lease.recalled = True
                self._processes.send(lease.holder, Recall(lease.number))

    def give_back(self, number: int, *, worn: bool) -> None:
        """The holder is done with the worker; if it is `worn`, everybody is."""
        lease = self._leases.pop(number, None)
        if lease is None:
            return
        self._release(lease)
        self._dismiss(lease.worker, lease.need, worn=worn)

    def _dismiss(self, worker: Process, need: Need, *, worn: bool = False) -> None:
        """A worker that was started or used for `need` has nothing to do any more."""
        if worn or need.surroundings is not None:
            self._spent.add(worker.number)
            self._processes.send(worker.number, Retire())
        else:
            self._idles(worker)

    def _release(self, lease: _Lease) -> None:
        if lease.blocked:
            self._placement.take_back(lease.grant)
        self._placement.release(lease.grant)

    def kill(self, number: int) -> None:
        """The holder wants the worker to end, whatever it does."""
        lease = self._leases.get(number)
        if lease is not None:
            lease.worker.killed = "its task was cancelled by force."
            self._processes.kill(lease.worker)

    def group_removed(self, group: int) -> None:
        """What runs in a placement group ends with it."""
        for lease in self._leases.values():
            if lease.grant.group == group:
                lease.worker.killed = "its placement group was removed."
                self._processes.kill(lease.worker)

    @property
    def waiting(self) -> int:
        """How many leases are wanted and not granted."""
        return len(self._waiting)

    def wanted(self) -> list[Request]:
        """What those are to hold."""
        return [need.request for _, need in self._waiting]

    def grant_of(self, worker: Process) -> Grant | None:
        """What a worker holds; None if it is idle."""
        return next((lease.grant for lease in self._leases.values() if lease.worker is worker), None)

    def is_idle(self, worker: Process) -> bool:
        """Whether it has no task."""
        return self.grant_of(worker) is None

    def _idles(self, worker: Process) -> None:
        if len(self._idle) < self._spare:
            self._idle.append(worker)
        else:
            self._processes.send(worker.number, Retire())

    def stay(self, worker: Process) -> None:
        """A worker that was to retire can't, for others need it; then it may as well work, if it may work at all."""
        if worker.number not in self._spent:
            self._idle.append(worker)

    def may_go(self, worker: Process) -> None:
        """A worker that had to stay is needed no more."""
        if worker.number in self._spent:
            self._processes.send(worker.number, Retire())
        elif worker in self._idle:  # else it works, and is idle again after that
            self._idle.remove(worker)
            self._idles(worker)

    def block(self, number: int) -> None:
        """The task of this lease waits: its resources are free meanwhile."""
        lease = self._leases.get(number)
        if lease is not None and not lease.blocked:
            lease.blocked = True
            self._placement.lend(lease.grant)

    def unblock(self, number: int) -> None:
        """It runs on, and takes them back, even if they are taken."""
        lease = self._leases.get(number)
        if lease is not None and lease.blocked:
            lease.blocked = False
            self._placement.take_back(lease.grant)

    def ended(self, process: Process) -> None:
        """Neither its leases nor the leases on it are worth anything any more."""
        self._spent.discard(process.number)
        if process in self._idle:
            self._idle.remove(process)
        for lease in list(self._leases.values()):
            if lease.worker is not process and lease.holder != process.number:
                continue
            del self._leases[lease.number]
            self._release(lease)
            if lease.worker is not process:
                # Nobody is left who would want to know what its task returns.
                lease.worker.killed = "the process that submitted its task has ended."
                self._processes.kill(lease.worker)

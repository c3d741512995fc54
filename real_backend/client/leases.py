"""`TaskPool`: this process's tasks on their way to pool workers leased from the supervisor.

Not the CPUs (`placement`, in the supervisor). A leased worker gets one task at a time; it is used again for the
next one of the same need, and goes back when there is none, or when the supervisor wants it for others.
"""

from __future__ import annotations

from collections import deque

from real_backend.client.exports import Export
from real_backend.client.peers import Peer, Peers
from real_backend.client.pending import Calls, PendingCall
from real_backend.client.travel import Travel
from real_backend.control import AskLease, Grant, Leased, LeaseFailed, Need, ReturnLease
from real_backend.messages import Message, Task
from simactors import exceptions
from simactors.core.outcome import Failure

_ASKED_AT_ONCE = 8
"""So many leases may be asked for and not granted yet; the rest of the queue has to wait for them anyway."""


class _Lease:
    """A worker that is ours for now."""

    __slots__ = ("call", "grant", "need", "number", "peer", "recalled")

    def __init__(self, number: int, peer: Peer, need: Need, grant: Grant) -> None:
        self.number = number
        self.peer = peer
        self.need = need
        self.grant: Grant | None = grant  # None once the worker has been told
        self.call: PendingCall | None = None
        self.recalled = False


class _Shape:
    """The tasks of one need, and the leases for them.

    Attributes:
        asked: how many leases are asked for and not granted.
        leases: how many are ours, idle or not.
    """

    __slots__ = ("asked", "idle", "leases", "need", "queue")

    def __init__(self, need: Need) -> None:
        self.need = need
        self.queue: deque[PendingCall] = deque()
        self.idle: list[_Lease] = []
        self.asked = 0
        self.leases = 0


class TaskPool:
    """All tasks of this process; under the lock of the process."""

    def __init__(self, calls: Calls, peers: Peers, travel: Travel) -> None:
        self._calls = calls
        self._peers = peers
        self._travel = travel
        self._shapes: dict[Need, _Shape] = {}
        self._leases: dict[int, _Lease] = {}
        # How often a worker has run a function that may run there only so often.
        self._runs: dict[tuple[int, bytes], int] = {}

    def submit(self, call: PendingCall, need: Need) -> None:
        """Run `call` on a worker as soon as its arguments and a worker are there."""
        carrier = _TaskCarrier(self, need)
        call.carrier = carrier
        if call.refs:
            self._calls.await_arguments(call, lambda: self.enqueue(call, need))
        if not call.missing:
            self.enqueue(call, need)

    def refused(self, message: LeaseFailed) -> None:
        """There is no worker for a task of this need, and will be none."""
        shape = self._shapes[message.need]
        shape.asked -= 1
        if shape.queue:
            call = shape.queue.popleft()
            self._calls.fail_with([call], _refusal(message, call))
        self._serve(shape)
        self._forget_if_unused(shape)

    def waits_for_lease(self) -> bool:
        """Whether tasks of ours lack a worker."""
        return any(s.asked for s in self._shapes.values())

    def enqueue(self, call: PendingCall, need: Need) -> None:
        """The arguments of `call` are ready."""
        if call.is_canceled:
            return
        why = self._calls.failed_argument(call)
        if why is not None:
            self._calls.fail(call, why)
            return
        shape = self._shapes.get(need)
        if shape is None:
            shape = self._shapes[need] = _Shape(need)
        shape.queue.append(call)
        self._serve(shape)

    def tell(self, lease: _Lease, message: Message) -> None:
        """Tell the worker of that lease something."""
        self._peers.post(lease.peer, message, now=True)

    def withdraw(self, call: PendingCall, need: Need) -> None:
        """`call` is not to be run any more."""
        shape = self._shapes.get(need)
        if shape is not None and call in shape.queue:
            shape.queue.remove(call)

    def granted(self, message: Leased) -> None:
        """The supervisor gave us a worker."""
        lease = _Lease(message.lease, self._peers.expect(message.process), message.need, message.grant)
        self._leases[lease.number] = lease
        shape = self._shapes[message.need]
        shape.asked -= 1
        shape.leases += 1
        shape.idle.append(lease)
        self._serve(shape)

    def recalled(self, number: int) -> None:
        """Others wait for this worker."""
        lease = self._leases.get(number)
        if lease is None:
            return
        lease.recalled = True
        shape = self._shapes[lease.need]
        if lease in shape.idle:
            shape.idle.remove(lease)
            self._give_back(lease)
            self._forget_if_unused(shape)

    def answered(self, call: PendingCall, lease: _Lease) -> None:
        """The task of `lease` has its answer."""
        lease.call = None
        shape = self._shapes[lease.need]
        worn = self._is_worn(call, lease)
        if lease.recalled or worn:
            self._give_back(lease, worn=worn)
        else:
            shape.idle.append(lease)
        self._serve(shape)
        self._forget_if_unused(shape)

    def gone(self, peer: Peer, text: str) -> None:
        """A worker died: its task is tried again, or fails."""
        if self._runs:
            self._runs = {key: runs for key, runs in self._runs.items() if key[0] != peer.number}
        for lease in [e for e in self._leases.values() if e.peer is peer]:
            shape = self._shapes[lease.need]
            self._drop(lease)
            if lease in shape.idle:
                shape.idle.remove(lease)
            if lease.call is not None:
                self._lost(lease.call, shape, text)
                self._serve(shape)
            self._forget_if_unused(shape)

    def _lost(self, call: PendingCall, shape: _Shape, text: str) -> None:
        """The worker that ran this call has died."""
        assert isinstance(call.carrier, _TaskCarrier)
        call.carrier.lease = None
        if call.is_canceled:
            self._calls.fail_with([call], exceptions.TaskCancelledError())
        elif call.tries == 0:
            message = f"{exceptions.WorkerCrashedError()}\n\ttask: {call.label}\n\t{text}"
            self._calls.fail_with([call], exceptions.WorkerCrashedError(message))
        else:
            call.begin_again()
            shape.queue.appendleft(call)

    def fail_all(self, outcome: Failure) -> None:
        """The session is over."""
        for shape in self._shapes.values():
            while shape.queue:
                self._calls.fail(shape.queue.popleft(), outcome)
            shape.idle.clear()
        self._leases.clear()

    def _serve(self, shape: _Shape) -> None:
        # Leases that nobody needs right now stay until the supervisor recalls them: the next task comes soon.
        while shape.queue and shape.idle:
            self._send(shape.idle.pop(), shape.queue.popleft())
        while shape.asked < min(len(shape.queue), _ASKED_AT_ONCE):
            shape.asked += 1
            self._peers.tell_supervisor(AskLease(shape.need))

    def _send(self, lease: _Lease, call: PendingCall) -> None:
        assert isinstance(call.target, Export)
        assert isinstance(call.carrier, _TaskCarrier)
        lease.call = call
        call.carrier.lease = lease
        self._peers.ship(lease.peer, call.target)
        packed = self._travel.outgoing(call.packed, lease.peer.number)
        values = self._calls.values(call, lease.peer.number)
        message = Task(
            call.id,
            call.target.digest,
            lease.number,
            packed,
            call.bare,
            values,
            call.num_returns,
            call.options,
            lease.grant,
        )
        lease.grant = None
        self._peers.post(lease.peer, message, now=True)

    def _give_back(self, lease: _Lease, *, worn: bool = False) -> None:
        self._drop(lease)
        self._peers.tell_supervisor(ReturnLease(lease.number, worn))

    def _drop(self, lease: _Lease) -> None:
        """It is not ours any more."""
        del self._leases[lease.number]
        self._shapes[lease.need].leases -= 1

    def _forget_if_unused(self, shape: _Shape) -> None:
        """A program may ask for something else each time; last of all, for others may hold the shape until then."""
        if not (shape.queue or shape.asked or shape.leases) and self._shapes.get(shape.need) is shape:
            del self._shapes[shape.need]

    def _is_worn(self, call: PendingCall, lease: _Lease) -> bool:
        """Whether the worker has run the call's function as often as one worker may."""
        if not call.max_calls:
            return False
        assert isinstance(call.target, Export)
        key = lease.peer.number, call.target.digest
        runs = self._runs[key] = self._runs.get(key, 0) + 1
        return runs >= call.max_calls


class _TaskCarrier:
    """What a task remembers of its way; see `Carrier`."""

    __slots__ = ("_need", "_pool", "lease")

    def __init__(self, pool: TaskPool, need: Need) -> None:
        self._pool = pool
        self._need = need
        self.lease: _Lease | None = None

    def answered(self, call: PendingCall) -> None:
        """The worker is free again."""
        if self.lease is not None:
            lease, self.lease = self.lease, None
            self._pool.answered(call, lease)

    def runner(self, call: PendingCall) -> Peer | None:
        """See `Carrier`."""
        return None if self.lease is None else self.lease.peer

    def tell(self, call: PendingCall, message: Message) -> None:
        """See `Carrier`."""
        if self.lease is not None:
            self._pool.tell(self.lease, message)

    def withdraw(self, call: PendingCall) -> None:
        """See `Carrier`."""
        self._pool.withdraw(call, self._need)

    def lease_of(self, call: PendingCall) -> int | None:
        """See `Carrier`."""
        return None if self.lease is None else self.lease.number

    def retry(self, call: PendingCall) -> None:
        """Once more."""
        self._pool.enqueue(call, self._need)


def _refusal(message: LeaseFailed, call: PendingCall) -> exceptions.RayError:
    kind: type[exceptions.RayError] = getattr(exceptions, message.error)
    if kind is exceptions.WorkerCrashedError:
        return kind(f"{kind()}\n\ttask: {call.label}\n\t{message.text}")
    return kind(message.text)

"""`Line`: one process's calls to one actor, in the order of their submission; `ActorEntry`: what handles hold.

Not the mailbox (`worker`). A call whose ref argument is not ready holds back those behind it. Life of an actor:
when the last handle in the process that created it is dropped, and no handle has ever left that process, the
actor finishes its calls and ends. If one has left, the actor stays until the session ends; counting handles in
other processes comes later.
"""

from __future__ import annotations

from collections import deque

from real_backend.client.exports import Export
from real_backend.client.peers import Peer, Peers
from real_backend.client.pending import Calls, PendingCall
from real_backend.client.travel import Limits, Travel
from real_backend.messages import Call, Create, Message, Terminate
from simactors import exceptions
from simactors.core.concurrency import Concurrency
from simactors.core.interface import ActorInterface
from simactors.core.outcome import Failure, failure
from simactors.core.refs import ActorRef


class ActorEntry:
    """One actor as the handles of one process see it.

    Attributes:
        described: the actor on the wire, see `travel.describe`.
    """

    __slots__ = ("__weakref__", "described", "id", "interface", "line")

    def __init__(self, line: Line, interface: ActorInterface, described: bytes) -> None:
        self.id = line.actor_id
        self.line = line
        self.interface = interface
        self.described = described


def entry_of_actor(actor: ActorRef) -> ActorEntry:
    """What is behind a handle.

    Raises:
        RuntimeError: it belongs to another backend's session.
    """
    if not isinstance(actor.entry, ActorEntry):
        raise RuntimeError(f"{actor} belongs to another session, which is over or on another backend")
    return actor.entry


class Line:
    """Calls on their way to one actor; under the lock of the process.

    Attributes:
        peer: the actor's process; None until it is known.
        death: why every further call fails, once the actor is dead.
        owned: created here, and meant to end with its handles.
        left: a handle went to another process.
        concurrency: of the actor, if it was created here.
    """

    def __init__(self, actor_id: int, limits: Limits, calls: Calls, peers: Peers, travel: Travel) -> None:
        self.actor_id = actor_id
        self.limits = limits
        self.peer: Peer | None = None
        self.death: Failure | None = None
        self.owned = False
        self.left = False
        self.concurrency: Concurrency | None = None
        self._calls = calls
        self._peers = peers
        self._travel = travel
        self._queue: deque[PendingCall] = deque()
        self._sent: dict[int, PendingCall] = {}
        self._ending = False
        self._doomed = False

    def check_room(self, label: str) -> None:
        """Raise `PendingCallsLimitExceeded` if as many calls wait as the actor's options allow."""
        limit = self.limits.max_pending_calls
        if limit <= 0:
            return
        pending = len(self._queue) + len(self._sent)
        constructors = int(bool(self._queue) and isinstance(self._queue[0].target, Export))
        if limit <= pending - constructors:
            raise exceptions.PendingCallsLimitExceeded(
                f"The task {label} could not be submitted to actor-{self.actor_id} because more than "
                f"{limit} tasks are queued on the actor. This limit can be adjusted with the `max_pending_calls` "
                "actor option."
            )

    def submit(self, call: PendingCall) -> None:
        """Send `call` after those before it."""
        if self.death is not None:
            self._calls.fail(call, self.death)
            return
        call.carrier = self
        if call.refs:
            self._calls.await_arguments(call, self.advance)
        if self._queue or self.peer is None or call.missing or self._doomed:
            self._queue.append(call)
            if not self.limits.in_order and not call.missing:
                self.advance()
        else:
            self._send(self.peer, call, now=not self._sent)

    def reached(self, peer: Peer) -> None:
        """The supervisor says where the actor lives."""
        if self.death is None and self.peer is None:
            self.peer = peer
            self.advance()

    def advance(self) -> None:
        """Send what can be sent."""
        queue, peer = self._queue, self.peer
        while queue and peer is not None and not queue[0].missing and not self._doomed:
            self._send(peer, queue.popleft(), now=not queue)
        if queue and peer is not None and not self.limits.in_order and not self._doomed:
            self._overtake(peer)
        if self._ending and not queue and peer is not None:
            self._ending = False
            self._peers.post(peer, Terminate(), now=True)

    def _overtake(self, peer: Peer) -> None:
        """Send what is ready past the first call, which is not; nothing overtakes the constructor."""
        if isinstance(self._queue[0].target, Export):
            return
        for call in [c for c in self._queue if not c.missing]:
            self._queue.remove(call)
            self._send(peer, call, now=False)
        self._peers.flush(peer)

    def end(self) -> None:
        """No handle is left: let the actor end after the calls that were submitted."""
        if self.death is None:
            self._ending = True
            self.advance()

    def kill(self) -> None:
        """It has been killed from here: what is submitted from now on only waits for the news of its death."""
        self._doomed = True

    def died(self, text: str) -> None:
        """The actor is dead."""
        if self.death is not None:
            return
        self.death = failure(exceptions.ActorDiedError(text))
        calls = [*self._sent.values(), *self._queue]
        self._sent.clear()
        self._queue.clear()
        for call in calls:
            self._calls.fail(call, self.death)

    def idle(self) -> bool:
        """Whether no call is on its way."""
        return not self._queue and not self._sent

    def answered(self, call: PendingCall) -> None:
        """See `Carrier`."""
        self._sent.pop(call.id, None)

    def runner(self, call: PendingCall) -> Peer | None:
        """See `Carrier`."""
        return self.peer if call.id in self._sent else None

    def tell(self, call: PendingCall, message: Message) -> None:
        """See `Carrier`."""
        peer = self.runner(call)
        if peer is not None:
            self._peers.post(peer, message, now=True)

    def withdraw(self, call: PendingCall) -> None:
        """See `Carrier`."""
        if call in self._queue:
            self._queue.remove(call)
            self.advance()

    def lease_of(self, call: PendingCall) -> None:
        """See `Carrier`."""

    def retry(self, call: PendingCall) -> None:
        """As on Ray, the retried call comes after those that were submitted meanwhile."""
        if self.death is not None:
            self._calls.fail(call, self.death)
            return
        self._queue.append(call)
        self.advance()

    def _send(self, peer: Peer, call: PendingCall, *, now: bool) -> None:
        why = self._calls.failed_argument(call)
        if why is not None:
            self._cannot_run(peer, call, why)
            return
        values = self._calls.values(call)
        packed = self._travel.outgoing(call.packed)
        message: Message
        if isinstance(call.target, Export):
            self._peers.ship(peer, call.target)
            message = Create(self.actor_id, call.target.digest, packed, call.bare, values, self.concurrency)
        else:
            message = Call(call.id, call.target, packed, call.bare, values, call.num_returns, call.options)
            self._sent[call.id] = call
        if call.retry_on is False:
            call.packed, call.refs = None, ()  # may be large, and won't be sent again
        self._peers.post(peer, message, now=now)

    def _cannot_run(self, peer: Peer, call: PendingCall, why: Failure) -> None:
        if isinstance(call.target, Export):
            # An actor whose constructor can't get its arguments has failed in its constructor.
            self._peers.post(peer, Terminate(), now=True)
            self.died(
                "The actor died because of an error raised in its creation task: an argument of its constructor "
                f"could not be computed.\n{why.error()}"
            )
        else:
            self._calls.fail(call, why)

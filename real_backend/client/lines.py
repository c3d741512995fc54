"""`Line`: one process's calls to one actor, in the order of their submission; `ActorEntry`: what handles hold.

Not the mailbox (`worker`). A call whose ref argument is not ready holds back those behind it. Calls wait here until
the actor is constructed. When it restarts, those with retries are sent once more to its new process.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from real_backend.client.peers import Peer, Peers
from real_backend.client.pending import Calls, PendingCall
from real_backend.client.travel import Limits, Travel
from real_backend.messages import Call, Message
from real_backend.objects import Home
from simactors import exceptions
from simactors.core import ids
from simactors.core.interface import ActorInterface
from simactors.core.outcome import Failure, failure


class ActorEntry:
    """One actor as the handles of one process see it.

    Attributes:
        home: the process that this entry is in; see `objects.ObjectEntry`.
        described: the actor on the wire, see `travel.describe`.
        counted: the handles keep the actor alive; those that were found by name don't.
    """

    __slots__ = ("__weakref__", "counted", "described", "home", "id", "interface", "line")

    def __init__(
        self, line: Line, home: Home, interface: ActorInterface, described: bytes, *, counted: bool
    ) -> None:
        self.id = line.actor_id
        self.home = home
        self.line = line
        self.interface = interface
        self.described = described
        self.counted = counted

    @property
    def session(self) -> object:
        """See `core.refs.OfSession`."""
        return self.home


class Line:
    """Calls on their way to one actor; under the lock of the process.

    Attributes:
        peer: the actor's process; None until it is constructed, and while it restarts.
        death: why every further call fails, once the actor is dead.
        owned: created here, and meant to end with its handles.
        forsaken: no counted handle is left here; `became_idle` is called when no call is on its way any more, either.
        ending: the supervisor has been told that no handle is left anywhere.
    """

    def __init__(
        self,
        actor_id: int,
        limits: Limits,
        calls: Calls,
        peers: Peers,
        travel: Travel,
        became_idle: Callable[[int], None],
    ) -> None:
        self.actor_id = actor_id
        self.limits = limits
        self.peer: Peer | None = None
        self.death: Failure | None = None
        self.owned = False
        self.forsaken = False
        self.ending = False
        self._became_idle = became_idle
        self._calls = calls
        self._peers = peers
        self._travel = travel
        self._queue: deque[PendingCall] = deque()
        self._sent: dict[int, PendingCall] = {}
        # Lost by a crash, and to be sent again once the actor is back.
        self._again: list[PendingCall] = []
        self._doomed = False
        # Why calls without retries fail at once while the actor restarts.
        self._loss: Failure | None = None

    def check_room(self, label: str) -> None:
        """Raise `PendingCallsLimitExceeded` if as many calls wait as the actor's options allow."""
        limit = self.limits.max_pending_calls
        if limit <= 0:
            return
        if limit <= len(self._queue) + len(self._sent) + len(self._again):
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
            if self._loss is not None or (not self.limits.in_order and not call.missing):
                self.advance()
        else:
            self._send(self.peer, call, now=not self._sent)

    def reached(self, peer: Peer) -> None:
        """The supervisor says where the actor lives."""
        if self.death is None and self.peer is None:
            self.peer = peer
            self._loss = None
            again, self._again = self._again, []
            self._line_up_again(again)

    def advance(self) -> None:
        """Send what can be sent; while the actor restarts, fail what does not want to wait for that."""
        queue, peer = self._queue, self.peer
        while queue and peer is not None and not queue[0].missing and not self._doomed:
            self._send(peer, queue.popleft(), now=not queue)
        if queue and peer is not None and not self.limits.in_order and not self._doomed:
            self._overtake(peer)
        if self._loss is not None and not self._doomed:
            for call in [c for c in queue if not c.missing and c.tries == 0]:
                queue.remove(call)
                # As on Ray, that an argument has failed is looked at before it is looked for the actor.
                self._calls.fail(call, self._calls.failed_argument(call) or self._loss)
        self._look_whether_idle()

    def _overtake(self, peer: Peer) -> None:
        """Send what is ready past the first call, which is not."""
        for call in [c for c in self._queue if not c.missing]:
            self._queue.remove(call)
            self._send(peer, call, now=False)
        self._peers.flush(peer)

    def kill(self) -> None:
        """It has been killed from here: what is submitted from now on only waits for the news of its death."""
        self._doomed = True

    def lost(self, text: str) -> None:
        """The actor's process is gone, and it starts again in another one.

        As on Ray, a call that was on its way has spent a try, be it the one that crashed the actor or not.
        """
        self.peer = None
        self._loss = failure(exceptions.ActorUnavailableError(text, actor_id=self._name()))
        calls = list(self._sent.values())
        self._sent.clear()
        for call in calls:
            if call.is_canceled:
                self._calls.fail_with([call], exceptions.TaskCancelledError())
            elif self._doomed:
                self._again.append(call)  # and the news of its death comes
            elif call.tries == 0:
                self._calls.fail(call, self._loss)
            else:
                call.begin_again()
                self._again.append(call)
        self.advance()

    def died(self, text: str, error: str = "ActorDiedError") -> None:
        """The actor is dead; `error` is the name of what its callers meet."""
        if self.death is not None:
            return
        told = getattr(exceptions, error)(text)
        if isinstance(told, exceptions.RayActorError):
            told.actor_id = self._name()
        self.death = failure(told)
        calls = [*self._sent.values(), *self._again, *self._queue]
        self._sent.clear()
        self._again.clear()
        self._queue.clear()
        for call in calls:
            self._calls.fail(call, self.death)
        self._look_whether_idle()

    def _name(self) -> str:
        """Its id as programs see it."""
        return ids.actor_id(self.actor_id).hex()

    def idle(self) -> bool:
        """Whether no call is on its way."""
        return not self._queue and not self._sent and not self._again

    def answered(self, call: PendingCall) -> None:
        """See `Carrier`."""
        self._sent.pop(call.id, None)
        if self.forsaken:
            self._look_whether_idle()

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
        if call in self._again:
            self._again.remove(call)
        elif call in self._queue:
            self._queue.remove(call)
        self.advance()

    def lease_of(self, call: PendingCall) -> None:
        """See `Carrier`."""

    def retry(self, call: PendingCall) -> None:
        """As on Ray, the retried call comes after those that were submitted meanwhile."""
        if self.death is not None:
            self._calls.fail(call, self.death)
            return
        self._line_up_again([call])

    def _line_up_again(self, calls: Sequence[PendingCall]) -> None:
        """Retried calls come after the others, but before those that wait for arguments: for their answers, perhaps."""
        queue = self._queue
        place = next((place for place, call in enumerate(queue) if call.missing), len(queue))
        for call in reversed(calls):
            queue.insert(place, call)
        self.advance()

    def _send(self, peer: Peer, call: PendingCall, *, now: bool) -> None:
        why = self._calls.failed_argument(call)
        if why is not None:
            self._calls.fail(call, why)
            return
        assert isinstance(call.target, str)
        values = self._calls.values(call, peer.number)
        packed = self._travel.outgoing(call.packed, peer.number)
        message = Call(call.id, call.target, packed, call.bare, values, call.num_returns, call.options)
        self._sent[call.id] = call
        if call.tries == 0:
            call.packed, call.refs = None, ()  # may be large, and won't be sent again
        self._peers.post(peer, message, now=now)

    def _look_whether_idle(self) -> None:
        if self.forsaken and self.idle():
            self._became_idle(self.actor_id)

"""`Borrowing`: objects of other processes, asked for here; our own, asked for there.

A ref that came from elsewhere is asked for at its owner when somebody here first waits for it. How long an object lives
is not decided here (`counting`).
"""

from __future__ import annotations

from real_backend.client.peers import Peers
from real_backend.client.travel import Travel
from real_backend.messages import Fetch, Fetched, FetchFailed, owner_of
from real_backend.objects import ObjectEntry, ObjectTable
from simactors import exceptions
from simactors.core.outcome import Failure, Outcome, Value, failure


class Borrowing:
    """Both sides of it; under the lock of the process."""

    def __init__(self, objects: ObjectTable, peers: Peers, travel: Travel) -> None:
        self._objects = objects
        self._peers = peers
        self._travel = travel
        # Held until the answer is there: a call may wait for it after the last ref is dropped.
        self._asked: dict[int, ObjectEntry] = {}

    def chase(self, entry: ObjectEntry) -> None:
        """See to it that the outcome of `entry` gets here."""
        if entry.fetching or entry.outcome is not None or self._objects.owns(entry):
            return
        entry.fetching = True
        self._asked[entry.id] = entry
        self._peers.post(self._peers.reach(owner_of(entry.id)), Fetch(entry.id), now=True)

    def on_fetch(self, asker: int, message: Fetch) -> None:
        """Another process wants an object of ours."""
        entry = self._objects.own(message.object_id)
        if entry is None:
            lost = exceptions.ObjectLostError(
                f"object-{message.object_id} is not known to its owner any more."
            )
            self._tell(asker, message.object_id, failure(lost))
        elif entry.outcome is not None:
            self._tell(asker, entry.id, entry.outcome)
        elif entry.askers is None:
            entry.askers = [asker]
        else:
            entry.askers.append(asker)

    def tell_askers(self, entry: ObjectEntry) -> None:
        """The outcome of an object of ours is known."""
        askers, entry.askers = entry.askers or (), None
        for asker in askers:
            assert entry.outcome is not None
            self._tell(asker, entry.id, entry.outcome)

    def on_fetched(self, owner: int, message: Fetched) -> None:
        """The owner sent the value."""
        self._arrived(message.object_id, Value(self._travel.incoming(message.packed, owner)))

    def on_fetch_failed(self, owner: int, message: FetchFailed) -> None:
        """The owner sent a failure."""
        outcome = Failure(self._travel.incoming(message.packed, owner), message.text)
        self._arrived(message.object_id, outcome)

    def owner_gone(self, process: int, text: str) -> None:
        """Whatever we wait for from that process will not come."""
        lost = f"The object's owner has exited, and the object with it. {text}"
        for entry in [e for e in self._asked.values() if owner_of(e.id) == process]:
            self._arrived(entry.id, failure(exceptions.OwnerDiedError(f"object-{entry.id}: {lost}")))

    def fail_all(self, outcome: Failure) -> None:
        """The session is over."""
        for object_id in list(self._asked):
            self._arrived(object_id, outcome)

    def _arrived(self, object_id: int, outcome: Outcome) -> None:
        entry = self._asked.pop(object_id, None)
        if entry is not None:
            self._objects.seal(entry, outcome)

    def _tell(self, asker: int, object_id: int, outcome: Outcome) -> None:
        peer = self._peers.find(asker)
        if peer is None:
            return  # it has died meanwhile
        packed = self._travel.outgoing(outcome.packed, asker)
        if isinstance(outcome, Value):
            self._peers.post(peer, Fetched(object_id, packed), now=True)
        else:
            self._peers.post(peer, FetchFailed(object_id, packed, outcome.text), now=True)

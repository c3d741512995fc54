"""`Lifetimes`: what follows from refs and handles that go: telling owners, freeing, ending, and leaving at last.

Wires `counting` with what it counts, `objects` and `actors`, and knows whether this process is still needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from real_backend.client.actors import Actors
from real_backend.client.counting import Counting
from real_backend.client.peers import SUPERVISOR, Peers
from real_backend.control import Unneeded
from real_backend.messages import Audit, Audited, Lend, Release
from real_backend.objects import ObjectTable
from real_backend.transport import Channel


class Lifetimes:
    """Under the lock of the process.

    Attributes:
        stays: the process would end, if nobody needed what it owns.
    """

    def __init__(self, process: int, objects: ObjectTable, settle_soon: Callable[[], None]) -> None:
        self.counting = Counting(process, self._tell, self._watch, self._freed)
        self._objects = objects
        self._settle_soon = settle_soon
        self.stays = False
        self._peers: Peers
        self._actors: Actors

    def bind(self, peers: Peers, actors: Actors) -> None:
        """What needs the counts itself."""
        self._peers = peers
        self._actors = actors

    def handlers(self) -> dict[type, Callable[[Channel, Any], None]]:
        """What to call when a message comes, by its type."""
        counting = self.counting
        return {
            Lend: lambda c, m: counting.on_lend(c.peer, m),
            Release: lambda c, m: counting.on_release(c.peer, m),
            Audit: lambda c, m: counting.on_audit(c.peer, m),
            Audited: lambda c, m: counting.on_audited(c.peer, m),
        }

    def is_needed(self) -> bool:
        """Whether other processes still need what this one owns; if so, the supervisor is told when they don't."""
        self.stays = bool(self._objects.kept()) or self._actors.any_owned()
        return self.stays

    def look_after_dropped(self) -> None:
        """Give back what no ref or handle here leads to any more."""
        if self._objects.dropped or self._actors.dropped or self.stays:
            for object_id in self._objects.take_dropped():
                self.counting.give_back(object_id)
            self._actors.look_after_dropped()
            self.counting.flush()
            if self.stays and not self.is_needed():
                self._peers.tell_supervisor(Unneeded())

    def _tell(self, process: int, message: Lend | Release | Audit | Audited) -> None:
        if process == SUPERVISOR:
            self._peers.tell_supervisor(message)
        else:
            # What was lent must be told at once: this process may die when the copy is sent, but not yet this.
            self._peers.post(self._peers.reach(process), message, now=type(message) is Lend)

    def _watch(self, process: int) -> None:
        self._peers.reach(process)

    def _freed(self, ref_id: int) -> None:
        if not self._objects.release(ref_id):
            self._actors.note_dropped(ref_id)
        elif self.stays:  # it may have been the last one
            self._settle_soon()

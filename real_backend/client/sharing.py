"""`Sharing`: the shared memory of one process as part of the session: who fills it, who is asked to make room.

Not the memory itself (`memory`).
"""

from __future__ import annotations

import time

from real_backend.client.peers import Peers
from real_backend.client.pump import Pump
from real_backend.memory.ledger import Ledger, Usage
from real_backend.memory.pieces import Piece
from real_backend.memory.store import Store
from real_backend.messages import Squeeze
from real_backend.transport import Channel
from simactors.core import codec

_PATIENCE_S = 1.0
"""So long the others have to give back what they don't use; one that stands still must not hold us up for ever."""
_LOOK_S = 0.001


class Sharing:
    """Opened with the session; large values are packed into shared memory from then on.

    Args:
        account: the one of this process in the ledger.

    Attributes:
        store: takes in what arrives.
    """

    def __init__(self, process: int, ledger: Ledger, account: int) -> None:
        self.store = Store(process, ledger, account, self._squeeze, self._dropped)
        self._ledger = ledger
        self._account = account
        self._pump: Pump | None = None
        self._control: Channel | None = None

    def open(self, pump: Pump, control: Channel) -> None:
        """The process takes part in the session now."""
        self._pump, self._control = pump, control
        codec.stores.append(self._keep)

    def close(self) -> None:
        """It does not any more; arrays that lie in shared memory stay what they are."""
        if self._keep in codec.stores:
            codec.stores.remove(self._keep)
            self.store.close()
            self._ledger.close()

    def _keep(self, raw: memoryview) -> bytes | memoryview:
        assert self._pump is not None
        with self._pump.shield:
            return self.store.keep(raw)

    def piece(self, buffer: bytes | memoryview) -> Piece | None:
        """See `Store`."""
        return self.store.piece(buffer)

    def make_room(self, *, hard: bool) -> None:
        """Another process needs memory; if not `hard`, it has only dropped some of ours."""
        if hard:
            self.store.trim()
        else:
            self.store.look_again()

    def tell_dropped(self, peers: Peers) -> None:
        """Tell others that we don't use memory of theirs any more; under the lock of the pump."""
        for process in self.store.take_dropped():
            peer = peers.find(process)
            if peer is not None:
                peers.post(peer, Squeeze(hard=False), now=True)

    def usage(self) -> Usage:
        """What all processes of the session take together."""
        return self._ledger.usage()

    def _dropped(self) -> None:
        if self._pump is not None:
            self._pump.note()

    def process_gone(self, process: int) -> None:
        """See `Store`."""
        self.store.process_gone(process)

    def _squeeze(self, size: int) -> None:
        """Ask the others to make room for `size` bytes; under no lock."""
        pump, control = self._pump, self._control
        assert pump is not None
        assert control is not None
        before = self._ledger.trims()
        with pump.change:
            pump.send(control, Squeeze(hard=True), now=True)
        deadline = time.monotonic() + _PATIENCE_S
        while not self._ledger.has_room(size) and time.monotonic() < deadline:
            now = self._ledger.trims()
            asked = [i for i, trims in enumerate(before) if trims and i != self._account]
            if all(now[i] != before[i] for i in asked):
                return
            pump.wait_until(bool, _LOOK_S)

"""`Peers`: the other processes this one talks to, and what waits to be said to them.

Not the sockets (`pump`) and not the meaning of messages. A peer is *connected* on first use, through the
supervisor, who hands both ends of a socket pair out; messages posted before that wait here, in order.
A peer is *gone* once its channel has been read to the end and the supervisor has said what it died of: answers
that it sent before its death still count.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from real_backend.client.exports import Export
from real_backend.client.pump import Pump
from real_backend.client.travel import Travel
from real_backend.control import Broken, ReachProcess
from real_backend.limits import TOO_MANY
from real_backend.messages import Define, Message
from real_backend.transport import Channel

SUPERVISOR = -1


class Peer:
    """One other process.

    Attributes:
        channel: None before it is connected.
        waiting: posted before that.
        shipped: digests of the definitions it has got from us.
        ended: the channel was read to its end.
        death: what it died of, as soon as the supervisor has said so.
        restarts: the actor that lived there starts again elsewhere.
    """

    __slots__ = ("channel", "death", "ended", "number", "restarts", "shipped", "waiting")

    def __init__(self, number: int) -> None:
        self.number = number
        self.channel: Channel | None = None
        self.waiting: list[Message] = []
        self.shipped: set[bytes] = set()
        self.ended = False
        self.death: str | None = None
        self.restarts = False


class Peers:
    """All of them, by process number; under the lock of the pump.

    Args:
        open_channel: makes the channel of a descriptor to the process of that number.
        gone: called once for each peer that is gone; for one that can't be reached, whenever something was posted.
    """

    def __init__(
        self,
        pump: Pump,
        control: Channel,
        travel: Travel,
        open_channel: Callable[[int, int], Channel],
        gone: Callable[[Peer, str], None],
    ) -> None:
        self._pump = pump
        self._control = control
        self._travel = travel
        self._open_channel = open_channel
        self._gone = gone
        self._peers: dict[int, Peer] = {}
        self._unreachable: list[Peer] = []

    def tell_supervisor(self, message: Message) -> None:
        """Send to the supervisor, at once."""
        self._pump.send(self._control, message, now=True)

    def reach(self, number: int) -> Peer:
        """The peer of that number; asks for a connection if it is new."""
        peer = self._peers.get(number)
        if peer is None:
            peer = self._peers[number] = Peer(number)
            self.tell_supervisor(ReachProcess(number))
        return peer

    def expect(self, number: int) -> Peer:
        """The peer of that number; the supervisor connects it without being asked."""
        peer = self._peers.get(number)
        if peer is None:
            peer = self._peers[number] = Peer(number)
        return peer

    def find(self, number: int) -> Peer | None:
        """The peer of that number, if it is known and not gone."""
        return self._peers.get(number)

    def post(self, peer: Peer, message: Message, *, now: bool) -> None:
        """Send `message` once `peer` is connected; see `Pump.send` for `now`."""
        if peer.channel is None:
            peer.waiting.append(message)
            if peer.death is not None:
                self._give_up(peer)
        else:
            self._pump.send(peer.channel, message, now=now)

    def flush(self, peer: Peer) -> None:
        """Send what was posted."""
        if peer.channel is not None:
            self._pump.flush(peer.channel)

    def ship(self, peer: Peer, export: Export) -> None:
        """Make sure that `peer` has this definition before whatever is posted next."""
        if export.digest in peer.shipped:
            return
        peer.shipped.add(export.digest)
        definition = self._travel.outgoing(export.definition, peer.number)
        self.post(peer, Define(export.digest, definition, tuple(sys.path)), now=False)

    def connected(self, number: int, descriptor: int | None) -> None:
        """The supervisor has handed us our end."""
        peer = self.expect(number)
        if descriptor is None:
            peer.death = f"This process could not be connected to it: {TOO_MANY}"
            self._give_up(peer)
            return
        if peer.death is not None:
            os.close(descriptor)
            return
        if peer.channel is not None:
            # An actor that calls itself gets both ends: what it says at the first, it hears at the second.
            self._pump.add(self._open_channel(descriptor, number))
            return
        channel = peer.channel = self._open_channel(descriptor, number)
        self._pump.add(channel)
        for message in peer.waiting:
            self._pump.send(channel, message, now=False)
        self._pump.flush(channel)
        peer.waiting.clear()

    def _give_up(self, peer: Peer) -> None:
        self._unreachable.append(peer)
        self._pump.settle_soon()
        self._pump.poke()  # who waits for an answer from there need not wait for another message

    def settle(self) -> None:
        """Give up what was posted to those that can't be reached; not before whoever posted has done with it."""
        while self._unreachable:
            peer = self._unreachable.pop()
            peer.waiting.clear()
            self._gone(peer, peer.death or "")

    def channel_ended(self, channel: Channel) -> None:
        """The channel was read to its end, or as far as it can be read."""
        number = channel.peer
        if channel.fault is not None:
            self.tell_supervisor(Broken(number, channel.fault, channel.fault_is_ours))
        peer = self._peers.get(number)
        if peer is not None:
            peer.ended = True
            self._check(peer)

    def died(self, number: int, text: str, *, restarts: bool) -> None:
        """The supervisor says that the process has ended, and of what; see `Died`."""
        peer = self.expect(number)
        if peer.channel is not None and not peer.ended:
            self._pump.take_rest(peer.channel)
            peer.ended = True
        peer.death = text
        peer.restarts = restarts
        self._check(peer)

    def lose_all(self, text: str) -> None:
        """There is no supervisor any more: nobody will say what becomes of anyone."""
        for peer in list(self._peers.values()):
            peer.death = text
            peer.ended = True
            self._check(peer)

    def _check(self, peer: Peer) -> None:
        if peer.death is None or (peer.channel is not None and not peer.ended):
            return
        del self._peers[peer.number]
        if peer.channel is not None:
            self._pump.drop(peer.channel)
        self._gone(peer, peer.death)

"""What befalls messages between nodes: links of their own, losses, cuts.

Asked by the network for every message, but only in a cluster where there is something to ask. A rule never lets a
message vanish: Ray rides on TCP, so that what does not get through is late.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from simactors.core.choices import Choices
from simactors.sim.config import NS, Latency, LinkConfig
from simactors.sim.nodes import Node

_RESOLUTION = 2**53
_MOST_LOSSES = 100  # in a row, of one message: even TCP gives up some time


class Rule(Protocol):
    """Something that makes messages late."""

    def delay_ns(self, source: Node, target: Node, now_ns: int) -> int:
        """How much later a message arrives that is sent now; 0 for not at all."""
        ...


class Links:
    """The links that the config gives certain pairs of nodes."""

    def __init__(self, choices: Choices, links: Sequence[LinkConfig], default: Latency) -> None:
        self._choices = choices
        self._links = links
        self._default = default
        self._found: dict[tuple[int, int], LinkConfig | None] = {}
        self._least: dict[tuple[int, int], int] = {}

    def link(self, source: Node, target: Node) -> LinkConfig | None:
        """What holds between two nodes, if anything does."""
        key = source.id, target.id
        if key not in self._found:
            self._found[key] = next((link for link in self._links if _fits(link, source, target)), None)
        return self._found[key]

    def bandwidth(self, source: Node, target: Node) -> float | None:
        """Bytes per second from one to the other; None for no limit."""
        link = self.link(source, target)
        return None if link is None else link.bandwidth_bytes_per_s

    def bytes_for(self, source: Node, target: Node, size: int) -> int:
        """How many bytes a transfer of `size` bytes takes: what is sent twice takes twice as many."""
        link = self.link(source, target)
        if link is not None and link.duplication and happens(self._choices, "duplication", link.duplication):
            return 2 * size
        return size

    def latency(self, source: Node, target: Node) -> Latency | None:
        """The latency of their link, if it has one of its own."""
        link = self.link(source, target)
        return None if link is None else link.latency

    def delay_ns(self, source: Node, target: Node, now_ns: int) -> int:
        """See `Rule`: what the losses of this message cost."""
        link = self.link(source, target)
        if link is None or not link.loss:
            return 0
        losses = 0
        while losses < _MOST_LOSSES and happens(self._choices, "loss", link.loss):
            losses += 1
        return losses * int(link.retransmit_s * NS)


def happens(choices: Choices, label: str, probability: float) -> bool:
    """Whether something of that probability happens; answer 0 is no."""
    return choices.number(label, _RESOLUTION) >= (1 - probability) * _RESOLUTION


def _fits(link: LinkConfig, source: Node, target: Node) -> bool:
    one, other = link.between
    return (source.matches(one) and target.matches(other)) or (source.matches(other) and target.matches(one))


@dataclass(frozen=True, slots=True)
class Barrier:
    """Nothing gets from one side to the other between two moments; what was sent meanwhile arrives afterwards.

    Attributes:
        stops: whether it lies between these two nodes, in this direction; never asked for a node and itself.
    """

    stops: Callable[[Node, Node], bool]
    from_ns: int
    until_ns: int


class Barriers:
    """All barriers of a run, as one rule: who has waited for one may meet the next."""

    def __init__(self, barriers: Sequence[Barrier]) -> None:
        self._barriers = barriers

    def delay_ns(self, source: Node, target: Node, now_ns: int) -> int:
        """See `Rule`."""
        if source is target:
            return 0
        arrival_ns = now_ns
        while True:
            ends = [
                b.until_ns
                for b in self._barriers
                if b.from_ns <= arrival_ns < b.until_ns and b.stops(source, target)
            ]
            if not ends:
                return arrival_ns - now_ns
            arrival_ns = max(ends)

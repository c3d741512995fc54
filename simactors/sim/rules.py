"""What befalls messages between nodes: links of their own, losses, cuts.

Asked by the network for every message, but only in a cluster where there is something to ask. A rule never lets a
message vanish: Ray rides on TCP, so that what does not get through is late.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
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


def names(node: Node, pattern: str) -> bool:
    """Whether `pattern` means this node, by its name, its zone or a wildcard."""
    return fnmatchcase(node.label, pattern) or (bool(node.zone) and fnmatchcase(node.zone, pattern))


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
        while losses < _MOST_LOSSES and self._happens("loss", link.loss):
            losses += 1
        return losses * int(link.retransmit_s * NS)

    def _happens(self, label: str, probability: float) -> bool:
        return happens(self._choices, label, probability)


def happens(choices: Choices, label: str, probability: float) -> bool:
    """Whether something of that probability happens; answer 0 is no."""
    return choices.number(label, _RESOLUTION) >= (1 - probability) * _RESOLUTION


def _fits(link: LinkConfig, source: Node, target: Node) -> bool:
    one, other = link.between
    return (names(source, one) and names(target, other)) or (names(source, other) and names(target, one))


@dataclass(frozen=True, slots=True)
class Barrier:
    """Nothing gets from one side to the other between two moments; what was sent meanwhile arrives afterwards.

    Attributes:
        stops: whether it lies between these two nodes, in this direction.
    """

    stops: Callable[[Node, Node], bool]
    from_ns: int
    until_ns: int

    def delay_ns(self, source: Node, target: Node, now_ns: int) -> int:
        """See `Rule`."""
        if self.from_ns <= now_ns < self.until_ns and self.stops(source, target):
            return self.until_ns - now_ns
        return 0

"""Messages between simulated processes: how long they take and in which order they arrive.

What travels is the invocation itself (see `invocation.py`): it is scheduled as an event once for its way there and
once for its way back, so that no object is made for a message.
"""

from __future__ import annotations

from collections.abc import Callable

from simactors.sim.cluster import Link, Process
from simactors.sim.config import NS, Latency
from simactors.sim.kernel import Kernel, Scheduled


class Network:
    """Moves messages through virtual time."""

    def __init__(self, kernel: Kernel, latency: Latency) -> None:
        self._kernel = kernel
        self._low_ns = int(latency.low_s * NS)
        self._bound = int((latency.high_s - latency.low_s) * NS) + 1
        self._jitter = int(latency.jitter_s * NS) + 1

    def link(self, process: Process, target: int) -> Link:
        """The connection of `process` to the actor with the id `target`; 0 is the pool of task workers."""
        found = process.links.get(target)
        if found is None:
            least_ns = self._low_ns + self._kernel.choices.number("link", self._bound)
            found = process.links[target] = Link(least_ns)
        return found

    def send(self, link: Link, message: Scheduled) -> None:
        """Make `message` ready at the other end, after everything sent on this link before."""
        kernel = self._kernel
        now = kernel.now_ns
        arrival = now + link.least_ns + kernel.choices.number("latency", self._jitter)
        if arrival <= link.last_ns:
            arrival = link.last_ns + 1
        link.last_ns = arrival
        message.callbacks = kernel.on_arrival
        kernel.schedule(message, arrival - now)

    def reply(self, link: Link, message: Scheduled) -> None:
        """Make `message` ready back at the sender. Replies keep no order: nothing in the runtime promises one."""
        kernel = self._kernel
        message.callbacks = kernel.on_arrival
        kernel.schedule(message, link.least_ns + kernel.choices.number("latency", self._jitter))

    def notify(self, link: Link, action: Callable[[], None]) -> None:
        """Run `action` after the time a message takes on `link`; keeps no order with the others."""
        delay_ns = link.least_ns + self._kernel.choices.number("latency", self._jitter)
        self._kernel.timer(delay_ns, action)

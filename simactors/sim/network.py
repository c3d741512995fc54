"""Messages between simulated processes: how long they take and in which order they arrive.

What travels is the invocation itself (see `invocation.py`): it is scheduled as an event once for its way there and
once for its way back, so that no object is made for a message.
"""

from __future__ import annotations

from collections.abc import Callable

from simpy.events import NORMAL

from simactors.core.outcome import Failure, Outcome
from simactors.sim.cluster import Link, Process
from simactors.sim.config import NS, Latency
from simactors.sim.invocation import Invocation
from simactors.sim.kernel import Kernel


class Network:
    """Moves messages through virtual time.

    Args:
        replied: what happens to an invocation when its reply is back at the caller.
    """

    def __init__(self, kernel: Kernel, latency: Latency, replied: Callable[[Invocation], None]) -> None:
        self._replied = replied
        self._kernel = kernel
        self._number = kernel.choices.number
        self._push = kernel.push
        self._next_number = kernel.next_number
        self._low_ns = int(latency.low_s * NS)
        self._bound = int((latency.high_s - latency.low_s) * NS) + 1
        self._jitter = kernel.choices.sampler("latency", int(latency.jitter_s * NS) + 1)

    def link(self, process: Process, target: int) -> Link:
        """The connection of `process` to the actor with the id `target`; 0 is the pool of task workers."""
        found = process.links.get(target)
        if found is None:
            least_ns = self._low_ns + self._number("link", self._bound)
            found = Link(least_ns)
            process.add_link(target, found)
        return found

    def send(self, link: Link, message: Invocation) -> None:
        """Make `message` ready at the other end, after everything sent on this link before."""
        arrival = self._kernel.now_ns + link.least_ns + self._jitter()
        if arrival <= link.last_ns:
            arrival = link.last_ns + 1
        link.last_ns = arrival
        self._push((arrival, NORMAL, self._next_number(), message))

    def send_home(self, invocation: Invocation) -> None:
        """Make a call ready back at its caller; its `then` says what for. Keeps no order, see `reply`."""
        assert invocation.link is not None
        arrival = self._kernel.now_ns + invocation.link.least_ns + self._jitter()
        self._push((arrival, NORMAL, self._next_number(), invocation))

    def reply(self, invocation: Invocation, outcomes: tuple[Outcome, ...]) -> None:
        """Send the outcomes of a call home. Replies keep no order: nothing in the runtime promises one."""
        link = invocation.link
        assert link is not None
        invocation.reply = outcomes
        invocation.then = self._replied
        arrival = self._kernel.now_ns + link.least_ns + self._jitter()
        self._push((arrival, NORMAL, self._next_number(), invocation))

    def fail(self, invocation: Invocation, failure: Failure) -> None:
        """Answer a call with the same failure for each of its refs."""
        self.reply(invocation, (failure,) * invocation.num_returns)

    def notify(self, link: Link, action: Callable[[], None]) -> None:
        """Run `action` after the time a message takes on `link`; keeps no order with the others."""
        self._kernel.timer(link.least_ns + self._jitter(), action)

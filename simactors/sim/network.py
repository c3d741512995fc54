"""Messages between simulated processes: how long they take and in which order they arrive.

What travels is the invocation itself (see `invocation.py`): it is put on the kernel's queue once for its way there and
once for its way back, so that no object is made for a message. What befalls messages is asked of rules (`rules.py`),
where there are any.
"""

from __future__ import annotations

from collections.abc import Callable

from simpy.events import NORMAL

from simactors.core.outcome import Failure, Outcome
from simactors.sim.cluster import Link, Process
from simactors.sim.config import NS, Latency, SimConfig
from simactors.sim.distributions import Distribution
from simactors.sim.invocation import Invocation
from simactors.sim.kernel import Kernel
from simactors.sim.nodes import Node
from simactors.sim.rules import Links, Rule
from simactors.sim.work import duration_sampler


class Network:
    """Moves messages through virtual time.

    Args:
        links: the links that certain pairs of nodes have.
        replied: what happens to an invocation when its reply is back at the caller.

    Attributes:
        head: the node that the cluster's own services run on, and the driver.
        barriers: what cuts the cluster into parts, now and then; None if nothing ever does.
    """

    def __init__(
        self, kernel: Kernel, config: SimConfig, links: Links, replied: Callable[[Invocation], None]
    ) -> None:
        latency = config.latency
        self._replied = replied
        self._kernel = kernel
        self._number = kernel.choices.number
        self._push = kernel.push
        self._next_number = kernel.next_number
        self._low_ns = int(latency.low_s * NS)
        # Where the order is explored, all take their least time, and how late they are is the kernel's choice.
        self._offers = kernel.offers
        self._bound = 1 if self._offers else int((latency.high_s - latency.low_s) * NS) + 1
        self._jitter = _jitter(kernel, latency, "latency")
        self._links = links
        self._own: dict[tuple[int, int], Callable[[], int]] = {}
        self._process_start = _start(kernel, "process start", config.process_start)
        self._process_restart = (
            _start(kernel, "process restart", config.process_restart) or self._process_start
        )
        self._connect_ns = round(config.connect_s * NS)
        self._spacing_ns = round(config.process_spacing_s * NS)
        # By node, when it can begin to start another process.
        self._starts_from_ns: dict[int, int] = {}
        self._rules: list[Rule] = []
        self._is_plain = True
        if config.links:
            self.add_rule(links)
        self.head: Node
        self.barriers: Rule | None = None
        self._fails: Callable[[Invocation], bool] | None = None
        self._loses_reply: Callable[[Invocation], bool] | None = None
        self._late_ns: Callable[[Invocation], int] | None = None

    @property
    def replied(self) -> Callable[[Invocation], None]:
        """What happens to an invocation when its reply is back."""
        return self._replied

    def watch_replies(self, told: Callable[[Invocation], None]) -> None:
        """Tell `told` of each reply that is back, before anything else happens to it."""
        seal = self._replied

        def replied(invocation: Invocation) -> None:
            told(invocation)
            seal(invocation)

        self._replied = replied

    def add_rule(self, rule: Rule) -> None:
        """Ask `rule` from now on how late each message is."""
        self._rules.append(rule)
        self._is_plain = False

    def add_barriers(self, barriers: Rule) -> None:
        """As `add_rule`; what is no message, but goes from node to node, asks with `cut_ns`."""
        self.barriers = barriers
        self.add_rule(barriers)

    def break_connections(
        self, fails: Callable[[Invocation], bool], loses_reply: Callable[[Invocation], bool]
    ) -> None:
        """Ask from now on whether a connection breaks.

        Args:
            fails: asked for each call that is sent; if true, it is not sent.
            loses_reply: the same for each reply.
        """
        self._fails, self._loses_reply = fails, loses_reply
        self._is_plain = False

    def delay_calls(self, late_ns: Callable[[Invocation], int]) -> None:
        """Ask from now on how much later each call arrives than it would."""
        self._late_ns = late_ns
        self._is_plain = False

    def tell(
        self,
        answered: Callable[[Invocation, tuple[Outcome, ...]], tuple[Outcome, ...]],
        lost: Callable[[Invocation], None],
    ) -> None:
        """Tell from now on of calls that end.

        Args:
            answered: told what a call is answered with by who ran it; returns what is sent.
            lost: told of each call that nobody answers, or whose answer is lost.
        """
        reply, fail, lose = self.reply, self.fail, self.lose

        def tell_reply(invocation: Invocation, outcomes: tuple[Outcome, ...]) -> None:
            reply(invocation, answered(invocation, outcomes))

        def tell_fail(invocation: Invocation, failure: Failure) -> None:
            lost(invocation)
            fail(invocation, failure)

        def tell_lose(invocation: Invocation, why: Failure, again: Callable[[Invocation], None]) -> None:
            lost(invocation)
            lose(invocation, why, again)

        # Methods of this one object: whoever is told nothing pays nothing.
        self.reply, self.fail, self.lose = tell_reply, tell_fail, tell_lose  # type: ignore[method-assign]

    def cut_ns(self, source: Node, target: Node) -> int:
        """How long nothing gets from one node to another, from now on; 0 if it does."""
        return 0 if self.barriers is None else self.barriers.delay_ns(source, target, self._kernel.now_ns)

    def link(self, process: Process, target: int) -> Link:
        """The connection of `process` to the actor with the id `target`; 0 is the pool of task workers."""
        found = process.links.get(target)
        if found is None:
            found = Link(self._low_ns + self._number("link", self._bound))
            if self._connect_ns and target:  # workers of the pool change all the time
                found.last_ns = self._kernel.now_ns + found.least_ns + self._connect_ns
            process.add_link(target, found)
        return found

    def settle(self, link: Link) -> None:
        """Forget when the latest message arrived, if the next one can't overtake it: that number takes memory."""
        if link.last_ns < self._kernel.now_ns + link.least_ns:
            link.last_ns = 0

    def send(self, link: Link, message: Invocation) -> None:
        """Make `message` ready at the other end; of calls to a plain actor, each after those sent before it."""
        jitter, push, next_number = self._jitter, self._push, self._next_number
        if self._is_plain:
            arrival = self._kernel.now_ns + link.least_ns + jitter()
        else:
            # What is for no process yet, an actor to be made, is for the cluster's own services.
            target = self.head if message.process is None else message.process.node
            arrival = self._kernel.now_ns + self._delay_ns(link, message.caller.node, target)
            if self._late_ns is not None:  # first, as it counts calls that are lost, too
                arrival += self._late_ns(message)
            if self._fails is not None and self._fails(message):
                return
        actor = message.actor
        if actor is not None and not actor.extra.is_ordered and message.process is not None:
            push((arrival, NORMAL, next_number(), message))
            return
        if arrival <= link.last_ns:
            arrival = (
                link.last_ns + 1 if self._offers is None else link.last_ns
            )  # those keep their order anyway
        link.last_ns = arrival
        if self._offers is not None and actor is not None:  # tasks go to workers of their own
            self._offers.push_in_order(link, (arrival, NORMAL, next_number(), message))
            return
        push((arrival, NORMAL, next_number(), message))

    def send_home(self, invocation: Invocation) -> None:
        """Make a call ready back at its caller; its `then` says what for. Keeps no order, see `reply`."""
        link, process = invocation.link, invocation.process
        assert link is not None
        if self._is_plain or process is None:
            delay_ns = link.least_ns + self._jitter()
        else:
            delay_ns = self._delay_ns(link, process.node, invocation.caller.node)
        self._push((self._kernel.now_ns + delay_ns, NORMAL, self._next_number(), invocation))

    def reply(self, invocation: Invocation, outcomes: tuple[Outcome, ...]) -> None:
        """Send the outcomes of a call home. Replies keep no order: nothing in the runtime promises one."""
        link = invocation.link
        assert link is not None
        invocation.reply = outcomes
        invocation.then = self._replied
        if self._is_plain:
            jitter, push, next_number = self._jitter, self._push, self._next_number
            arrival = self._kernel.now_ns + link.least_ns + jitter()
            push((arrival, NORMAL, next_number(), invocation))
        elif self._loses_reply is None or not self._loses_reply(invocation):
            self.send_home(invocation)

    def fail(self, invocation: Invocation, failure: Failure) -> None:
        """Answer a call with the same failure for each of its refs; the cluster itself does, so nothing delays it."""
        link = invocation.link
        assert link is not None
        if invocation.extra is not None and invocation.extra.is_ghost:
            return
        invocation.reply = (failure,) * invocation.num_returns
        invocation.then = self._replied
        invocation.process = None  # whatever becomes of its node now, this answer comes from somewhere else
        arrival = self._kernel.now_ns + link.least_ns + self._jitter()
        self._push((arrival, NORMAL, self._next_number(), invocation))

    def lose(self, invocation: Invocation, why: Failure, again: Callable[[Invocation], None]) -> None:
        """A call was lost with the process or the connection that it needs: fail it, or let its caller make it again.

        Args:
            why: what it is answered with if it may not be made again.
            again: how it is, once the caller has noticed.
        """
        if invocation.retries == 0 or invocation.is_canceled:
            self.fail(invocation, why)
        else:
            invocation.begin_again()
            invocation.process = None
            invocation.then = again
            self.send_home(invocation)

    def notify(self, link: Link, source: Node, target: Node, action: Callable[[], None]) -> None:
        """Run `action` after the time a message takes on `link` between two nodes; keeps no order with the others."""
        delay_ns = link.least_ns + self._jitter() if self._is_plain else self._delay_ns(link, source, target)
        self._kernel.timer(delay_ns, action, kind="notice")

    def start_process(
        self, action: Callable[[], None], asker: Node, node: Node, *, again: bool = False
    ) -> None:
        """Run `action` once a new process has started on `node`, which `asker` asks for it.

        Args:
            again: it takes the place of one that has died.
        """
        delay_ns = self.cut_ns(asker, node)
        start = self._process_restart if again else self._process_start
        if start is not None:
            delay_ns += start()
        if self._spacing_ns:
            delay_ns += self._turn_ns(node)
        if delay_ns:
            self._kernel.timer(delay_ns, action)
        else:
            action()

    def _turn_ns(self, node: Node) -> int:
        """How long it takes until the processes have begun to start that were asked for before."""
        now_ns = self._kernel.now_ns
        turn_ns = max(now_ns, self._starts_from_ns.get(node.id, 0))
        self._starts_from_ns[node.id] = turn_ns + self._spacing_ns
        return turn_ns - now_ns

    def _delay_ns(self, link: Link, source: Node, target: Node) -> int:
        own = self._links.latency(source, target)
        delay_ns = link.least_ns + self._jitter() if own is None else self._own_delay(own, source, target)
        now_ns = self._kernel.now_ns
        for rule in self._rules:
            delay_ns += rule.delay_ns(source, target, now_ns + delay_ns)
        return delay_ns

    def _own_delay(self, latency: Latency, source: Node, target: Node) -> int:
        """How long a message takes between two nodes that have a link of their own."""
        key = source.id, target.id
        sample = self._own.get(key)
        if sample is None:
            bound = 1 if self._offers else int((latency.high_s - latency.low_s) * NS) + 1
            least_ns = int(latency.low_s * NS) + self._number("link", bound)
            jitter = _jitter(self._kernel, latency, f"latency {source.label} {target.label}")
            sample = self._own[key] = lambda: least_ns + jitter()
        return sample()


def _start(kernel: Kernel, label: str, takes: Distribution | None) -> Callable[[], int] | None:
    return None if takes is None else duration_sampler(kernel, label, takes)


def _jitter(kernel: Kernel, latency: Latency, label: str) -> Callable[[], int]:
    """Draws how much longer than its least latency a message takes, in nanoseconds."""
    if kernel.offers is not None:
        least_ns = 0 if latency.extra is None else round(latency.extra.quantile(0.0) * NS)
        return lambda: least_ns
    if latency.extra is not None:
        return duration_sampler(kernel, label, latency.extra)
    return kernel.choices.sampler(label, int(latency.jitter_s * NS) + 1)

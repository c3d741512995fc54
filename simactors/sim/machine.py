"""The parts of one simulation, wired together: who knows whom is decided here and nowhere else.

Decides nothing at run time; `backend.py` forwards to the parts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from simactors import exceptions
from simactors.core.backend import Backend, Settings
from simactors.core.choices import Choices
from simactors.core.fault_plan import FaultPlan
from simactors.sim import standstill
from simactors.sim.actors import Actors
from simactors.sim.calls import Calls
from simactors.sim.cancels import Cancels
from simactors.sim.cluster import Cluster, Process
from simactors.sim.config import NS, Latency, NodeConfig, SimConfig, Slack
from simactors.sim.executor import Executor
from simactors.sim.exports import Exports
from simactors.sim.faults import Faults
from simactors.sim.gaps import Gaps
from simactors.sim.groups import Group, Groups
from simactors.sim.homes import Homes
from simactors.sim.intercept import interrupts, tracing
from simactors.sim.invocation import Invocation, State
from simactors.sim.kernel import Kernel
from simactors.sim.leaving import Leaving
from simactors.sim.membership import Membership
from simactors.sim.memory import Memory
from simactors.sim.naming import Names
from simactors.sim.network import Network
from simactors.sim.nodes import Node, Nodes
from simactors.sim.objects import Objects
from simactors.sim.oversights import Oversights
from simactors.sim.pauses import Pauses
from simactors.sim.placement import Placement
from simactors.sim.points import Points
from simactors.sim.preemption import Preemption
from simactors.sim.rules import Links
from simactors.sim.stores import Stores
from simactors.sim.tasks import Tasks
from simactors.sim.trace import Row, Trace
from simactors.sim.turns import THREAD_START_NS, Turns
from simactors.sim.work import ServiceTimes

# Of latencies with a long tail, a hunt with no delays takes what all but one in a thousand keep to.
_NEARLY_ALL = 0.999


class Machine:
    """All parts of one simulation; the backend that it belongs to has no others.

    Args:
        backend: what processes give as theirs.
        caller: gives the process whose code runs now.
        watch: told of each record of the trace.

    Attributes:
        the_driver: gives the process of the driver, if it is its code that runs now.
    """

    def __init__(
        self,
        backend: Backend,
        choices: Choices,
        config: SimConfig,
        faults: FaultPlan,
        caller: Callable[[], Process],
        watch: Callable[[Row], None] | None,
    ) -> None:
        self.trace = trace = Trace(config.trace_records, watch)
        self.kernel = kernel = _kernel(choices, trace, config)
        self._config = config
        self._is_managed = self._is_empty = False  # by the program, which adds and removes nodes
        self.nodes = nodes = Nodes()
        links = Links(choices, config.links, config.latency)
        self.oversights = oversights = Oversights.of(config.fail_on, kernel, trace)
        self.objects = objects = Objects(kernel, trace, oversights.look if oversights else None)
        self.network = network = Network(kernel, config, links, objects.seal)
        self.cluster = cluster = Cluster(backend)
        self.groups = groups = Groups(nodes, lambda: self.placement.admit(), self._lose_bundle)
        self.placement = placement = Placement(nodes, choices, kernel.soon, groups, kernel.touches)
        self.stores = stores = Stores(kernel, config, links, network.cut_ns, self._recover)
        memory = Memory(config.memory_use, self._kill_for_memory) if config.memory_use else None
        run = Executor(kernel, network, objects, stores, ServiceTimes(kernel, config), memory)
        self.homes = None if config.share_globals else Homes()
        exports = Exports(self.homes)
        self._points = points = Points()
        is_careful = bool(config.has_work or config.memory_use or tracing.collector)
        self._turns = turns = Turns(kernel, trace, network, run, points, is_careful=is_careful)
        self.preemption = Preemption(kernel, trace, config.preemption, lambda: self.driver)
        exports.concurrent = self.preemption.reach
        self.actors = actors = Actors(kernel, trace, cluster, placement, network, run, turns, exports)
        self.tasks = tasks = Tasks(
            kernel, trace, cluster, placement, network, objects, stores, actors, run, exports, points
        )
        self.membership = Membership(
            kernel, trace, nodes, cluster, network, placement, groups, stores, actors, tasks, config
        )
        self.pauses = Pauses(kernel, cluster, actors)
        self.driver = self._boot()
        self.the_driver = driver = kernel.only_in_driver(self.driver)
        gaps = Gaps.of(config, kernel, network, turns.arrive, actors.lost)
        arrive = self._seen_by_oversights(turns.arrive if gaps is None else gaps.arrive)
        self.calls = Calls(
            kernel, trace, cluster, network, objects, actors, tasks, arrive, gaps, exports, caller, driver
        )
        self.cancels = Cancels(kernel, trace, network, placement, tasks, self.calls, gaps)
        self._arm(faults, config, points, turns)

    @property
    def leaving(self) -> Leaving:
        """Ends actors that want to end."""
        return self._turns.leaving

    def _seen_by_oversights(self, arrive: Callable[[Invocation], None]) -> Callable[[Invocation], None]:
        """What happens to a call that reaches its actor, if need be with a look at it before."""
        if self.oversights is None:
            return arrive
        self.oversights.attach(self.driver, self.network, self.actors)
        return self.oversights.arriving(arrive)

    def _boot(self) -> Process:
        """The machines of the config are there, and the driver has started on the first."""
        self.cluster.lost = self._remove_groups
        self.kernel.check_limits = self._check_limits
        self.kernel.check_interrupt = self._check_interrupt
        self.kernel.explain_standstill = lambda: standstill.explain(self.kernel.blocked, self.placement)
        for machine in self._config.machines:
            self.add_node(machine)
        self.network.head = self.nodes.all[0]
        driver = self.cluster.start_process("driver", self.network.head)
        driver.home = None if self.homes is None else self.homes.driver
        return driver

    def _arm(self, plan: FaultPlan, config: SimConfig, points: Points, turns: Turns) -> None:
        faults = Faults(
            self.kernel,
            self.trace,
            self.nodes,
            self.cluster,
            self.network,
            self.membership,
            self.actors,
            self.tasks,
            self.stores,
            self.pauses,
            points,
        )
        self.names = names = Names(self.network.replied, turns.start)
        if self.kernel.offers is not None:
            self.actors.is_ranked = True
            self.kernel.offers.keeps_turns_apart = config.slack is not None and config.slack.keeps_turns_apart
            names.serve(self.kernel.offers)

        def disturb(plan: FaultPlan) -> None:
            turns.is_careful = turns.is_careful or bool(plan.faults)
            faults.arm(plan, config)
            self._name_replies()

        self.disturb = disturb
        disturb(plan)

    def _name_replies(self) -> None:
        """Somebody may have put himself before what happens to replies; some that are under way know nothing of it."""
        if self.network.replied not in self.names.replied:
            self.names.replied = (self.network.replied, *self.names.replied)

    def watch_calls(
        self, begun: Callable[[Invocation], None], answered: Callable[[Invocation], None]
    ) -> None:
        """Tell from now on of each call of an actor that starts, and of each answer that is home."""
        self._points.begun = begun
        self._turns.is_careful = True  # it is only asked there whether anybody is to be told
        self.network.watch_replies(answered)
        self._name_replies()

    def add_node(self, machine: NodeConfig) -> Node:
        """A new machine joins."""
        node = self.membership.join(machine.quantities, machine.labels, machine.zone)
        node.slowness = machine.slowness
        node.offset_ns = round(machine.clock_offset_s * NS)
        node.drift_ppm = machine.clock_drift_ppm
        return node

    def configure(self, settings: Settings) -> None:
        """Give every machine what the program's `init` asks for; what it does not name is as the config says.

        The nodes of a `Cluster` are as they were added, and a machine that has come back is as it was.
        """
        if self._is_managed:
            return
        for node, machine in zip(self.nodes.all, self._config.machines, strict=False):
            wanted = machine.quantities
            if settings.num_cpus is not None:
                wanted["CPU"] = settings.num_cpus
            if settings.num_gpus is not None:
                wanted["GPU"] = settings.num_gpus
            wanted.update(settings.resources)
            for name in dict.fromkeys((*wanted, *node.pool.total)):
                node.pool.resize(name, wanted.get(name, 0))
            node.label_with({**machine.labels, **settings.labels})
        self.placement.admit()

    def clear_nodes(self) -> None:
        """Forget the machines of the config; the driver waits for the next one to join."""
        self.nodes.clear()
        self._is_managed = self._is_empty = True

    def join(self, resources: Mapping[str, float], labels: Mapping[str, str]) -> Node:
        """A machine joins while the program runs; if there is none, it is the head."""
        node = self.membership.join(resources, labels)
        if self._is_empty:
            self._is_empty = False
            self.network.head = node
            self.cluster.move(self.driver, node)
        return node

    def _check_interrupt(self) -> None:
        if interrupts.ends_the_run() and not self.kernel.has_failed:
            raise KeyboardInterrupt

    def _check_limits(self) -> None:
        if self.oversights is not None:
            self.oversights.check_progress()
        if self.objects.ids > self._config.max_tasks:
            raise exceptions.LimitError(
                f"the run reached its limit of {self._config.max_tasks} tasks, calls and objects at "
                f"{self.kernel.now_ns / NS:.6f}s of virtual time"
            )

    def _recover(self, process: Process, lost: State) -> None:
        self.tasks.recovery.recover(process, lost)

    def _kill_for_memory(self, call: Invocation, why: str) -> None:
        if call.actor is None:
            self.tasks.crash(call, why, exceptions.OutOfMemoryError)
        else:
            self.actors.crash(call.actor, why)

    def _remove_groups(self, owner: Process) -> None:
        for group in self.groups.owned_by(owner):
            self.groups.remove(group.id)

    def _lose_bundle(self, group: Group, index: int) -> None:
        self.membership.lose_bundle(group, index)


def _kernel(choices: Choices, trace: Trace, config: SimConfig) -> Kernel:
    return Kernel(
        choices,
        trace,
        max_steps=config.max_steps,
        max_virtual_time_s=config.max_virtual_time_s,
        steps_between_checks=config.max_tasks,
        slack_ns=None if config.slack is None else _slack_ns(config.slack, config.latency),
    )


def _slack_ns(slack: Slack, latency: Latency) -> dict[str, int]:
    """By kinds of steps, see `Offers`."""
    if slack.messages_s is not None:
        messages_s = slack.messages_s
    elif latency.extra is not None:
        messages_s = latency.high_s - latency.low_s + latency.extra.quantile(_NEARLY_ALL)
    else:
        messages_s = latency.high_s - latency.low_s + latency.jitter_s
    return {
        **dict.fromkeys(("call", "create", "reply", "notice"), round(messages_s * NS)),
        "sleep": round(slack.sleeps_s * NS),
        **dict.fromkeys(("resume", "timer"), round(slack.resumes_s * NS)),
        "begin": THREAD_START_NS,
    }

"""Makes a `FaultPlan` happen: timers for what has a time, questions around calls and messages for what has a place.

Not what faults mean to the cluster: crashes, silence and lost calls are carried out by the parts they befall.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from simactors.core.fault_plan import (
    CrashNode,
    CrashProcess,
    Cut,
    DelayCall,
    FailCall,
    Fault,
    FaultPlan,
    JumpClock,
    LoseObject,
    Partition,
    Pause,
    SlowNode,
)
from simactors.sim import aims
from simactors.sim.actors import Actors
from simactors.sim.cluster import Cluster, Process
from simactors.sim.config import NS, SimConfig
from simactors.sim.failing import BrokenConnections, LateCalls
from simactors.sim.invocation import Invocation
from simactors.sim.kernel import Kernel
from simactors.sim.membership import Membership
from simactors.sim.network import Network
from simactors.sim.nodes import Node, Nodes
from simactors.sim.offer import FAULT
from simactors.sim.pauses import Pauses
from simactors.sim.points import Points
from simactors.sim.rules import Barrier, Barriers
from simactors.sim.stores import Stores
from simactors.sim.tasks import Tasks
from simactors.sim.trace import Trace


class _Silence(NamedTuple):
    """The head hears nothing of some nodes between two moments."""

    covers: Callable[[Node], bool]
    from_ns: int
    until_ns: int


class Faults:
    """The faults of one run."""

    def __init__(
        self,
        kernel: Kernel,
        trace: Trace,
        nodes: Nodes,
        cluster: Cluster,
        network: Network,
        membership: Membership,
        actors: Actors,
        tasks: Tasks,
        stores: Stores,
        pauses: Pauses,
        points: Points,
    ) -> None:
        self._kernel = kernel
        self._trace = trace
        self._nodes = nodes
        self._cluster = cluster
        self._network = network
        self._membership = membership
        self._actors = actors
        self._tasks = tasks
        self._stores = stores
        self._points = points
        self._pauses = pauses
        self._silences: list[_Silence] = []
        self._silent: dict[Node, int] = {}  # until when, of those whose silence has begun
        self._slow: dict[Node, list[float]] = {}  # how slow it was at first, and every factor on top

    def arm(self, plan: FaultPlan, config: SimConfig) -> None:
        """Prepare everything that `plan` wants.

        Raises:
            ValueError: a fault aims at what can't be; see `aims.check`.
        """
        if not plan.faults:
            return
        aims.check(plan, config)
        self._actors.is_ranked = True
        self._arm_calls(plan)
        barriers = []
        for fault in plan.faults:
            match fault:
                case CrashProcess(at_s=float() | int() as at_s):
                    self._after(at_s, functools.partial(self._crash_processes, fault))
                case CrashNode():
                    self._after(fault.at_s, functools.partial(self._crash_nodes, fault))
                case Pause():
                    self._arm_pause(fault)
                case SlowNode():
                    self._after(fault.at_s, functools.partial(self._slow_down, fault))
                case Cut() | Partition():
                    barriers.append(self._arm_cut(fault))
                case JumpClock():
                    self._after(fault.at_s, functools.partial(self._set_clocks, fault))
        if barriers:
            self._network.add_barriers(Barriers(barriers))

    def _arm_calls(self, plan: FaultPlan) -> None:
        """Faults that wait for a call or a value."""
        crashes = [f for f in plan.faults if isinstance(f, CrashProcess) and f.at_s is None]
        before = [_Counted(f, f.before_call) for f in crashes if f.before_call is not None]
        after = [_Counted(f, f.after_call) for f in crashes if f.after_call is not None]
        if before:
            self._points.before = functools.partial(self._crash_at_call, before, "before")
        if after:
            self._points.after = functools.partial(self._crash_at_call, after, "after")
        replied = [_Counted(f, f.on_reply) for f in crashes if f.on_reply is not None]
        if replied:
            self._network.watch_replies(functools.partial(self._crash_at_reply, replied))
        failing = [f for f in plan.faults if isinstance(f, FailCall)]
        if failing:
            broken = BrokenConnections(
                self._kernel, self._trace, self._network, self._actors, self._tasks, failing
            )
            self._network.break_connections(broken.fails, broken.loses_reply)
        delaying = [f for f in plan.faults if isinstance(f, DelayCall)]
        if delaying:
            self._network.delay_calls(LateCalls(self._kernel, self._trace, delaying).late_ns)
        losing = [_Counted(f, f.nth) for f in plan.faults if isinstance(f, LoseObject)]
        if losing:
            self._stores.loses = functools.partial(self._loses, losing)

    def _after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do something so many seconds from now on; plans are armed when nothing has happened yet."""
        self._kernel.timer(round(delay_s * NS), action, what=FAULT)

    def _note(self, where: str, what: str, *faults: Fault, for_s: float | None = None) -> None:
        """Faults strike.

        Args:
            for_s: how long that lasts; None for what is never over, or happens at once.
        """
        end_ns = None if for_s is None else self._kernel.now_ns + round(for_s * NS)
        self._trace.meet((self._kernel.now_ns, "fault", 0, where, what), end_ns, faults)

    def _note_end(self, where: str, what: str) -> None:
        self._trace.add((self._kernel.now_ns, "fault", 0, where, what))

    # Processes that end

    def _crash_processes(self, fault: CrashProcess) -> None:
        for process in self._cluster.processes:
            if aims.means(fault.process, process) and aims.is_there(process):
                self._note(process.label, "its process crashes", fault)
                self._membership.end_process(process, "its process crashed")

    def _crash_at_call(self, counted: list[_Counted], when: str, invocation: Invocation) -> bool:
        """See `Points`."""
        process = invocation.process
        if process is None or self._kernel.closing:
            return False
        return self._crash_if_hit(counted, process, f"{when} {invocation.label}", invocation)

    def _crash_at_reply(self, counted: list[_Counted], invocation: Invocation) -> None:
        """An answer has come back to its caller."""
        if not self._kernel.closing:
            what = f"at the answer to {invocation.label}"
            self._crash_if_hit(counted, invocation.caller, what, invocation)

    def _crash_if_hit(
        self, counted: list[_Counted], process: Process, when: str, invocation: Invocation
    ) -> bool:
        for number, count in enumerate(counted):
            if fnmatchcase(invocation.label, count.fault.call) and aims.means(count.fault.process, process):
                self._kernel.touches(f"fault {when.partition(' ')[0]} {number}")
        fitting = [
            count
            for count in counted
            if fnmatchcase(invocation.label, count.fault.call) and aims.means(count.fault.process, process)
        ]
        hits = [count.fault for count in fitting if count.is_it()]
        if not hits:
            return False
        self._note(process.label, f"its process crashes {when}", *hits)
        self._membership.end_process(process, f"its process crashed {when}")
        return True

    # Nodes

    def _crash_nodes(self, fault: CrashNode) -> None:
        for node in self._nodes.matching(fault.node):
            if node.up and node is not self._network.head:
                self._note(node.label, "the machine stops", fault, for_s=fault.back_after_s)
                self._membership.crash(node)
                if fault.back_after_s is not None:
                    self._after(fault.back_after_s, functools.partial(self._come_back, node))

    def _come_back(self, old: Node) -> None:
        self._note_end(old.label, "its machine comes back, as a new node")
        node = self._membership.replace(old)
        node.slowness = self._slow.get(old, [old.slowness])[0]
        node.offset_ns, node.drift_ppm = old.offset_ns, old.drift_ppm

    def _slow_down(self, fault: SlowNode) -> None:
        for node in self._nodes.matching(fault.node):
            self._note(node.label, f"works {fault.factor:g} times as long", fault, for_s=fault.for_s)
            self._slow.setdefault(node, [node.slowness]).append(fault.factor)
            self._set_speed(node)
            if fault.for_s is not None:
                self._after(fault.for_s, functools.partial(self._speed_up, node, fault.factor))

    def _speed_up(self, node: Node, factor: float) -> None:
        self._note_end(node.label, f"no longer works {factor:g} times as long")
        factors = self._slow[node]
        del factors[factors.index(factor, 1)]
        self._set_speed(node)

    def _set_speed(self, node: Node) -> None:
        if node.cores is not None:
            node.cores.settle()
        node.slowness = functools.reduce(float.__mul__, map(float, self._slow[node]))
        if node.cores is not None:
            node.cores.arrange()

    def _set_clocks(self, fault: JumpClock) -> None:
        for node in self._nodes.matching(fault.node):
            self._note(node.label, f"its clock is set by {fault.by_s:+g}s", fault)
            node.offset_ns += round(fault.by_s * NS)

    # What stands still, or is cut off

    def _arm_pause(self, fault: Pause) -> None:
        self._after(fault.at_s, functools.partial(self._pause, fault))
        if fault.node is not None:
            pattern = fault.node
            self._fall_silent(fault, lambda node: node.matches(pattern))

    def _pause(self, fault: Pause) -> None:
        go_on: list[Callable[[], None]] = []
        if fault.node is not None:
            for node in self._nodes.matching(fault.node):
                if node.up:
                    self._note(node.label, "the machine stands still", fault, for_s=fault.for_s)
                    go_on.append(self._pauses.hold_node(node))
        else:
            assert fault.process is not None
            for process in self._cluster.processes:
                if aims.means(fault.process, process) and aims.is_there(process):
                    self._note(process.label, "its process stands still", fault, for_s=fault.for_s)
                    go_on.append(self._pauses.hold(process))
        for action in go_on:
            self._after(fault.for_s, action)

    def _arm_cut(self, fault: Cut | Partition) -> Barrier:
        stops = _stops_of(fault)
        begins = functools.partial(self._note, "network", _told(fault), fault, for_s=fault.for_s)
        self._after(fault.at_s, begins)
        healed = functools.partial(self._note_end, "network", f"healed: {_told(fault)}")
        self._after(fault.at_s + fault.for_s, healed)
        self._fall_silent(fault, lambda node: not self._hears(node, stops))
        return Barrier(stops, round(fault.at_s * NS), round((fault.at_s + fault.for_s) * NS))

    def _hears(self, node: Node, stops: Callable[[Node, Node], bool]) -> bool:
        """Whether the head can ask a node, and hear its answer."""
        head = self._network.head
        return node is head or not (stops(node, head) or stops(head, node))

    def _fall_silent(self, fault: Pause | Cut | Partition, covers: Callable[[Node], bool]) -> None:
        from_ns, until_ns = round(fault.at_s * NS), round((fault.at_s + fault.for_s) * NS)
        self._silences.append(_Silence(covers, from_ns, until_ns))
        self._after(fault.at_s, self._look_for_silence)

    def _look_for_silence(self) -> None:
        """Something that keeps nodes silent has begun: several in a row may add up to a long silence."""
        for node in list(self._nodes.alive):
            if node is self._network.head or not node.up:
                continue
            until_ns = self._silent_until(node)
            now_ns = self._kernel.now_ns
            if until_ns > now_ns and self._silent.get(node, -1) <= now_ns:
                self._silent[node] = until_ns
                self._membership.silent(node, until_ns - now_ns)

    def _silent_until(self, node: Node) -> int:
        until_ns = self._kernel.now_ns
        while True:
            ends = [
                s.until_ns for s in self._silences if s.from_ns <= until_ns < s.until_ns and s.covers(node)
            ]
            if not ends:
                return until_ns
            until_ns = max(ends)

    # Objects

    def _loses(self, counted: list[_Counted], label: str) -> bool:
        """See `Stores.loses`."""
        fitting = [count for count in counted if fnmatchcase(label, count.fault.of)]
        hits = [count.fault for count in fitting if count.is_it()]
        if hits:
            self._note("store", f"every copy of a value of {label} is lost", *hits)
        return bool(hits)


class _Counted:
    """A fault that befalls the n-th of something."""

    def __init__(self, fault: CrashProcess | LoseObject, nth: int) -> None:
        self.fault: Any = fault
        self._left = nth

    def is_it(self) -> bool:
        """Count one more."""
        self._left -= 1
        return self._left == 0


def _stops_of(fault: Cut | Partition) -> Callable[[Node, Node], bool]:
    if isinstance(fault, Partition):
        group_of = fault.group_of
        return lambda source, target: group_of(source.matches) != group_of(target.matches)

    def stops(source: Node, target: Node) -> bool:
        one_way = source.matches(fault.source) and target.matches(fault.target)
        return one_way or (fault.both_ways and source.matches(fault.target) and target.matches(fault.source))

    return stops


def _told(fault: Cut | Partition) -> str:
    if isinstance(fault, Cut):
        return f"{fault.source} {'<->' if fault.both_ways else '->'} {fault.target} is cut"
    return "partition " + " | ".join(", ".join(group) for group in fault.groups)

"""Nodes that join, fall silent, are declared dead: what the cluster does about its machines.

Not why they fail (`faults.py`, or a program that removes one).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from simactors.core.resources import quantities_of
from simactors.exceptions import NodeDiedError, RayError, WorkerCrashedError
from simactors.sim.actors import Actors
from simactors.sim.answers import unavailable
from simactors.sim.cluster import Cluster, Process
from simactors.sim.config import NS, SimConfig
from simactors.sim.groups import Group, Groups
from simactors.sim.invocation import OWNER_DIED, Invocation
from simactors.sim.kernel import Kernel
from simactors.sim.network import Network
from simactors.sim.nodes import Node, Nodes
from simactors.sim.placement import Placement
from simactors.sim.stores import Stores
from simactors.sim.tasks import Tasks
from simactors.sim.trace import Trace

_NOTICE_NS = 1_000_000  # a node that leaves says so


class Membership:
    """Which machines are part of the cluster.

    Args:
        config: says after how much silence a node is declared dead.
    """

    def __init__(
        self,
        kernel: Kernel,
        trace: Trace,
        nodes: Nodes,
        cluster: Cluster,
        network: Network,
        placement: Placement,
        groups: Groups,
        stores: Stores,
        actors: Actors,
        tasks: Tasks,
        config: SimConfig,
    ) -> None:
        self._kernel = kernel
        self._trace_add, self._meet = trace.add, trace.meet
        self._nodes = nodes
        self._cluster = cluster
        self._network = network
        self._placement = placement
        self._groups = groups
        self._stores = stores
        self._actors = actors
        self._tasks = tasks
        self._detection_ns = int(config.detection_s * NS)

    def join(self, quantities: Mapping[str, float], labels: Mapping[str, str], zone: str = "") -> Node:
        """A new node, ready for work."""
        node = self._nodes.add(quantities, labels, zone)
        self._trace_add((self._kernel.now_ns, "join", node.id, node.label, ""))
        self._placement.admit()
        return node

    def replace(self, old: Node) -> Node:
        """A machine comes back, empty: as a new node of the same kind."""
        labels = {key: value for key, value in old.labels.items() if key != "ray.io/node-id"}
        return self.join(quantities_of(old.pool.total.items()), labels, old.zone)

    def leave(self, node: Node) -> None:
        """A node is taken away; it says so, so that it is known at once."""
        self._stop(node)
        self._kernel.timer(_NOTICE_NS, functools.partial(self.declare_dead, node, "it was removed"))

    def crash(self, node: Node) -> None:
        """A machine stops; that is noticed when nothing was heard of it for a while."""
        if node.up:
            self._stop(node)
            why = "nothing is heard of it any more"
            self._kernel.timer(self._detection_ns, functools.partial(self.declare_dead, node, why))

    def silent(self, node: Node, for_ns: int) -> None:
        """The head hears nothing of a node that runs on; if that takes too long, it is declared dead."""
        if for_ns <= self._detection_ns:
            return
        why = "nothing is heard of it any more"
        self._kernel.timer(self._detection_ns, functools.partial(self.declare_dead, node, why))
        self._kernel.timer(for_ns, functools.partial(self._hears_of_its_death, node))

    def declare_dead(self, node: Node, why: str) -> None:
        """From now on everybody takes a node for dead, and does without it."""
        if (
            node not in self._nodes.alive
        ):  # it was before, or the program has begun with another cluster meanwhile
            return
        self._nodes.declare_dead(node)
        self._meet((self._kernel.now_ns, "lose", node.id, node.label, why))
        processes = self._cluster.processes_on(node)
        in_flight = [
            message
            for message in self._kernel.take_off(_goes_through(processes))
            if message.process.task is not message  # else it is lost together with its worker
        ]
        self._stores.node_died(node)
        self._placement.forget(lambda grant: grant.node is node)
        for process in processes:
            self._lose(process, f"its node has died: {node.label}, {why}", NodeDiedError, disowned=node.up)
        for invocation in in_flight:
            self._lose_message(invocation)
        self._groups.node_died(node)

    def end_process(self, process: Process, why: str) -> None:
        """A process ends without a word."""
        if not process.gone:
            self._lose(process, why, disowned=False)
        elif not process.dead:
            self._end_disowned(process)

    def lose_bundle(self, group: Group, index: int) -> None:
        """A bundle's reservation is gone: what runs in it ends."""
        lost = [g for g in self._placement.held if g.bundle == (group.id, index)]
        for grant in lost:
            self._placement.forget(lambda other, grant=grant: other is grant)  # type: ignore[misc]  # a default
            process = grant.holder.process
            if process is not None and not process.gone:
                self._lose(process, "its placement group was removed", disowned=False)
        self._placement.refuse_group(group.id)

    def _stop(self, node: Node) -> None:
        node.up, node.halted = False, True
        self._trace_add((self._kernel.now_ns, "crash", node.id, node.label, ""))
        for process in self._cluster.processes_on(node):
            process.halted = process.dead = True
            if process.actor is not None:
                self._actors.pause(process.actor)
        if node.cores is not None:
            for process in self._cluster.processes_on(node):
                node.cores.drop(process)

    def _lose(
        self,
        process: Process,
        why: str,
        error: type[RayError] = WorkerCrashedError,
        *,
        disowned: bool,
    ) -> None:
        if process.actor is not None:
            if process.actor.process is process:
                self._actors.crash(process.actor, why, disowned=disowned)
        elif process.task is not None:
            self._tasks.crash(process.task, why, error, disowned=disowned)
        else:
            self._tasks.end_worker(process, disowned=disowned)

    def _lose_message(self, invocation: Invocation) -> None:
        """A call or its answer was on its way to or from a node that is dead now."""
        actor = invocation.actor
        if invocation.caller.gone:
            self._network.fail(invocation, OWNER_DIED)  # for others who have its ref
        elif actor is None:
            self._tasks.lose_answer(invocation, NodeDiedError, "the node it was running on is dead")
        elif invocation.function is None:
            return  # the actor itself is lost, and placed again
        elif actor.death is not None:
            self._network.fail(invocation, actor.death)
        else:
            self._actors.lost(invocation, unavailable(actor, "its node died"))

    def _hears_of_its_death(self, node: Node) -> None:
        """A node that was declared dead is in touch again: what runs on it ends."""
        if node.alive:
            return
        node.up, node.halted = False, True
        self._trace_add((self._kernel.now_ns, "crash", node.id, node.label, "it was declared dead meanwhile"))
        for process in self._cluster.processes_on(node):
            self._end_disowned(process)

    def _end_disowned(self, process: Process) -> None:
        """A process that was taken for dead has heard of it, or has ended by itself."""
        self._tasks.end_worker(process, disowned=False)
        self._tasks.give_up_cut_off()


def _goes_through(processes: list[Process]) -> Callable[[object], bool]:
    """Whether an event is a call to one of `processes`, or its answer."""
    lost = dict.fromkeys(processes)
    return lambda event: isinstance(event, Invocation) and event.process in lost

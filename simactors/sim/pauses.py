"""Processes and nodes that stand still for a while: no step of their code runs, what comes up meanwhile waits.

Not why (`faults.py`), nor what others make of their silence (`membership.py`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from simactors.sim.actors import Actors
from simactors.sim.cluster import Cluster, Process
from simactors.sim.kernel import Kernel
from simactors.sim.nodes import Node


class Pauses:
    """Who stands still in one run.

    Invariant: a living process is halted as long as it, or its node, is held at least once.
    """

    def __init__(self, kernel: Kernel, cluster: Cluster, actors: Actors) -> None:
        self._kernel = kernel
        self._cluster = cluster
        self._actors = actors
        self._held: dict[Process | Node, int] = {}  # how many times

    def hold(self, process: Process) -> Callable[[], None]:
        """Stop a process; returns what lets it go on."""
        self._count(process, 1)
        self._stop(process)
        return functools.partial(self._let_go, process)

    def hold_node(self, node: Node) -> Callable[[], None]:
        """Stop all processes of a node, and those that come to it; returns what lets them go on."""
        self._count(node, 1)
        node.halted = True
        for process in self._cluster.processes_on(node):
            self._stop(process)
        return functools.partial(self._let_node_go, node)

    def _let_go(self, process: Process) -> None:
        self._count(process, -1)
        self._go_on(process)

    def _let_node_go(self, node: Node) -> None:
        if not self._count(node, -1) and node.up:
            node.halted = False
            for process in self._cluster.processes_on(node):
                self._go_on(process)

    def _count(self, who: Process | Node, change: int) -> int:
        count = self._held[who] = self._held.get(who, 0) + change
        return count

    def _stop(self, process: Process) -> None:
        if process.dead:
            return
        process.halted = True
        if process.actor is not None and process.actor.process is process:
            self._actors.pause(process.actor)
        if process.node.cores is not None:
            process.node.cores.stop(process)

    def _go_on(self, process: Process) -> None:
        if process.dead or self._held.get(process) or process.node.halted:
            return
        process.halted = False
        self._kernel.ready.extend(process.unpark())
        if process.node.cores is not None:
            process.node.cores.go_on(process)
        if process.actor is not None and process.actor.process is process:
            self._actors.resume(process.actor)

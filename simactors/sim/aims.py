"""Which processes and nodes the names in a fault plan mean, and which plans can mean nothing.

Only names: what happens to what is found is up to `faults.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from simactors.core.fault_plan import (
    CrashNode,
    CrashProcess,
    Cut,
    Fault,
    FaultPlan,
    JumpClock,
    Partition,
    Pause,
    SlowNode,
)
from simactors.sim.cluster import Process
from simactors.sim.config import SimConfig
from simactors.sim.nodes import is_meant

DRIVER = "driver"


def means(pattern: str, process: Process) -> bool:
    """Whether `pattern` means a process: by its label, its actor's class, rank or name, or the task that runs in it.

    The driver only if it is named.
    """
    if process.label == DRIVER:
        return pattern == DRIVER
    return any(fnmatchcase(name, pattern) for name in _names(process))


def _names(process: Process) -> list[str]:
    names = [process.label]
    actor = process.actor
    if actor is not None and actor.process is process:
        class_name = actor.cls.interface.class_name
        names += [class_name, f"{class_name}#{actor.extra.rank}"]
        if actor.extra.name is not None:
            names.append(actor.extra.name[1])
    if process.task is not None:
        names.append(process.task.label)
    return names


def is_there(process: Process) -> bool:
    """Whether a process has begun; an actor that waits for a place is none yet."""
    return not process.dead and (process.actor is None or process.grant is not None)


class _Machine(NamedTuple):
    """A node that there will be."""

    name: str
    zone: str

    def matches(self, pattern: str) -> bool:
        """As `Node.matches`."""
        return is_meant(pattern, self.name, self.zone)

    def __str__(self) -> str:
        return f"{self.name} (zone {self.zone})" if self.zone else self.name


def check(plan: FaultPlan, config: SimConfig) -> None:
    """Refuse faults that aim at what can't be.

    Raises:
        ValueError: see `problems`.
    """
    for _, problem in problems(plan, config):
        raise ValueError(problem)


def problems(plan: FaultPlan, config: SimConfig) -> Iterator[tuple[int, str]]:
    """The faults that aim at what can't be, by their number in the plan, each with why.

    Nodes that a program adds by itself are unknown here: a plan can name them only if the config has as many.
    """
    machines = [_Machine(f"node-{i}", m.zone) for i, m in enumerate(config.machines, 1)]
    head, returns = machines[0], []
    for fault in plan.faults:
        if isinstance(fault, CrashNode) and fault.back_after_s is not None:
            returns += [m for m in machines if m.matches(fault.node) and m is not head]
    for number, machine in enumerate(returns, len(machines) + 1):
        machines.append(_Machine(f"node-{number}", machine.zone))
    nodes = ", ".join(map(str, machines))
    for index, fault in enumerate(plan.faults):
        problem = _problem(fault, machines)
        if problem:
            yield index, f"{fault} {problem}. The nodes: {nodes}; the first is the head."


def _problem(fault: Fault, machines: Sequence[_Machine]) -> str:
    """What is wrong with a fault, as the end of a sentence; empty if nothing is."""
    for pattern in _node_patterns(fault):
        if not any(machine.matches(pattern) for machine in machines):
            return f"names no node or zone of this cluster: {pattern!r}"
    if isinstance(fault, CrashNode) and [m for m in machines if m.matches(fault.node)] == [machines[0]]:
        return "can't be: without the head, where the driver runs, there is no cluster"
    if isinstance(fault, CrashProcess) and fault.process == DRIVER:
        return "can't be: the driver is the program itself"
    if isinstance(fault, Cut) and not _divides(fault, machines):
        return "cuts nothing: no node is ever cut off from itself"
    if isinstance(fault, Partition) and len({fault.group_of(m.matches) for m in machines}) < 2:
        return "divides nothing: all nodes are in one group"
    return ""


def _node_patterns(fault: Fault) -> list[str]:
    if isinstance(fault, Cut):
        return [fault.source, fault.target]
    if isinstance(fault, Partition):
        return [name for group in fault.groups for name in group]
    if isinstance(fault, CrashNode | JumpClock | SlowNode):
        return [fault.node]
    if isinstance(fault, Pause) and fault.node is not None:
        return [fault.node]
    return []


def _divides(fault: Cut, machines: Sequence[_Machine]) -> bool:
    return any(
        a is not b and a.matches(fault.source) and b.matches(fault.target) for a in machines for b in machines
    )

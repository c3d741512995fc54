"""Simulated processes and the node they run on: identity, links, CPUs.

Not their behaviour: actors live in `actors.py`, calls in `calls.py`.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from simactors.core.backend import Backend

# Beyond the largest pid a Linux kernel gives, so that no simulated pid ever names a real process.
_FIRST_PID = 5_000_000


# Most actors never call anybody: none of them needs a dictionary of its own for that.
_NO_LINKS: Mapping[int, Link] = MappingProxyType({})


class Link:
    """The connection of one process to one actor (or to the pool of task workers).

    Invariant: messages sent with `Network.send` on one link arrive in the order in which they were sent.

    Attributes:
        least_ns: the shortest time a message takes.
        last_ns: when the latest message so far arrives.
        held: messages that wait at the sender, because the first of them needs something; None while there are none.
        pending: calls not answered yet, kept only for an actor that limits them.
        closed: the sender knows that nobody is at the other end any more.
    """

    __slots__ = ("closed", "held", "last_ns", "least_ns", "pending")

    def __init__(self, least_ns: int) -> None:
        self.least_ns = least_ns
        self.last_ns = 0
        self.held: deque[Any] | None = None
        self.pending: list[Any] | None = None
        self.closed = False


class Process:
    """One simulated operating system process.

    Attributes:
        label: what traces call it: ``driver``, ``actor-3``, ``worker-7``.
        pid: simulated; unique in the run.
        links: its connections, by the id of the actor at the other end (0: the pool of task workers).
        children: the actors that must end when this process ends, oldest first.
        actor: the actor it was started for, if any.
        task: the task that runs in it, if any.
        cpus: what its running task holds, and lends to others while it waits.

    It is also what `core.current.running` holds while its code runs.
    """

    __slots__ = ("actor", "backend", "children", "cpus", "dead", "label", "links", "pid", "task")

    def __init__(self, backend: Backend, label: str, pid: int) -> None:
        self.backend = backend
        self.label = label
        self.pid = pid
        self.dead = False
        self.actor: Any = None
        self.task: Any = None
        self.cpus = 0.0
        self.links: Mapping[int, Link] = _NO_LINKS
        self.children: dict[Any, None] | None = None

    def add_link(self, target: int, link: Link) -> None:
        """Remember the connection to the actor with the id `target`."""
        links: Any = self.links
        if links is _NO_LINKS:
            self.links = links = {}
        links[target] = link

    @property
    def where(self) -> str:
        """How errors name it."""
        return f"pid={self.pid}, {self.label}"


class Cluster:
    """The processes of one run and the CPUs they share.

    Args:
        soon: runs an action as a step of its own; who is admitted may run user code, and that must not happen in the
            middle of whatever freed the CPUs.

    Invariant: `free_cpus` is the node's CPUs minus those of every admitted claim; it is negative only while code
    that blocked in `get` has come back to CPUs that were lent to others meanwhile, as on Ray.
    """

    def __init__(self, backend: Backend, num_cpus: float, soon: Callable[[Callable[[], None]], None]) -> None:
        self._backend = backend
        self._soon = soon
        self._started = 0
        self._processes: dict[int, Process] = {}
        self.num_cpus = num_cpus
        self.free_cpus = num_cpus
        self._queue: deque[tuple[float, Callable[[], None]]] = deque()
        self._infeasible: list[tuple[float, Callable[[], None]]] = []

    def resize(self, num_cpus: float) -> None:
        """Give the node another number of CPUs."""
        self.free_cpus += num_cpus - self.num_cpus
        self.num_cpus = num_cpus
        waiting, self._infeasible = self._infeasible, []
        for cpus, admitted in waiting:
            self.claim(cpus, admitted)
        self._admit()

    def start_process(self, label: str) -> Process:
        """A new process."""
        pid = _FIRST_PID + self._started
        self._started += 1
        process = self._processes[pid] = Process(self._backend, label, pid)
        return process

    def process(self, pid: int) -> Process | None:
        """The living process with that simulated pid; None if the pid was never given.

        Raises:
            ProcessLookupError: it has ended.
        """
        if not _FIRST_PID <= pid < _FIRST_PID + self._started:
            return None
        found = self._processes.get(pid)
        if found is None:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        return found

    def end_process(self, process: Process) -> None:
        """The process is no more: its code never goes on, its pid names nothing."""
        process.dead = True
        self._processes.pop(process.pid, None)

    def retire(self, process: Process) -> None:
        """A task's process is done: it lives on in the pool, where nothing runs that could be told by its pid."""
        self._processes.pop(process.pid, None)

    def claim(self, cpus: float, admitted: Callable[[], None]) -> None:
        """Run `admitted` soon after `cpus` are free and everybody before has got theirs.

        A claim larger than the node waits for ever, as on Ray; it does not hold back those behind it.
        """
        if cpus > self.num_cpus:
            self._infeasible.append((cpus, admitted))
        else:
            self._queue.append((cpus, admitted))
            self._admit()

    def release(self, cpus: float) -> None:
        """Give CPUs back."""
        self.free_cpus += cpus
        self._admit()

    def take_back(self, cpus: float) -> None:
        """Take CPUs again after lending them while blocked; does not wait."""
        self.free_cpus -= cpus

    def _admit(self) -> None:
        while self._queue and self._queue[0][0] <= self.free_cpus:
            cpus, admitted = self._queue.popleft()
            self.free_cpus -= cpus
            self._soon(admitted)

"""Simulated processes and what connects them: identity, links, where they run.

Not their behaviour: actors live in `actors.py`, tasks in `tasks.py`.
"""

from __future__ import annotations

import contextvars
import errno
import os
from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from simactors.core.backend import Backend
from simactors.core.current import running
from simactors.core.environments import Variables
from simactors.sim.nodes import Node

# Beyond the largest pid a Linux kernel gives, so that no simulated pid ever names a real process.
_FIRST_PID = 5_000_000


# Most actors never call anybody: none of them needs a dictionary of its own for that.
_NO_LINKS: Mapping[int, Link] = MappingProxyType({})
_NOTHING: list[Any] = []


class Link:
    """The connection of one process to one actor (or to the pool of task workers).

    Invariant: messages sent with `Network.send` on one link arrive in the order in which they were sent.

    Attributes:
        least_ns: the shortest time a message takes.
        last_ns: when the latest message so far arrives.
        held: messages that wait at the sender, because the first of them needs something; None while there are none.
        pending: calls not answered yet, kept only for an actor that limits them.
        closed: the sender knows that nobody is at the other end any more.
        child: the actor at the other end, as long as it lives, if it must end together with the process.
    """

    __slots__ = ("child", "closed", "held", "last_ns", "least_ns", "pending")

    def __init__(self, least_ns: int) -> None:
        self.least_ns = least_ns
        self.last_ns = 0
        self.held: deque[Any] | None = None
        self.pending: list[Any] | None = None
        self.closed = False
        self.child: Any = None


class Inside:
    """What a process has of its own besides the user's objects; most actors never need any of it.

    Attributes:
        home: its copies of the user's code, see `homes.py`.
        private: what the standard library keeps for it, see `privates.py`.
        threads: see `threads.py`.
        served: how many tasks it has run.
        has_put: it has put objects, which it owns.
        variables: what `runtime_env` has added to its environment.
    """

    __slots__ = ("has_put", "home", "private", "served", "threads", "variables")

    def __init__(self) -> None:
        self.home: Any = None
        self.private: Any = None
        self.threads: Any = None
        self.served = 0
        self.has_put = False
        self.variables: Variables = ()


_BARE = Inside()
"""That of all processes that have nothing yet; never changed."""


class Process:
    """One simulated operating system process.

    Invariant: `dead` or a pause implies `halted`; whoever is not `dead` may run again.

    Attributes:
        known_label: its `label`, or None for an actor's that nobody has asked for lately.
        pid: simulated; unique in the run.
        node: where it runs.
        halted: no step of its code may run now.
        gone: the cluster counts it as dead: what it still does is nobody's answer. It may run on behind a partition.
        dead: it has ended: its code never goes on.
        parked: steps that came up while it was paused.
        links: its connections, by the id of the actor at the other end (0: the pool of task workers).
        actor: the actor it was started for, if any.
        task: the task that runs in it, if any.
        grant: the resources that it, or the task in it, holds.
        inside: what its code has come to need. Read through the properties of the same names, which also set it.

    It is also what `core.current.running` holds while its code runs.
    """

    __slots__ = (
        "actor",
        "backend",
        "dead",
        "gone",
        "grant",
        "halted",
        "inside",
        "known_label",
        "links",
        "node",
        "parked",
        "pid",
        "task",
    )

    def __init__(self, backend: Backend, label: str | None, pid: int, node: Node) -> None:
        self.backend = backend
        self.known_label = label
        self.pid = pid
        self.node = node
        self.halted = False
        self.gone = False
        self.dead = False
        self.parked: list[Any] = _NOTHING
        self.actor: Any = None
        self.task: Any = None
        self.grant: Any = None
        self.links: Mapping[int, Link] = _NO_LINKS
        self.inside = _BARE

    @property
    def home(self) -> Any:
        """See `Inside`."""
        return self.inside.home

    @home.setter
    def home(self, home: Any) -> None:
        self._own_inside().home = home

    @property
    def private(self) -> Any:
        """See `Inside`."""
        return self.inside.private

    @private.setter
    def private(self, private: Any) -> None:
        self._own_inside().private = private

    @property
    def threads(self) -> Any:
        """See `Inside`."""
        return self.inside.threads

    @threads.setter
    def threads(self, threads: Any) -> None:
        self._own_inside().threads = threads

    @property
    def variables(self) -> Variables:
        """See `Inside`."""
        return self.inside.variables

    @variables.setter
    def variables(self, variables: Variables) -> None:
        if variables != self.inside.variables:  # nearly all have none
            self._own_inside().variables = variables

    def has_served(self) -> int:
        """It has run one more task; returns how many."""
        inside = self._own_inside()
        inside.served += 1
        return inside.served

    def puts(self) -> None:
        """It has put an object."""
        self._own_inside().has_put = True

    @property
    def may_own(self) -> bool:
        """Whether there may be objects or actors that end with it: it has called or put something."""
        return bool(self.links) or self.inside.has_put

    def _own_inside(self) -> Inside:
        if self.inside is _BARE:
            self.inside = Inside()
        return self.inside

    @property
    def label(self) -> str:
        """What traces call it: ``driver``, ``actor-3``, ``worker-7``.

        An actor that does nothing keeps none, for most do nothing for long. Who asks for every call asks for
        `known_label` first, which takes no frame.
        """
        if self.known_label is None:
            self.known_label = f"actor-{self.actor.id}"
        return self.known_label

    @property
    def children(self) -> list[Any]:
        """The actors that must end when this process ends, oldest first: it was connected to each when it made it."""
        return [link.child for link in self.links.values() if link.child is not None]

    def add_link(self, target: int, link: Link) -> None:
        """Remember the connection to the actor with the id `target`."""
        links: Any = self.links
        if links is _NO_LINKS:
            self.links = links = {}
        links[target] = link

    def park(self, step: Any) -> None:
        """Keep a step until the process goes on; what comes up for a dead one is dropped."""
        if self.dead:
            return
        if self.parked is _NOTHING:
            self.parked = []
        self.parked.append(step)

    def unpark(self) -> list[Any]:
        """The steps that were parked."""
        steps, self.parked = self.parked, _NOTHING
        return list(steps)

    @property
    def where(self) -> str:
        """How errors name it."""
        return f"pid={self.pid}, {self.label}"


def context_of(process: Process) -> contextvars.Context:
    """A context for code of `process`: of all context variables, only who is running is set."""
    context = contextvars.Context()
    context.run(running.set, process)
    return context


class ProcessEnded(BaseException):
    """The process of the running code has just been ended: nothing of it goes on."""


class Cluster:
    """The processes of one run.

    Attributes:
        lost: called with each process as soon as the cluster counts it as dead.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.lost: Callable[[Process], None] = lambda _: None
        # By pid, from the first; a list and not a dictionary, and none for each node: there may be 100,000.
        self._processes: list[Process | None] = []

    def start_process(self, label: str | None, node: Node) -> Process:
        """A new process on `node`; one without a label is an actor's."""
        process = Process(self._backend, label, _FIRST_PID + len(self._processes), node)
        self._processes.append(process)
        process.halted, process.dead = node.halted, not node.up  # a node may be down before anybody knows
        return process

    def move(self, process: Process, node: Node) -> None:
        """A process that has not begun was placed elsewhere than it was thought to be."""
        if process.node is not node:
            process.node = node
            process.halted, process.dead = node.halted, not node.up

    def process(self, pid: int) -> Process | None:
        """The living process with that simulated pid; None if the pid was never given.

        Raises:
            ProcessLookupError: it has ended.
        """
        if not _FIRST_PID <= pid < _FIRST_PID + len(self._processes):
            return None
        found = self._processes[pid - _FIRST_PID]
        if found is None:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        return found

    @property
    def processes(self) -> list[Process]:
        """Those that have not ended, the oldest first."""
        return [process for process in self._processes if process is not None]

    def processes_on(self, node: Node) -> list[Process]:
        """Those of `processes` that are on `node`."""
        return [process for process in self.processes if process.node is node]

    def end_process(self, process: Process) -> None:
        """The process is no more: its code never goes on, its pid names nothing."""
        was_gone = process.gone
        process.halted = process.gone = process.dead = True
        process.parked = _NOTHING
        self._processes[process.pid - _FIRST_PID] = None
        if process in process.node.idle:
            process.node.idle.remove(process)
        if process.node.cores is not None:
            process.node.cores.drop(process)
        if not was_gone:
            self.lost(process)

    def disown(self, process: Process) -> None:
        """The cluster counts the process as dead, though it may run on: nobody waits for its answers any more."""
        process.gone = True
        self.lost(process)

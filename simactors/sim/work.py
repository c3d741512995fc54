"""Work that takes time: code that shares the cores of its node.

Where more works on a node than it has cores, all of it goes slower. Only what `SimConfig.service_times` names takes
time at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

from simactors.core.resources import GRAIN
from simactors.sim.cluster import Process
from simactors.sim.config import NS, SimConfig
from simactors.sim.distributions import Distribution
from simactors.sim.kernel import Kernel
from simactors.sim.nodes import Node
from simactors.sim.sharing import Shared

_RESOLUTION = 2**53  # what a uniform number from `Choices` may have


class ServiceTimes:
    """How long the code of each method and task takes, as the config says."""

    def __init__(self, kernel: Kernel, config: SimConfig) -> None:
        self._kernel = kernel
        self._times = config.service_times
        self._first_times = config.first_service_times
        self._known: dict[str, Callable[[], int] | None] = {}
        self._known_first: dict[str, Callable[[], int] | None] = {}
        # The pid of a process, and what has run there; empty if no first call is different.
        self._begun: set[tuple[int, str]] = set()

    def spend(self, process: Process, node: Node, label: str) -> None:
        """Let the running code work as long as a call of `label` does; not at all if nothing says how long."""
        sample = self._first(process, label) if self._first_times else None
        if sample is None:
            try:
                sample = self._known[label]
            except KeyError:
                sample = self._known[label] = self._sampler(label, self._times)
        if sample is not None:
            work(self._kernel, process, node, sample())

    def _first(self, process: Process, label: str) -> Callable[[], int] | None:
        """How long it takes now, if it never ran in this process before, and that takes another time."""
        if label not in self._known_first:
            self._known_first[label] = self._sampler(label, self._first_times)
        sample = self._known_first[label]
        if sample is None or (process.pid, label) in self._begun:
            return None
        self._begun.add((process.pid, label))
        return sample

    def _sampler(self, label: str, times: Mapping[str, Distribution]) -> Callable[[], int] | None:
        for pattern, distribution in times.items():
            if fnmatchcase(label, pattern):
                return duration_sampler(self._kernel, f"work {label}", distribution)
        return None


def work(kernel: Kernel, process: Process, node: Node, duration_ns: int) -> None:
    """Let the running code work for so long as it would take on an idle core of `node`."""
    if node.cores is None:
        node.cores = Shared(kernel, _speed_of(node))
    node.cores.use(process, duration_ns, "its own work to be done")


def _speed_of(node: Node) -> Callable[[int], float]:
    """What each of so many gets of a nanosecond on `node`."""

    def speed(users: int) -> float:
        cores = max(node.pool.total.get("CPU", 0) / GRAIN, 1.0)
        return min(1.0, cores / users) / node.slowness

    return speed


def duration_sampler(kernel: Kernel, label: str, distribution: Distribution) -> Callable[[], int]:
    """Draws durations in nanoseconds; each is one question to `Choices` under `label`."""
    number, quantile = kernel.choices.number, distribution.quantile
    return lambda: round(quantile(number(label, _RESOLUTION) / _RESOLUTION) * NS)

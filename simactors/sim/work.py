"""Work that takes time: code that shares the cores of its node.

Where more works on a node than it has cores, all of it goes slower. Only what `SimConfig.service_times` names takes
time at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

from simactors.core.resources import GRAIN
from simactors.sim.config import NS
from simactors.sim.distributions import Distribution
from simactors.sim.kernel import Kernel
from simactors.sim.nodes import Node
from simactors.sim.sharing import Shared
from simactors.sim.waiting import Process

_RESOLUTION = 2**53  # what a uniform number from `Choices` may have


class ServiceTimes:
    """How long the code of each method and task takes, as the config says."""

    def __init__(self, kernel: Kernel, times: Mapping[str, Distribution]) -> None:
        self._kernel = kernel
        self._times = times
        self._known: dict[str, Callable[[], int] | None] = {}

    def spend(self, process: Process, node: Node, label: str) -> None:
        """Let the running code work as long as a call of `label` does; not at all if nothing says how long."""
        try:
            sample = self._known[label]
        except KeyError:
            sample = self._known[label] = self._sampler(label)
        if sample is not None:
            if node.cores is None:
                node.cores = Shared(self._kernel, _speed_of(node))
            node.cores.use(process, sample(), "its own work to be done")

    def _sampler(self, label: str) -> Callable[[], int] | None:
        for pattern, distribution in self._times.items():
            if fnmatchcase(label, pattern):
                return duration_sampler(self._kernel, f"work {label}", distribution)
        return None


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

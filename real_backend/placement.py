"""`Placement`: how much of each resource is free. Arithmetic only; who waits is the supervisor's business."""

from __future__ import annotations

from real_backend.control import Demand


class Placement:
    """The resources of this machine, in ten-thousandths of a unit.

    A task that waited and runs on takes its resources back without asking, so free amounts may be negative.
    """

    def __init__(self, total: Demand) -> None:
        self._free = dict(total)

    def fits(self, demand: Demand) -> bool:
        """Whether `demand` can be taken now."""
        return all(self._free.get(name, 0) >= amount for name, amount in demand)

    def take(self, demand: Demand) -> None:
        """Count it as taken."""
        for name, amount in demand:
            self._free[name] = self._free.get(name, 0) - amount

    def give(self, demand: Demand) -> None:
        """Count it as free again."""
        for name, amount in demand:
            self._free[name] = self._free.get(name, 0) + amount

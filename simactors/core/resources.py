"""Quantities of resources: what a node or a bundle has, what is free, and which GPUs.

Not who gets them: `placement.py` decides that. Quantities are integers in ten-thousandths, as in Ray, so that ten
tenths are one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from simactors.core.numbers import LARGEST

GRAIN = 10_000
"""How many of our units make one CPU, one GPU, one byte or one of a custom resource."""

Amounts = tuple[tuple[str, int], ...]
"""What somebody asks for: (resource, units) in alphabetical order, without zeros; hashable."""

_NO_GPUS: tuple[int, ...] = ()


def can_be(quantity: float) -> bool:
    """Whether there may be so much of a resource, as users write it: no infinity and nothing that is no number."""
    return 0 <= quantity <= LARGEST


def amounts_of(quantities: Mapping[str, float]) -> Amounts:
    """Quantities as users write them, in our units."""
    return tuple(sorted((name, round(q * GRAIN)) for name, q in quantities.items() if q))


def quantities_of(amounts: Iterable[tuple[str, int]]) -> dict[str, float]:
    """The other way round."""
    return {name: units / GRAIN for name, units in amounts}


def added(many: Iterable[Amounts]) -> Amounts:
    """The sum."""
    total: dict[str, int] = {}
    for amounts in many:
        for name, units in amounts:
            total[name] = total.get(name, 0) + units
    return tuple(sorted(total.items()))


class Pool:
    """What one node has, or what one bundle of a placement group has reserved.

    Invariant: `free` is `total` minus everything taken; only CPUs may be negative, while code that blocked in `get`
    has come back to CPUs that were lent to others meanwhile, as on Ray.

    Attributes:
        gpus: what is free of each GPU, by its number on the node.
    """

    __slots__ = ("free", "gpus", "total")

    def __init__(self, total: Amounts, gpus: Iterable[int] | None = None) -> None:
        self.total = dict(total)
        self.free = dict(total)
        whole = self.total.get("GPU", 0)
        numbers = range(-(-whole // GRAIN)) if gpus is None else gpus
        self.gpus: dict[int, int] = {}
        for number in numbers:
            self.gpus[number] = min(whole, GRAIN)
            whole -= self.gpus[number]

    def quantity(self, name: str) -> float:
        """How much there is of a resource, as users write it."""
        return self.total.get(name, 0) / GRAIN

    def resize(self, name: str, quantity: float) -> None:
        """There is more or less of a resource than there was; what is taken stays taken."""
        units = round(quantity * GRAIN)
        self.free[name] = self.free.get(name, 0) + units - self.total.get(name, 0)
        self.total[name] = units
        if name == "GPU":
            taken = {number: GRAIN - free for number, free in self.gpus.items()}
            count = -(-units // GRAIN)
            self.gpus = {n: min(units - n * GRAIN, GRAIN) - taken.get(n, 0) for n in range(count)}

    def could_hold(self, amounts: Amounts) -> bool:
        """Whether it would fit if nothing were taken."""
        total = self.total
        return all(total.get(name, 0) >= units for name, units in amounts)

    def fits(self, amounts: Amounts) -> bool:
        """Whether it fits now."""
        free = self.free
        for name, units in amounts:
            if free.get(name, 0) < units or (name == "GPU" and not self._gpus_for(units)):
                return False
        return True

    def unasked(self, amounts: Amounts) -> int:
        """How many kinds of resources it has that `amounts` does not ask for: GPUs that would lie idle, say."""
        asked = {name for name, _ in amounts}
        return sum(name not in asked for name, units in self.total.items() if units)

    def take(self, amounts: Amounts) -> tuple[int, ...]:
        """Take what `fits`; returns the numbers of the GPUs."""
        taken = _NO_GPUS
        for name, units in amounts:
            self.free[name] = self.free.get(name, 0) - units
            if name == "GPU":
                taken = self._gpus_for(units)
                for number in taken:
                    self.gpus[number] -= min(units, GRAIN)
        return taken

    def give(self, amounts: Amounts, gpus: tuple[int, ...] = _NO_GPUS) -> None:
        """Give back what was taken."""
        for name, units in amounts:
            self.free[name] = self.free.get(name, 0) + units
            if name == "GPU":
                for number in gpus:
                    self.gpus[number] += min(units, GRAIN)

    def utilisation(self, amounts: Amounts) -> float:
        """How much of the scarcest of the resources in `amounts` is taken, from 0 to 1."""
        most = 0.0
        for name, _ in amounts:
            total = self.total.get(name, 0)
            if total:
                most = max(most, 1 - self.free[name] / total)
        return most

    def _gpus_for(self, units: int) -> tuple[int, ...]:
        """GPUs with enough left: whole ones, or the fullest that takes a fraction."""
        if units >= GRAIN:
            idle = tuple(number for number, free in self.gpus.items() if free == GRAIN)
            return idle[: units // GRAIN] if len(idle) * GRAIN >= units else _NO_GPUS
        enough = [(free, number) for number, free in self.gpus.items() if free >= units]
        return (min(enough)[1],) if enough else _NO_GPUS

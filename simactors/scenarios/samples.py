"""What was so at some moments of a run, whoever has looked: queues, and uses of resources, as a `Run` has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from simactors.scenarios.result import Queue, Use
from simactors.sim.config import NS

_FIRST_PERIOD_NS = 1_000_000
MOST_SAMPLES = 512


@dataclass(slots=True)
class Sample:
    """What was so at one moment.

    Attributes:
        queues: by class of actors: the calls that waited at all of them, and at the one with the most.
        uses: by node and resource: how much there was, was reserved, and was used.
    """

    time_ns: int
    queues: Mapping[str, tuple[int, int]]
    uses: Mapping[tuple[str, str], tuple[float, float, float]]


@dataclass(slots=True)
class Samples:
    """All of them, with equal distances.

    Attributes:
        period_ns: the distance.
        next_ns: when the next one is to be taken.
    """

    period_ns: int = _FIRST_PERIOD_NS
    next_ns: int = 0
    _taken: list[Sample] = field(default_factory=list)

    def take(
        self,
        queues: Mapping[str, tuple[int, int]],
        uses: Mapping[tuple[str, str], tuple[float, float, float]],
    ) -> None:
        """What is so at `next_ns`; if there are too many, every second one is left out."""
        self._taken.append(Sample(self.next_ns, queues, uses))
        self.next_ns += self.period_ns
        if len(self._taken) >= MOST_SAMPLES:
            del self._taken[1::2]
            self.period_ns *= 2
            self.next_ns = self._taken[-1].time_ns + self.period_ns

    @property
    def times_s(self) -> list[float]:
        """The moments of all samples."""
        return [sample.time_ns / NS for sample in self._taken]

    @property
    def queues(self) -> list[Queue]:
        """Of each class of actors that there was."""
        names = dict.fromkeys(name for sample in self._taken for name in sample.queues)
        return [
            Queue(
                class_name=name,
                waiting=[sample.queues.get(name, (0, 0))[0] for sample in self._taken],
                longest=[sample.queues.get(name, (0, 0))[1] for sample in self._taken],
            )
            for name in sorted(names)
        ]

    @property
    def uses(self) -> list[Use]:
        """Of each resource of each node but memory, which nobody works with."""
        places = dict.fromkeys(place for sample in self._taken for place in sample.uses)
        return [
            _use(place, [sample.uses.get(place) for sample in self._taken])
            for place in places
            if place[1] not in ("memory", "object_store_memory")
        ]


def _use(place: tuple[str, str], seen: Sequence[tuple[float, float, float] | None]) -> Use:
    total = max(sample[0] for sample in seen if sample is not None)
    return Use(
        node=place[0],
        resource=place[1],
        total=total,
        reserved=[0.0 if sample is None else round(sample[1] / total, 6) for sample in seen],
        used=[0.0 if sample is None else round(sample[2] / total, 6) for sample in seen],
    )

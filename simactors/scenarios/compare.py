"""Two results side by side: which metrics differ, by how much, and whether that is more than chance.

Where both have the same seeds, values of the same seed are compared with each other: what a seed brings by itself is
then no noise. Otherwise Welch's test. All metrics together are wrong no more than once in twenty times (Holm).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from simactors.scenarios.result import Estimate, Point, Result
from simactors.scenarios.statistics import Difference, holm, paired, welch


@dataclass(frozen=True, slots=True)
class Compared:
    """One metric in both.

    Attributes:
        is_significant: None if a single seed can't tell.
        is_paired: the same seeds were compared.
    """

    name: str
    before: Estimate
    after: Estimate
    difference: Difference
    is_paired: bool
    is_significant: bool | None = None

    @property
    def relative(self) -> float | None:
        """The difference as a share of what was before; None if that was nothing."""
        return self.difference.difference / abs(self.before.mean) if self.before.mean else None


@dataclass(frozen=True, slots=True)
class PointPair:
    """One point of the grid in both.

    Attributes:
        swept: the values that both have in common.
        metrics: that both have, in the order of the first.
        only_before, only_after: metrics that only one of them has.
    """

    swept: dict[str, Any]
    metrics: tuple[Compared, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]


def compare(before: Result, after: Result) -> list[PointPair]:
    """The points that both have; two results of one point each are compared whatever was swept.

    Raises:
        ValueError: they have none in common.
    """
    if len(before.points) == len(after.points) == 1:
        pairs = [(before.points[0], after.points[0])]
    else:
        known = {_key(point.swept): point for point in after.points}
        pairs = [(p, known[_key(p.swept)]) for p in before.points if _key(p.swept) in known]
    if not pairs:
        raise ValueError("no point of the one sweep is in the other one, so there is nothing to compare")
    compared = [_pair(*pair) for pair in pairs]
    return _with_significance(compared)


def _key(swept: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, repr(value)) for name, value in swept.items()))


def _pair(before: Point, after: Point) -> PointPair:
    common = [name for name in before.metrics if name in after.metrics]
    return PointPair(
        swept={name: value for name, value in before.swept.items() if after.swept.get(name) == value},
        metrics=tuple(_compared(name, before.metrics[name], after.metrics[name]) for name in common),
        only_before=tuple(name for name in before.metrics if name not in after.metrics),
        only_after=tuple(name for name in after.metrics if name not in before.metrics),
    )


def _compared(name: str, before: Estimate, after: Estimate) -> Compared:
    is_paired = sorted(before.seeds) == sorted(after.seeds)
    if not is_paired:
        return Compared(name, before, after, welch(before.values, after.values), is_paired)
    of_seed = dict(zip(after.seeds, after.values, strict=True))
    difference = paired(before.values, [of_seed[seed] for seed in before.seeds])
    return Compared(name, before, after, difference, is_paired)


def _with_significance(pairs: Sequence[PointPair]) -> list[PointPair]:
    """Judge all metrics of all points together: the more there are, the more differ by chance."""
    ps = [m.difference.p for pair in pairs for m in pair.metrics if m.difference.p is not None]
    verdicts = iter(holm(ps))
    return [
        replace(
            pair,
            metrics=tuple(
                metric if metric.difference.p is None else replace(metric, is_significant=next(verdicts))
                for metric in pair.metrics
            ),
        )
        for pair in pairs
    ]

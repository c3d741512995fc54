"""What the backend `ray` adds to a call: ``get(actor.method.remote())`` through simactors and on Ray itself.

Run: ``python benchmarks/ray_adapter.py``; needs the extra: ``pip install 'simactors[ray]'``. One driver, one cluster,
one actor each; both are asked in turns, call by call, so that both see the same machine. The ratio is that of medians.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import ray

import simactors

WARMING = 500
CALLS = 5000
ROUNDS = 5
GOAL = 1.05


class Adder:
    """An actor of either."""

    def add(self, a: int, b: int) -> int:
        """The sum."""
        return a + b


def main() -> None:
    """Print the ratio of each round, and the median of all."""
    ray.init(num_cpus=2, include_dashboard=False)
    simactors.init(backend="ray")
    theirs, ours = ray.remote(Adder).remote(), simactors.remote(Adder).remote()
    sides = (lambda: ray.get(theirs.add.remote(1, 2)), lambda: simactors.get(ours.add.remote(1, 2)))
    for side in sides:
        for _ in range(WARMING):
            side()
    ratios = []
    for _ in range(ROUNDS):
        plain, adapted = _in_turns(*sides)
        ratios.append(adapted / plain)
        print(f"Ray {plain * 1e6:6.1f} us   through simactors {adapted * 1e6:6.1f} us   {ratios[-1]:.3f}")
    print(f"sync call through simactors / Ray's own: {statistics.median(ratios):.3f} (goal: at most {GOAL})")


def _in_turns(*sides: Callable[[], Any]) -> list[float]:
    """The median time of a call of each side, in seconds."""
    seconds: list[list[float]] = [[] for _ in sides]
    order = list(zip(sides, seconds, strict=True))
    for _ in range(CALLS):
        for side, times in order:
            before = time.perf_counter()
            side()
            times.append(time.perf_counter() - before)
        order.reverse()  # nobody is always the one who comes second
    return [statistics.median(times) for times in seconds]


if __name__ == "__main__":
    main()

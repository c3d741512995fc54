"""Simulated actor calls per second, divided by SimPy's own timeout events per second.

Run: ``python benchmarks/sim_calls.py``. The figures are medians of ratios, each taken from two runs side by side, so
that they mean the same on a slow, a fast and a busy machine. Copies at process borders and the trace are on. The clock
is read outside the simulation, where it is the real one.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import simpy

import simactors

CALLS = 20_000
EVENTS = 200_000
ROUNDS = 9
GOALS = {"sequential": 0.08, "1000 in flight": 0.08}


@simactors.remote
class Counter:
    """The smallest actor that has a state."""

    def __init__(self) -> None:
        self.total = 0

    def add(self, amount: int) -> int:
        """Add `amount`; the new total."""
        self.total += amount
        return self.total


def simpy_timeouts() -> float:
    """SimPy events per second: one process that yields timeouts."""
    environment = simpy.Environment()

    def process() -> object:
        for _ in range(EVENTS):
            yield environment.timeout(1)

    environment.process(process())  # type: ignore[arg-type]  # a generator, as SimPy wants it
    start = time.perf_counter()
    environment.run()
    return EVENTS / (time.perf_counter() - start)


def sequential() -> float:
    """Calls per second, each waited for before the next is made."""
    start = time.perf_counter()
    with simactors.simulate(seed=1):
        counter = Counter.remote()
        for _ in range(CALLS):
            simactors.get(counter.add.remote(1))
    return CALLS / (time.perf_counter() - start)


def in_flight() -> float:
    """Calls per second, 1000 made before the first is waited for."""
    start = time.perf_counter()
    with simactors.simulate(seed=1):
        counter = Counter.remote()
        for _ in range(CALLS // 1000):
            simactors.get([counter.add.remote(1) for _ in range(1000)])
    return CALLS / (time.perf_counter() - start)


def ratio(measured: Callable[[], float]) -> list[float]:
    """`measured` over SimPy's timeouts, once a round."""
    return [measured() / simpy_timeouts() for _ in range(ROUNDS)]


def main() -> None:
    """Print the table."""
    print(f"{'simulated calls / SimPy timeouts':<36}{'median':>8}{'min':>8}{'max':>8}{'goal':>8}")
    for name, measured in (("sequential", sequential), ("1000 in flight", in_flight)):
        values = ratio(measured)
        print(
            f"{name:<36}{statistics.median(values):>8.3f}{min(values):>8.3f}{max(values):>8.3f}"
            f"{GOALS[name]:>8.2f}"
        )


if __name__ == "__main__":
    main()

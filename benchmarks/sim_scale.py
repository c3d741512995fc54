"""One simulation with 1,000 nodes and 100,000 actors: that it runs, and that a call costs what it costs among few.

Run: ``python benchmarks/sim_scale.py``. Times are of the processor, and compared within one run; the resident memory is
that of the whole process. Copies at process borders and the trace are on.
"""

from __future__ import annotations

import resource
import statistics
import time

import simactors
from simactors import NodeConfig, SimConfig

CALLS = 20_000
ROUNDS = 5
LARGE = SimConfig(nodes=(NodeConfig(count=1_000),))
SMALL = SimConfig(nodes=(NodeConfig(count=2),))


@simactors.remote
class Counter:
    """The smallest actor that has a state."""

    def __init__(self) -> None:
        self.total = 0

    def add(self, amount: int) -> int:
        """Add `amount`; the new total."""
        self.total += amount
        return self.total


def seconds_per_call(counters: list[object]) -> float:
    """Processor seconds of a call that is waited for, each to the next of the first ten."""
    start = time.process_time()
    for i in range(CALLS):
        simactors.get(counters[i % 10].add.remote(1))  # type: ignore[attr-defined]  # a handle
    return (time.process_time() - start) / CALLS


def measure(config: SimConfig, actors: int) -> tuple[float, float]:
    """Seconds to make an actor, and the median seconds of a call afterwards."""
    with simactors.simulate(seed=1, config=config):
        start = time.process_time()
        counters = [Counter.remote() for _ in range(actors)]
        simactors.get([counter.add.remote(0) for counter in counters])
        making = (time.process_time() - start) / actors
        return making, statistics.median(seconds_per_call(counters) for _ in range(ROUNDS))


def main() -> None:
    """Print the table."""
    _, few = measure(SMALL, 10)
    making, many = measure(LARGE, 100_000)
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{'a call among 100,000 idle actors / among 10':<56}{many / few:>8.2f}")
    print(f"{'making an actor on 1,000 nodes and calling it once / a call':<56}{making / few:>8.1f}")
    print(f"{'resident memory of 1,000 nodes and 100,000 actors, MiB':<56}{resident:>8.0f}")


if __name__ == "__main__":
    main()

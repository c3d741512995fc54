"""What a simulated actor call costs: calls per second over SimPy's own timeout events per second, and bytes.

Run: ``python benchmarks/sim_calls.py``. The speeds are medians of ratios, each taken from two runs side by side, so
that they mean the same on a slow, a fast and a busy machine. Copies at process borders and the trace are on. The clock
is the processor time of this process, which stays real inside a simulation, too.
"""

from __future__ import annotations

import gc
import resource
import statistics
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import simpy

import simactors

CALLS = 20_000
EVENTS = 200_000
ROUNDS = 9
MANY = 100_000
EMPTY = 500
BLOCKED = 10_000


@simactors.remote
class Counter:
    """The smallest actor that has a state."""

    def __init__(self) -> None:
        self.total = 0

    def add(self, amount: int) -> int:
        """Add `amount`; the new total."""
        self.total += amount
        return self.total


@simactors.remote
class Caller:
    """An actor whose method waits for another actor, or for a time."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter

    def add(self, amount: int) -> int:
        """Add through the counter."""
        return simactors.get(self.counter.add.remote(amount))  # type: ignore[attr-defined, no-any-return]

    def sleep(self, seconds: float) -> None:
        """Be blocked."""
        time.sleep(seconds)


def simpy_timeouts() -> float:
    """SimPy events per second: one process that yields timeouts."""
    environment = simpy.Environment()

    def process() -> object:
        for _ in range(EVENTS):
            yield environment.timeout(1)

    environment.process(process())  # type: ignore[arg-type]  # a generator, as SimPy wants it
    start = time.process_time()
    environment.run()
    return EVENTS / (time.process_time() - start)


def sequential() -> float:
    """Calls per second, each waited for before the next is made."""
    start = time.process_time()
    with simactors.simulate(seed=1):
        counter = Counter.remote()
        for _ in range(CALLS):
            simactors.get(counter.add.remote(1))
    return CALLS / (time.process_time() - start)


def in_flight() -> float:
    """Calls per second, 1000 made before the first is waited for."""
    start = time.process_time()
    with simactors.simulate(seed=1):
        counter = Counter.remote()
        for _ in range(CALLS // 1000):
            simactors.get([counter.add.remote(1) for _ in range(1000)])
    return CALLS / (time.process_time() - start)


def nested() -> float:
    """Calls per second, every other one made inside the blocking `get` of another actor's method."""
    start = time.process_time()
    with simactors.simulate(seed=1):
        caller = Caller.remote(Counter.remote())
        for _ in range(CALLS // 2):
            simactors.get(caller.add.remote(1))
    return CALLS / (time.process_time() - start)


def among_many() -> float:
    """Calls per second, one after the other, each to the next of 100,000 actors; making those is not counted."""
    with simactors.simulate(seed=1):
        counters = [Counter.remote() for _ in range(MANY)]
        time.sleep(1)  # until all constructors have run
        start = time.process_time()
        for counter in counters[:: MANY // CALLS]:
            simactors.get(counter.add.remote(1))
        return CALLS / (time.process_time() - start)


def empty_per_second() -> float:
    """Simulations per second in which nothing happens: what every run of a hunt costs."""
    start = time.process_time()
    for _ in range(EMPTY):
        with simactors.simulate(seed=1):
            pass
    return EMPTY / (time.process_time() - start)


def bytes_per_idle_actor() -> float:
    """By tracemalloc; with its handle, an instance that has one attribute, and all else that is kept for it."""
    with simactors.simulate(seed=1):
        simactors.get(Counter.remote().add.remote(1))
        before = _traced()
        counters = [Counter.remote() for _ in range(MANY)]
        time.sleep(1)
        return (_traced() - before) / len(counters)


def bytes_per_call_in_flight() -> float:
    """By tracemalloc; with its ref, between ``.remote()`` and the arrival at the actor."""
    with simactors.simulate(seed=1):
        counter = Counter.remote()
        simactors.get(counter.add.remote(1))
        before = _traced()
        refs = [counter.add.remote(1) for _ in range(MANY)]
        return (_traced() - before) / len(refs)


def bytes_per_blocked_method() -> float:
    """By resident memory, for stacks are no Python objects: a method suspended in `sleep`, without its actor."""
    with simactors.simulate(seed=1):
        counter = Counter.remote()
        callers = [Caller.remote(counter) for _ in range(BLOCKED)]
        time.sleep(1)
        before = _resident()
        refs = [caller.sleep.remote(1000) for caller in callers]
        time.sleep(1)
        return (_resident() - before) / len(refs)


def _traced() -> int:
    gc.collect()
    if not tracemalloc.is_tracing():
        tracemalloc.start()
    return tracemalloc.get_traced_memory()[0]


def _resident() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def ratios(measured: Callable[[], float], against: Callable[[], float], rounds: int = ROUNDS) -> list[float]:
    """`measured` over `against`, once a round."""
    return [measured() / against() for _ in range(rounds)]


def row(name: str, values: list[float], goal: str) -> None:
    """Print one line of the table of ratios."""
    print(f"{name:<44}{statistics.median(values):>8.3f}{min(values):>8.3f}{max(values):>8.3f}{goal:>10}")


def main() -> None:
    """Print the tables."""
    # Resident memory first: what earlier measurements freed would be used again and not be seen.
    blocked = bytes_per_blocked_method()
    print(f"{'':<44}{'median':>8}{'min':>8}{'max':>8}{'goal':>10}")
    row("sequential calls / SimPy timeouts", ratios(sequential, simpy_timeouts), ">= 0.15")
    row("calls with 1000 in flight / SimPy timeouts", ratios(in_flight, simpy_timeouts), ">= 0.15")
    row("calls inside a blocking get / sequential", ratios(nested, sequential), ">= 0.75")
    row("calls among 100,000 actors / to one", ratios(among_many, sequential, rounds=3), ">= 0.2")
    row("an empty simulation, in sequential calls", ratios(sequential, empty_per_second), "<= 30")
    idle, under_way = bytes_per_idle_actor(), bytes_per_call_in_flight()
    tracemalloc.stop()
    print(f"\n{'bytes':<44}{'':>8}{'':>8}{'seen':>8}{'goal':>10}")
    for name, seen, goal in (
        ("per idle actor (tracemalloc)", idle, 750),
        ("per call in flight (tracemalloc)", under_way, 500),
        ("per blocked method (resident)", blocked, 7500),
    ):
        print(f"{name:<44}{'':>16}{seen:>8.0f}{goal:>10,}")


if __name__ == "__main__":
    main()

"""What names of the standard library cost that mean something else in a simulation: inside, and after it has closed.

Run: ``python benchmarks/sim_intercept.py``. Each call is timed in simulated code, in the driver and afterwards, and
divided by the same call before any simulation, in the same run. `reading everything` is what a run costs that does
nothing: most of it is patching and putting back.
"""

from __future__ import annotations

import datetime
import os
import random
import statistics
import time
import timeit
import uuid
from collections.abc import Callable
from typing import Any

import simactors

ROUNDS = 7
CALLS = 20_000
RUNS = 200

CALLED: dict[str, Callable[[], Any]] = {
    "time.time()": lambda: time.time(),
    "time.monotonic()": lambda: time.monotonic(),
    "datetime.now()": lambda: datetime.datetime.now(),
    "random.random()": lambda: random.random(),
    "random.randint(0, 9)": lambda: random.randint(0, 9),
    "os.urandom(16)": lambda: os.urandom(16),
    "uuid.uuid4()": lambda: uuid.uuid4(),
    "os.environ['PATH']": lambda: os.environ["PATH"],
    "os.getpid()": lambda: os.getpid(),
}


def seconds(call: Callable[[], Any]) -> float:
    """The median time of one call."""
    clock = time.process_time  # real in simulations, too
    return statistics.median(timeit.repeat(call, number=CALLS, repeat=ROUNDS, timer=clock)) / CALLS


def all_seconds() -> list[float]:
    """The time of each call."""
    return [seconds(call) for call in CALLED.values()]


@simactors.remote
def measured() -> list[float]:
    """The times in a simulated process."""
    return all_seconds()


def main() -> None:
    """Print the table."""
    bare = all_seconds()
    with simactors.simulate():
        driver = all_seconds()
        inside: list[float] = simactors.get(measured.remote())
    after = all_seconds()
    print(f"{'a call / the bare one':<32}{'simulated':>12}{'driver':>12}{'afterwards':>12}")
    for name, base, *times in zip(CALLED, bare, inside, driver, after, strict=True):
        print(f"{name:<32}" + "".join(f"{one / base:>12.1f}" for one in times))
    start = time.process_time()
    for _ in range(RUNS):
        with simactors.simulate():
            pass
    print(
        f"{'an empty simulation / time.time()':<32}{(time.process_time() - start) / RUNS / bare[0]:>12,.0f}"
    )


if __name__ == "__main__":
    main()

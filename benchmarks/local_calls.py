"""How fast calls to a local actor are, against the bare pipe they can't beat.

Run: ``python benchmarks/local_calls.py``. Each round measures, one after the other, round trips over a
`multiprocessing.Pipe` between two processes, sequential actor calls, and calls with 1000 in flight; printed are
the medians of the ratios to the same round's pipe, for machines differ and ratios less so.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
import sys
import time
from multiprocessing.connection import Connection
from typing import Any

import simactors as ray

ROUNDS = 9
CALLS = 3000
IN_FLIGHT = 1000
WAVES = 5


class Echo:
    def same(self, value: int) -> int:
        return value


def echo(value: int) -> int:
    return value


def answer(connection: Connection) -> None:
    while (message := connection.recv()) is not None:
        connection.send(message)


def pipe_rate(connection: Connection) -> float:
    start = time.perf_counter()
    for i in range(CALLS):
        connection.send(i)
        connection.recv()
    return CALLS / (time.perf_counter() - start)


def sequential_rate(actor: Any) -> float:
    start = time.perf_counter()
    for i in range(CALLS):
        ray.get(actor.same.remote(i))
    return CALLS / (time.perf_counter() - start)


def in_flight_rate(actor: Any) -> float:
    start = time.perf_counter()
    for _ in range(WAVES):
        ray.get([actor.same.remote(i) for i in range(IN_FLIGHT)])
    return WAVES * IN_FLIGHT / (time.perf_counter() - start)


def task_rate(task: Any) -> float:
    start = time.perf_counter()
    for i in range(CALLS):
        ray.get(task.remote(i))
    return CALLS / (time.perf_counter() - start)


def main() -> None:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=answer, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    ray.init(backend="local")
    actor, task = ray.remote(Echo).remote(), ray.remote(echo)
    rates: dict[str, list[float]] = {"pipe": [], "sequential": [], "in flight": [], "tasks": []}
    for _ in range(ROUNDS + 1):
        rates["pipe"].append(pipe_rate(ours))
        rates["sequential"].append(sequential_rate(actor))
        rates["in flight"].append(in_flight_rate(actor))
        rates["tasks"].append(task_rate(task))
    ray.shutdown()
    ours.send(None)
    process.join()
    report({name: values[1:] for name, values in rates.items()})  # the first round warms up


def report(rates: dict[str, list[float]]) -> None:
    pipe = rates.pop("pipe")
    ratios = {}
    print(f"pipe round trips: {statistics.median(pipe):,.0f}/s")
    for name, values in rates.items():
        ratios[name] = statistics.median(v / p for v, p in zip(values, pipe, strict=True))
        print(f"{name:>12}: {statistics.median(values):>9,.0f}/s   {ratios[name]:.2f} of the pipe")
    json.dump({name: round(r, 3) for name, r in ratios.items()}, sys.stdout)
    print()


if __name__ == "__main__":
    main()

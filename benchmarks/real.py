"""The real runtime (`backend="local"`) against a bare pipe, against memcpy, and against Ray.

Run: ``python benchmarks/real.py``; with ``BENCH_RAY_PYTHON=/path/to/python`` naming an interpreter that has Ray, it
is measured, too. Each runtime lives in a process of its own and is asked for one measurement after the other, in
turns, so that all of them see the same machine; printed are medians of the ratios within one round.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

ROUNDS = 5
CALLS = 1000
IN_FLIGHT = 1000
WAVES = 3
ACTORS = 12
ARRAY = 100_000_000
RAY_PYTHON = "BENCH_RAY_PYTHON"

Figures = dict[str, float]

# What is measured of a runtime, in the order of a round.
MEASUREMENTS = ("sync", "in_flight", "tasks", "actors", "restart", "uss", "array")

# (figure, of what, what it is compared with, of what, less is better, goal)
ROWS = (
    ("sync calls / pipe", "sync", "local", "pipe", "local", ">=", 0.5),
    ("sync calls / Ray", "sync", "local", "sync", "ray", ">=", 10),
    ("1000 in flight / pipe", "in_flight", "local", "pipe", "local", ">=", 2),
    ("1000 in flight / Ray", "in_flight", "local", "in_flight", "ray", ">=", 25),
    ("tasks, one after the other / pipe", "tasks", "local", "pipe", "local", ">=", None),
    ("tasks, one after the other / Ray", "tasks", "local", "tasks", "ray", ">=", None),
    ("init + first call, time / Ray", "start", "local", "start", "ray", "<=", 0.02),
    ("restart after kill, time / Ray", "restart", "local", "restart", "ray", "<=", 0.05),
    ("actors created per second / Ray", "actors", "local", "actors", "ray", ">=", 20),
    ("unique memory per actor / Ray", "uss", "local", "uss", "ray", "<=", 0.15),
    ("100 MB array there, time / memcpy", "array", "local", "memcpy", "local", "<=", 2.5),
    ("100 MB put and got, time / memcpy", "put", "local", "memcpy", "local", "<=", 2.5),
    ("100 MB returned, time / memcpy", "returned", "local", "memcpy", "local", "<=", None),
    ("100 MB array there, time / Ray", "array", "local", "array", "ray", "<=", None),
)


class Echo:
    def same(self, value: Any) -> Any:
        return value

    def pid(self) -> int:
        return os.getpid()

    def touch(self, array: Any) -> int:
        return int(array[::4096].sum())

    def array(self) -> Any:
        if not hasattr(self, "made"):
            import numpy

            self.made = numpy.ones(ARRAY, numpy.uint8)
        return self.made


def echo(value: int) -> int:
    return value


def answer(connection: Connection) -> None:
    while (message := connection.recv()) is not None:
        connection.send(message)


def timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


class Probe:
    """Measures one runtime, in its own process; each method gives figures: rates per second, or seconds, or bytes."""

    def __init__(self, name: str) -> None:
        self.runtime: Any = importlib.import_module("ray" if name == "ray" else "simactors")
        options = {"include_dashboard": False} if name == "ray" else {"backend": "local"}
        self.start_s = timed(lambda: self.begin(options))
        self.idle: list[Any] = []
        self.is_local = name == "local"
        if self.is_local:
            self.pipe, theirs = multiprocessing.Pipe()
            context = multiprocessing.get_context("spawn")
            context.Process(target=answer, args=(theirs,), daemon=True).start()
            theirs.close()

    def begin(self, options: dict[str, Any]) -> None:
        self.runtime.init(num_cpus=4, **options)
        self.actor = self.new()
        self.runtime.get(self.actor.same.remote(0))

    def new(self, **options: Any) -> Any:
        return self.runtime.remote(Echo).options(num_cpus=0, **options).remote()

    def start(self) -> Figures:
        return {"start": self.start_s}

    def sync(self) -> Figures:
        def calls() -> None:
            for i in range(CALLS):
                self.runtime.get(self.actor.same.remote(i))

        figures = {"sync": CALLS / timed(calls)}
        if self.is_local:
            figures["pipe"] = CALLS / timed(self.ping)
        return figures

    def ping(self) -> None:
        for i in range(CALLS):
            self.pipe.send(i)
            self.pipe.recv()

    def in_flight(self) -> Figures:
        def waves() -> None:
            for _ in range(WAVES):
                self.runtime.get([self.actor.same.remote(i) for i in range(IN_FLIGHT)])

        return {"in_flight": WAVES * IN_FLIGHT / timed(waves)}

    def tasks(self) -> Figures:
        task = self.runtime.remote(echo)

        def calls() -> None:
            for i in range(CALLS // 2):
                self.runtime.get(task.remote(i))

        return {"tasks": CALLS // 2 / timed(calls)}

    def actors(self) -> Figures:
        made: list[Any] = []

        def make() -> None:
            made.extend(self.new() for _ in range(ACTORS))
            self.runtime.get([a.pid.remote() for a in made])

        figures = {"actors": ACTORS / timed(make)}
        for actor in made:
            self.runtime.kill(actor)
        return figures

    def restart(self) -> Figures:
        """From the kill of an actor's process to the first answer of the next one; nothing where it can't."""
        try:
            actor = self.new(max_restarts=-1)
        except ValueError:
            return {}
        pid = self.runtime.get(actor.pid.remote())

        def again() -> None:
            os.kill(pid, signal.SIGKILL)
            while True:
                try:
                    if self.runtime.get(actor.pid.remote()) != pid:
                        return
                except self.runtime.exceptions.ActorUnavailableError:
                    time.sleep(0.0005)

        figures = {"restart": timed(again)}
        self.runtime.kill(actor)
        return figures

    def uss(self) -> Figures:
        """Memory that nobody shares, of actors that did nothing yet but answer once."""
        if not self.idle:
            self.idle = [self.new() for _ in range(4)]
        pids = self.runtime.get([a.pid.remote() for a in self.idle])
        return {"uss": statistics.mean(unique_bytes(pid) for pid in pids)}

    def array(self) -> Figures:
        import numpy

        source = numpy.ones(ARRAY, numpy.uint8)
        target = numpy.empty_like(source)
        get, actor = self.runtime.get, self.actor

        def copy() -> None:
            target[:] = source

        copy()
        figures = {"memcpy": timed(copy)}
        for _ in range(3):  # the runtimes have memory ready only after the first
            figures["array"] = timed(lambda: get(actor.touch.remote(source)))
            figures["put"] = timed(lambda: int(get(self.runtime.put(source))[::4096].sum()))
            figures["returned"] = timed(lambda: int(get(actor.array.remote())[::4096].sum()))
        return figures


def unique_bytes(pid: int) -> int:
    """The USS of a process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


def serve(name: str) -> None:
    """Be a probe: a line with the name of a measurement comes in, its figures go out."""
    answers = os.fdopen(os.dup(1), "w")  # what runtimes print must not get in between
    os.dup2(2, 1)
    probe = Probe(name)
    for line in sys.stdin:
        print(json.dumps(getattr(probe, line.strip())()), file=answers, flush=True)
    probe.runtime.shutdown()


class Remote:
    """A probe as the one who compares sees it."""

    def __init__(self, name: str, python: str) -> None:
        arguments = [python, __file__, "--probe", name]
        quiet = subprocess.DEVNULL if name == "ray" else None
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=quiet, text=True
        )

    def ask(self, measurement: str) -> Figures:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(measurement, file=self.process.stdin, flush=True)
        figures: Figures = json.loads(self.process.stdout.readline() or "{}")
        return figures

    def close(self) -> None:
        self.process.communicate()


def runtimes() -> dict[str, str]:
    """What is there, with its interpreter."""
    found = {"local": sys.executable}
    python = os.environ.get(RAY_PYTHON)
    if python and subprocess.run([python, "-c", "import ray"], capture_output=True).returncode == 0:
        found["ray"] = python
    else:
        print(f"Ray is not measured: {RAY_PYTHON} names no interpreter that has it", file=sys.stderr)
    return found


def measure() -> list[dict[str, Figures]]:
    """The figures of each runtime, round by round."""
    found = runtimes()
    rounds: list[dict[str, Figures]] = [{name: {} for name in found} for _ in range(ROUNDS)]
    for figures in rounds:  # starting is measured with a fresh process each time
        for name, python in found.items():
            probe = Remote(name, python)
            figures[name] |= probe.ask("start")
            probe.close()
    probes = {name: Remote(name, python) for name, python in found.items()}
    for measurement in MEASUREMENTS:  # warm up
        for probe in probes.values():
            probe.ask(measurement)
    for figures in rounds:
        for measurement in MEASUREMENTS:
            for name, probe in probes.items():
                figures[name] |= probe.ask(measurement)
    for probe in probes.values():
        probe.close()
    return rounds


def main() -> None:
    rounds = measure()
    ratios: dict[str, float] = {}
    for title, figure, runtime, against, other, sense, goal in ROWS:
        pairs = [(r[runtime].get(figure), r.get(other, {}).get(against)) for r in rounds]
        seen = sorted(a / b for a, b in pairs if a is not None and b is not None)
        if not seen:
            print(f"{title:<40} not measured")
            continue
        ratios[title] = statistics.median(seen)
        wanted = "" if goal is None else f"   goal {sense} {goal}"
        print(f"{title:<40} {ratios[title]:8.3f}   ({seen[0]:.3f} to {seen[-1]:.3f}){wanted}")
    for name in rounds[0]:
        figures = {f: statistics.median(r[name][f] for r in rounds if f in r[name]) for f in rounds[0][name]}
        print(f"{name}: " + ", ".join(f"{figure} {value:,.4g}" for figure, value in figures.items()))
    print(json.dumps({title: round(ratio, 4) for title, ratio in ratios.items()}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--probe"]:
        serve(sys.argv[2])
    else:
        main()

"""`measure`: how fast a backend is here: round trips, costs of calls, transfers, starts and restarts of processes.

Through the public API only, so that it is the same program on every backend. `service_times` are what a program adds
to that, from the record of its calls. Not what a simulator makes of it: `SimConfig.with_profile`. Called by
``simactors calibrate``.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import signal
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simactors import exceptions
from simactors.api.actors import kill
from simactors.api.objects import get
from simactors.api.remote import remote
from simactors.api.session import init, shutdown
from simactors.core import metering
from simactors.sim.profile import Profile

_QUANTILES = 101
_FEW_QUANTILES = 21
_LOOK_S = 0.0005
_ECHO = "CalibrationEcho."
_SIZES = (1 << 20, 1 << 24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How often each thing is measured.

    Attributes:
        calls: one after the other.
        in_flight: calls at once.
        waves: how often so many, and as many starts at once.
        starts, restarts: of processes.
        transfers: of each size.
        spin_s: processor time of code that only computes.
    """

    calls: int = 2_000
    in_flight: int = 2_000
    waves: int = 5
    starts: int = 12
    restarts: int = 7
    transfers: int = 7
    spin_s: float = 0.05


def measure(
    backend: str,
    address: str | None = None,
    told: Callable[[str], object] = lambda _: None,
    counts: Counts = Counts(),
) -> Profile:
    """Measure for some seconds; a session of that backend is opened and closed.

    Args:
        address: of a Ray cluster; None for one of its own.
        told: called with what is measured next.
    """
    with _session(backend, address):
        actor = _new()
        told("round trips")
        round_trips_s, turn_work_s = _round_trips(actor, counts.calls)
        told("many calls at once")
        waves = [_wave(actor, counts.in_flight) for _ in range(counts.waves)]
        caller_work_s, callee_work_s = (statistics.median(column) for column in zip(*waves, strict=True))
        told("large values")
        bytes_per_s = _bytes_per_s(actor, counts.transfers)
        told("connections")
        connect_s = _connect_s(counts.starts)
        told("starts of processes")
        beside_s = statistics.median(round_trips_s) + connect_s
        starts_s = [max(0.0, _start_s() - beside_s) for _ in range(counts.starts)]
        spacing_s = statistics.median(_spacing_s(counts.starts, starts_s) for _ in range(counts.waves))
        told("restarts of processes")
        restarts_s = [_restart_s() for _ in range(counts.restarts)]
        told("other work on this machine")
        factor = _slowdown(counts.spin_s, counts.waves)
    return Profile(
        backend=backend,
        where=f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}",
        round_trip_s=quantiles(round_trips_s),
        caller_work_s=caller_work_s,
        wake_work_s=max(0.0, turn_work_s - caller_work_s),
        callee_work_s=callee_work_s,
        connect_s=connect_s,
        process_start_s=sorted(starts_s),
        process_spacing_s=spacing_s,
        restart_s=sorted(restarts_s),
        bytes_per_s=bytes_per_s,
        slowdown=factor,
    )


def slowdown(backend: str, address: str | None = None, counts: Counts = Counts()) -> float:
    """See `Profile.slowdown`: measured again, as other work comes and goes."""
    with _session(backend, address):
        return _slowdown(counts.spin_s, counts.waves)


def quantiles(samples: Sequence[float], count: int = _QUANTILES) -> list[float]:
    """So many quantiles of many samples, from the least to the greatest; fewer samples as they are."""
    ordered = sorted(samples)
    if len(ordered) <= count:
        return ordered
    return [ordered[round(i * (len(ordered) - 1) / (count - 1))] for i in range(count)]


@contextmanager
def metered(folder: Path) -> Iterator[None]:
    """Let processes of sessions that are opened inside write down in `folder` what their calls cost."""
    os.environ[metering.FOLDER] = str(folder)
    try:
        yield
    finally:
        del os.environ[metering.FOLDER]


def service_times(
    folder: Path, profile: Profile
) -> tuple[dict[str, Sequence[float]], dict[str, Sequence[float]]]:
    """What calls have cost by themselves that a backend has written down in `folder`: the later ones, and first ones.

    A call is a first one if its process has run none of its label before. What `profile` counts already is subtracted:
    what the calls have cost that the code has made, and, of the first call of a process, what an actor's constructor
    costs that does nothing, which is part of a process's start (if `slowdown` was metered, too).
    """
    first: dict[str, list[float]] = {}
    later: dict[str, list[float]] = {}
    asking_s = profile.caller_work_s + profile.wake_work_s
    files = sorted(folder.glob(f"*{metering.SUFFIX}"))
    costs = [[metering.Cost(*json.loads(line)) for line in file.read_text().splitlines()] for file in files]
    starts_s = [cost.work_s for cost, *_ in filter(None, costs) if cost.label.startswith(_ECHO)]
    start_s = statistics.median(starts_s) if starts_s else 0.0
    for in_process in costs:
        seen: set[str] = set()
        for cost in in_process:
            if cost.label.startswith(_ECHO):
                break
            own_s = max(0.0, cost.work_s - cost.made * asking_s - (0.0 if seen else start_s))
            (later if cost.label in seen else first).setdefault(cost.label, []).append(own_s)
            seen.add(cost.label)
    for label, samples in first.items():  # what never ran twice in one process has no other time
        later.setdefault(label, samples)
    return _fewer(later), _fewer(first)


def _fewer(times_s: dict[str, list[float]]) -> dict[str, Sequence[float]]:
    return {label: quantiles(times_s[label], _FEW_QUANTILES) for label in sorted(times_s)}


@contextmanager
def _session(backend: str, address: str | None) -> Iterator[None]:
    init(address, backend=backend, log_to_driver=False)
    try:
        yield
    finally:
        shutdown()


def _new(**options: Any) -> Any:
    # In here, so that it travels by value: a new process must not have to load this module.
    class CalibrationEcho:
        def same(self, value: Any) -> Any:
            return value

        def ready(self) -> None:
            pass

        def crash(self) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        def work_s(self) -> float:
            return time.process_time()

        def asks_s(self, other: Any) -> float:
            start = time.perf_counter()
            get(other.same.remote(0))
            return time.perf_counter() - start

        def spins(self, work_s: float) -> float:
            start, until_s = time.perf_counter(), time.process_time() + work_s
            while time.process_time() < until_s:
                pass
            return (time.perf_counter() - start) / work_s

    return remote(CalibrationEcho).options(num_cpus=0, **options).remote()


def _round_trips(actor: Any, calls: int) -> tuple[list[float], float]:
    """How long they take, and how long the caller works for one."""
    for i in range(calls // 10):
        get(actor.same.remote(i))
    before_s = time.process_time()
    samples = [_timed_s(lambda: get(actor.same.remote(0))) for _ in range(calls)]
    return samples, (time.process_time() - before_s) / calls


def _wave(actor: Any, in_flight: int) -> tuple[float, float]:
    """How long the caller works for each of many calls, and who runs it."""
    callee_s, caller_s = get(actor.work_s.remote()), time.process_time()
    get([actor.same.remote(i) for i in range(in_flight)])
    caller_s = time.process_time() - caller_s
    callee_s = get(actor.work_s.remote()) - callee_s
    return caller_s / in_flight, callee_s / in_flight


def _bytes_per_s(actor: Any, transfers: int) -> float:
    """From the difference of two sizes, so that what each call costs does not count."""
    small, large = _SIZES
    took_s = [
        statistics.median(
            _timed_s(functools.partial(_there_and_back, actor, value)) for _ in range(transfers)
        )
        for value in map(os.urandom, _SIZES)
    ]
    return 2 * (large - small) / max(took_s[1] - took_s[0], 1e-9)


def _there_and_back(actor: Any, value: bytes) -> None:
    get(actor.same.remote(value))


def _connect_s(count: int) -> float:
    """How much longer the first call takes that one actor makes to another one."""
    asker, others = _new(), [_new() for _ in range(count)]
    get([other.ready.remote() for other in others])
    first, second = ([get(asker.asks_s.remote(other)) for other in others] for _ in range(2))
    for actor in (asker, *others):
        kill(actor)
    return float(max(0.0, statistics.median(first) - statistics.median(second)))


def _start_s() -> float:
    made: list[Any] = []

    def start() -> None:
        made.append(_new())
        get(made[0].ready.remote())

    took_s = _timed_s(start)
    kill(made[0])
    return took_s


def _spacing_s(count: int, alone_s: list[float]) -> float:
    """What each further one takes of many that start at once."""
    made: list[Any] = []

    def start() -> None:
        made.extend(_new() for _ in range(count))
        get([actor.ready.remote() for actor in made])

    took_s = _timed_s(start)
    for actor in made:
        kill(actor)
    return max(0.0, took_s - statistics.median(alone_s)) / max(1, count - 1)


def _restart_s() -> float:
    actor = _new(max_restarts=-1)
    get(actor.ready.remote())

    def again() -> None:
        actor.crash.remote()  # not from here: on a cluster the process may be another machine's
        while True:
            try:
                get(actor.ready.remote())  # it comes behind `crash`, so only the next process answers
                return
            except exceptions.ActorUnavailableError:
                time.sleep(_LOOK_S)

    took_s = _timed_s(again)
    kill(actor)
    return took_s


def _slowdown(spin_s: float, times: int) -> float:
    """How much longer code takes than it works, if as much works as there are cores."""
    actors = [_new() for _ in range(os.cpu_count() or 1)]
    get([actor.ready.remote() for actor in actors])
    factors: list[float] = []
    for _ in range(times):
        factors += get([actor.spins.remote(spin_s) for actor in actors])
    for actor in actors:
        kill(actor)
    return max(1.0, statistics.mean(factors))


def _timed_s(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start

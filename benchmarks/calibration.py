"""How long programs take on the real runtime, and how long the simulator says that they do once it is calibrated.

Run: ``python benchmarks/calibration.py``. In each of several rounds the runtime is measured, as `simactors calibrate`
does, then what each program's calls take, and then each program runs in turns on `local` and, with that profile, in the
simulator: a busy machine is as busy for both. Times are from a program's first line to its last, a session being open.
The error is the median of those of the rounds, each of which compares two medians: how busy the machine is changes.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import simactors
from simactors import as_ray
from simactors.calibration import measure, metered, service_times, slowdown
from simactors.sim.config import NodeConfig, SimConfig
from simactors.sim.profile import Profile

ROUNDS = 5
TIMES = 4  # in a round
CPUS = os.cpu_count() or 1
GPUS = 2
SCENARIOS = Path(__file__).parent.parent / "scenarios"
PROGRAMS = (
    ("bank", "fixed"),
    ("kv_store", "good"),
    ("model_serving", "good"),
    ("parameter_server", "main"),
    ("ray_tutorial", "main"),
    ("work_queue", "good"),
)


def load(name: str, function: str) -> Callable[[], Any]:
    """The function of a scenario, in a fresh module."""
    spec = importlib.util.spec_from_file_location(f"{name}_app", SCENARIOS / name / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    with as_ray.as_ray():
        spec.loader.exec_module(module)
    # What a program opens and closes is the session that is there.
    module.ray = _Joined(module.ray)  # type: ignore[attr-defined]  # every scenario calls it so
    found: Callable[[], Any] = getattr(module, function)
    return found


class _Joined:
    def __init__(self, module: Any) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return (lambda *_, **__: None) if name in ("init", "shutdown") else getattr(self._module, name)

    def __reduce__(self) -> Any:
        return importlib.import_module, ("simactors",)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def on_local(name: str, function: str) -> float:
    simactors.init(backend="local", num_cpus=CPUS, num_gpus=GPUS, log_to_driver=False)
    try:
        run = load(name, function)
        with silent():
            start = time.perf_counter()
            run()
            return time.perf_counter() - start
    finally:
        simactors.shutdown()


def with_services(name: str, function: str, profile: Profile) -> Profile:
    """What calls of the program take, too."""
    factors: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(TIMES):
            with metered(Path(folder)):
                on_local(name, function)
                factors.append(slowdown("local"))
        later, first = service_times(Path(folder), profile)
    return replace(
        profile, slowdown=statistics.mean(factors), service_times_s=later, first_service_times_s=first
    )


def simulated(name: str, function: str, profile: Profile, seed: int) -> float:
    config = SimConfig(nodes=(NodeConfig(num_cpus=CPUS, num_gpus=GPUS),)).with_profile(profile)
    with simactors.simulate(seed=seed, config=config) as sim:
        start_s = sim.now_s
        run = load(name, function)
        with silent():
            run()
        return sim.now_s - start_s


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    seen: dict[tuple[str, str], list[tuple[float, float]]] = {program: [] for program in PROGRAMS}
    for number in range(rounds):
        profile = measure("local")
        for program, medians in seen.items():
            full = with_services(*program, profile)
            pairs = [
                (on_local(*program), simulated(*program, full, seed=number * TIMES + i)) for i in range(TIMES)
            ]
            real_s, predicted_s = (statistics.median(column) for column in zip(*pairs, strict=True))
            medians.append((real_s, predicted_s))
            report(program, medians[-1:])
    print()
    for program, medians in seen.items():
        report(program, medians)


def report(program: tuple[str, str], medians: list[tuple[float, float]]) -> None:
    real_s, predicted_s = (statistics.median(column) for column in zip(*medians, strict=True))
    errors = sorted(predicted / real - 1 for real, predicted in medians)
    print(
        f"{':'.join(program):<24} measured {real_s * 1e3:>7.1f} ms  predicted {predicted_s * 1e3:>7.1f} ms"
        f"  error {statistics.median(errors):>+5.0%} ({errors[0]:+.0%} to {errors[-1]:+.0%})",
        flush=True,
    )


if __name__ == "__main__":
    main()

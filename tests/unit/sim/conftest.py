"""Running the same block under several seeds, twice each: what tests of the simulated cluster share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import pytest

import simactors
from simactors.core.fault_plan import Fault, FaultPlan
from simactors.sim.config import SimConfig

SEEDS = range(4)


class RunAll(Protocol):
    """What the fixture `results` gives."""

    def __call__(
        self, program: Callable[[], Any], *faults: Fault, config: SimConfig | None = None
    ) -> list[Any]: ...


@pytest.fixture
def results() -> RunAll:
    """Runs a program under several seeds, and each seed twice: its results, once it has repeated.

    Unless the test has a config of its own, processes share their globals: it looks into them through a list.
    """

    def run(program: Callable[[], Any], *faults: Fault, config: SimConfig | None = None) -> list[Any]:
        return [run_twice(program, seed, faults, config) for seed in SEEDS]

    return run


def run_twice(
    program: Callable[[], Any], seed: int, faults: tuple[Fault, ...], config: SimConfig | None
) -> Any:
    found = []
    for _ in range(2):
        used = config or SimConfig(share_globals=True)
        with simactors.simulate(seed=seed, config=used, faults=FaultPlan(faults)) as sim:
            result = program()
        found.append((sim.digest, result))
    assert found[0][0] == found[1][0], f"seed {seed} did not repeat"
    return found[0][1]

"""Every test here is a promise of the API, held by every backend.

Goal: a program can't tell the backends apart but by time. Method: the fixture `ray` opens one backend after the other
and gives the test the module it would otherwise import. The simulator gets several seeds: a promise holds in each
schedule.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest

import simactors


@pytest.fixture(params=["sim-0", "sim-1", "sim-2", "local"])
def ray(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """`simactors`, initialized on one backend with 4 CPUs."""
    backend, _, seed = request.param.partition("-")
    if backend == "sim":
        simactors.init(backend="sim", seed=int(seed), num_cpus=4)
    else:
        simactors.init(backend="local", num_cpus=4)
    try:
        yield simactors
    finally:
        simactors.shutdown()

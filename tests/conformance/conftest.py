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
from simactors.api import session


def pytest_configure(config: pytest.Config) -> None:
    """Make known the mark of promises that a backend can't keep yet."""
    config.addinivalue_line(
        "markers",
        "not_yet(backend=reason): a promise that this backend can't keep yet; the innermost mark counts, so that "
        "one without reasons says that every backend keeps it",
    )


@pytest.fixture(params=["sim-0", "sim-1", "sim-2", "local"])
def ray(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """`simactors`, initialized on one backend with 4 CPUs."""
    backend, _, seed = request.param.partition("-")
    not_yet = request.node.get_closest_marker("not_yet")
    if not_yet is not None and backend in not_yet.kwargs:
        # Strict: whoever makes the promise true must take the mark away.
        request.applymarker(pytest.mark.xfail(reason=not_yet.kwargs[backend], strict=True))
    monkeypatch.setenv(session.BACKEND_VARIABLE, backend)  # for tests that open a cluster of their own
    if backend == "sim":
        simactors.init(backend="sim", seed=int(seed), num_cpus=4)
    else:
        simactors.init(backend="local", num_cpus=4)
    try:
        yield simactors
    finally:
        simactors.shutdown()

"""Every test here is a promise of the API, held by every backend.

Goal: a program can't tell the backends apart but by time. Method: the fixture `ray` opens one backend after the other
and gives the test the module it would otherwise import. The simulator gets several seeds: a promise holds in each
schedule.
"""

from __future__ import annotations

import contextlib
import os
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
    config.addinivalue_line(
        "markers",
        "ends_driver(backend=reason): a promise that may end the driver of this backend, and so is not tried there",
    )
    config.addinivalue_line(
        "markers",
        "own_cluster: on Ray this test can't share a cluster with the others, and finds none open: it initializes one "
        "in its own way, or lets its first call do it, when the environment is as it needs it",
    )


_CHOSEN = os.environ.get("CONFORMANCE_BACKENDS", "sim,local").split(",")
_PARAMS = [p for p in ("sim-0", "sim-1", "sim-2", "local", "ray") if p.partition("-")[0] in _CHOSEN]


@pytest.fixture(params=_PARAMS)
def ray(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """`simactors`, initialized on one backend with 4 CPUs."""
    backend, _, seed = request.param.partition("-")
    not_yet = request.node.get_closest_marker("not_yet")
    if not_yet is not None and backend in not_yet.kwargs:
        # Strict: whoever makes the promise true must take the mark away.
        request.applymarker(pytest.mark.xfail(reason=not_yet.kwargs[backend], strict=True))
    ends_driver = request.node.get_closest_marker("ends_driver")
    if ends_driver is not None and backend in ends_driver.kwargs:
        pytest.skip(ends_driver.kwargs[backend])
    monkeypatch.setenv(session.BACKEND_VARIABLE, backend)  # for tests that open a cluster of their own
    opened = (
        _on_ray(own=request.node.get_closest_marker("own_cluster") is not None)
        if backend == "ray"
        else _alone(backend, int(seed) if seed else None)
    )
    with opened:
        yield simactors


@contextlib.contextmanager
def _alone(backend: str, seed: int | None) -> Iterator[None]:
    simactors.init(backend=backend, seed=seed, num_cpus=4)
    try:
        yield
    finally:
        simactors.shutdown()


@contextlib.contextmanager
def _on_ray(*, own: bool) -> Iterator[None]:
    """Joined to a Ray that stays for the next test, because starting one takes seconds; or without any."""
    import ray

    if own:
        ray.shutdown()
    else:
        if not ray.is_initialized():
            ray.init(num_cpus=4, include_dashboard=False)
        simactors.init(backend="ray")
    try:
        yield
    finally:
        simactors.shutdown()
        if not own and ray.is_initialized():
            _clear_ray()


def _clear_ray() -> None:
    """End what a test has left in the cluster: detached actors, those that a traceback refers to, groups."""
    import ray
    from ray._private import state, worker
    from ray.util.placement_group import PlacementGroup, placement_group_table, remove_placement_group

    for actor_id, row in state.actors().items():
        if row["State"] != "DEAD":
            worker.global_worker.core_worker.kill_actor(ray.ActorID.from_hex(actor_id), True)
    for group_id, row in placement_group_table().items():
        if row["state"] != "REMOVED":
            remove_placement_group(PlacementGroup(ray.PlacementGroupID.from_hex(group_id)))

"""What `init` takes and what it refuses."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import simactors
from simactors.api import session
from simactors.core import backend as backends
from simactors.core import current
from simactors.core.backend import Settings
from simactors.core.fault_plan import CrashProcess, FaultPlan


@pytest.fixture
def told(backend: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Settings]]:
    """Nothing is open; gives what the next backend is told."""
    settings: list[Settings] = []

    def open_backend(name: str, told: Settings) -> Any:
        settings.append(told)
        return backend

    current.close_session(current.sessions[-1])
    monkeypatch.setattr(backends, "open_backend", open_backend)
    yield settings
    simactors.shutdown()


def test_a_worker_of_ray_is_initialized_before_anybody_asks(
    told: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "around", lambda: "ray")
    assert simactors.is_initialized()
    with pytest.raises(RuntimeError, match="init twice by accident"):
        simactors.init()
    simactors.init(ignore_reinit_error=True)
    assert len(told) == 1


def test_memory_is_a_resource_like_others(told: list[Settings]) -> None:
    simactors.init(
        num_cpus=2,
        num_gpus=1,
        resources={"spoon": 1},
        object_store_memory=10,
        _memory=20,
        include_dashboard=False,
    )
    assert (told[0].num_cpus, told[0].num_gpus) == (2, 1)
    assert told[0].resources == {"spoon": 1, "object_store_memory": 10, "memory": 20}


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"resources": {"CPU": 1}}, ValueError, "`CPU` cannot be a custom resource: say `num_cpus` instead"),
        ({"resources": {"memory": 1}}, ValueError, "say `_memory` instead"),
        ({"resources": 5}, TypeError, "resources must be a dict of str to float, not 5"),
        ({"labels": 5}, TypeError, "labels must be a dict of str to str, not 5"),
        ({"labels": {"rack": 5}}, TypeError, "labels must be a dict of str to str, not {'rack': 5}"),
    ],
)
def test_resources_and_labels_are_dictionaries_and_name_no_cpus(
    told: list[Settings], wrong: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        simactors.init(**wrong)
    assert not told


def test_who_joins_a_cluster_can_not_size_it(told: list[Settings]) -> None:
    for sizes in ({"num_cpus": 1}, {"num_gpus": 0}):
        with pytest.raises(ValueError, match="When connecting to an existing cluster"):
            simactors.init(address="auto", **sizes)  # type: ignore[arg-type]  # mypy can't tell the keywords apart
    simactors.init(address="local", num_cpus=1)
    assert told[0].address == "local"


def test_a_keyword_that_ray_has_not_is_an_error(told: list[Settings]) -> None:
    with pytest.raises(RuntimeError, match=r"Unknown keyword argument\(s\): cpus"):
        simactors.init(cpus=1)
    assert not told


def test_an_ability_that_the_backend_has_not_is_refused_by_its_name(backend: Any) -> None:
    class Bare:
        name = "bare"

        def close(self) -> None: ...

    current.close_session(current.sessions[-1])
    current.open_session(Bare(), scoped=False)  # type: ignore[arg-type]  # as little of a backend as will do
    for ask, what in (
        (simactors.nodes, "nodes"),
        (lambda: simactors.cancel(backend.ref()), r"cancel\(\)"),
        (simactors.get_runtime_context().get_job_id, "get_runtime_context"),
    ):
        with pytest.raises(ValueError, match=f"{what} is not supported by backend='bare' yet"):
            ask()


def test_who_runs_a_program_says_what_holds_if_the_program_does_not(told: list[Settings]) -> None:
    plans = [FaultPlan((CrashProcess(process=name, at_s=1.0),)) for name in ("a", "b")]
    with session.defaults(faults=plans[0], resources={"GPU": 2}):
        simactors.init()
        simactors.shutdown()
        simactors.init(faults=plans[1], num_gpus=1)
        simactors.shutdown()
    simactors.init()
    seen = [(each.faults, each.num_gpus, each.default_resources) for each in told]
    assert seen == [(plans[0], None, {"GPU": 2}), (plans[1], 1, {"GPU": 2}), (None, None, {})]


def test_what_init_returns_is_read_as_rays_is(told: list[Settings]) -> None:
    with simactors.init() as context:
        assert context.dashboard_url == ""
        assert context["address"] == context.address_info["address"] == dict(context)["address"]
        assert len(context) == len(context.address_info)
        assert sys.version.startswith(context.python_version)
    assert not simactors.is_initialized()


def test_threads_that_ask_at_once_find_one_session(
    told: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    open_backend = backends.open_backend
    others: list[threading.Thread] = []

    def open_slowly(name: str, settings: Settings) -> Any:
        if not others:  # somebody else asks while this one opens it
            others.append(threading.Thread(target=session.active))
            others[0].start()
            others[0].join(0.1)
        return open_backend(name, settings)

    monkeypatch.setattr(backends, "open_backend", open_slowly)
    session.active()
    others[0].join()
    assert len(told) == 1

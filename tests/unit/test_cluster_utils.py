"""Clusters of nodes: whose backend they use, and when they let `init` join."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import simactors
from simactors import cluster_utils
from simactors.cluster_utils import Cluster
from simactors.core import backend as backends
from simactors.core import current
from simactors.core.backend import Settings


@pytest.fixture
def opened(backend: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Nothing is open; whatever is opened is the fake backend. Gives the names that were asked for."""
    names: list[str] = []

    def open_backend(name: str, settings: Settings) -> Any:
        names.append(name)
        return backend

    current.close_session(current.sessions[-1])
    backend.closed = False
    monkeypatch.setattr(backends, "open_backend", open_backend)
    monkeypatch.delenv("SIMACTORS_BACKEND", raising=False)
    yield names
    simactors.shutdown()


def test_init_joins_the_cluster_that_was_made_before(backend: Any, opened: list[str]) -> None:
    cluster = Cluster()
    assert cluster.address is None
    head = cluster.add_node(num_cpus=2, resources={"spoon": 1}, labels={"zone": "a"})
    assert opened == ["sim"]
    assert not simactors.is_initialized()
    with pytest.raises(ValueError, match="num_cpus and num_gpus must not be provided"):
        simactors.init(address=cluster.address, num_cpus=3)
    simactors.init(address=cluster.address)
    assert simactors.is_initialized()
    assert opened == ["sim"]
    assert head is cluster.head_node
    assert head.node_id == simactors.get_runtime_context().get_node_id()
    row = simactors.nodes()[0]
    assert row["Resources"]["CPU"] == 2.0
    assert row["Resources"]["spoon"] == 1.0
    assert row["Labels"]["zone"] == "a"
    simactors.shutdown()
    assert not backend.closed
    cluster.shutdown()
    cluster.shutdown()
    assert backend.closed
    assert current.session() is None


def test_nodes_come_and_go(backend: Any, opened: list[str]) -> None:
    cluster = Cluster(initialize_head=True, connect=True, head_node_args={"num_cpus": 1})
    worker = cluster.add_node()
    assert cluster.list_all_nodes() == [cluster.head_node, worker]
    cluster.wait_for_nodes()
    assert worker.alive()
    cluster.remove_node(worker)
    assert not worker.alive()
    assert cluster.worker_nodes == []
    assert cluster.remaining_processes_alive()
    with pytest.raises(KeyError):
        cluster.remove_node(worker)
    with pytest.raises(ValueError, match="Removing a node that is connected to this Ray client"):
        cluster.remove_node(cluster.head_node)  # type: ignore[arg-type]  # there is one
    assert not simactors.is_initialized()
    cluster.shutdown()


def test_waiting_for_nodes_that_died_is_given_up(backend: Any, opened: list[str]) -> None:
    cluster = Cluster(initialize_head=True)
    backend.remove_node(1)
    with pytest.raises(TimeoutError, match="Timed out while waiting for nodes to join"):
        cluster.wait_for_nodes(timeout=0)
    cluster.shutdown()


def test_the_environment_chooses_the_backend(
    backend: Any, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMACTORS_BACKEND", "local")
    cluster = Cluster(initialize_head=True)
    assert opened == ["local"]
    cluster.shutdown()


def test_an_open_simulation_lends_its_nodes(backend: Any, opened: list[str]) -> None:
    session = current.open_session(backend, scoped=True)
    cluster = Cluster(initialize_head=True, connect=True)
    assert opened == []
    cluster.add_node()
    simactors.shutdown()
    cluster.shutdown()
    assert not backend.closed
    assert [node.alive for node in backend.node_infos] == [True, False]
    current.close_session(session)


def test_a_cluster_comes_before_init(backend: Any) -> None:
    with pytest.raises(RuntimeError, match="before init"):
        Cluster(initialize_head=True)


def test_wrong_arguments_are_refused(opened: list[str]) -> None:
    with pytest.raises(RuntimeError, match="Cannot connect to uninitialized cluster"):
        Cluster(connect=True)
    with pytest.raises(TypeError, match="unexpected keyword argument 'cpus'"):
        Cluster().add_node(cpus=1)
    with pytest.raises(ValueError, match="Invalid label key name"):
        Cluster().add_node(labels={"-": "x"})
    cluster = Cluster()
    cluster.add_node(_system_config={"health_check_period_ms": 100}, dashboard_port=1)
    cluster.shutdown()


def test_helpers_of_rays_tests_name_the_nodes_without_the_driver(backend: Any, opened: list[str]) -> None:
    cluster = cluster_utils.Cluster(initialize_head=True)
    others = [cluster.add_node(num_cpus=1) for _ in range(2)]
    assert cluster_utils.get_other_nodes(cluster) == cluster_utils.get_non_head_nodes(cluster) == others
    assert not cluster_utils.cluster_not_supported
    cluster.shutdown()

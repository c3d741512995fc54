"""`Cluster`: nodes that a test adds and removes while its program runs, as ``ray.cluster_utils.Cluster``.

Not the nodes themselves, which are the backend's (`core.abilities.ChangesNodes`). As in Ray's tests, a cluster is made
first, and `init` with its address joins it::

    cluster = Cluster()
    cluster.add_node(num_cpus=2)
    init(address=cluster.address)
"""

from __future__ import annotations

import atexit
import logging
import os
import time
from collections.abc import Mapping
from typing import Any

from simactors.api import session
from simactors.core import backend as backends
from simactors.core import current, ids, labels
from simactors.core.abilities import ChangesNodes, KnowsItself
from simactors.core.backend import Settings

log = logging.getLogger("simactors")

cluster_not_supported = False
"""Ray's tests ask for it, and skip what needs several nodes where those can't be started."""

DEFAULT_BACKEND = "sim"  # the only one that has several nodes without several machines

_MIB = 2**20
_DEFAULTS: Mapping[str, float] = {
    "CPU": 1,
    "memory": 16 * 1024 * _MIB,
    "object_store_memory": 150 * _MIB,
}
_RESOURCES = {
    "num_cpus": "CPU",
    "num_gpus": "GPU",
    "memory": "memory",
    "object_store_memory": "object_store_memory",
}

# Other keywords of `add_node` on Ray: how its processes are started, which means nothing here.
_MEANINGLESS = frozenset(
    [
        "_system_config",
        "autoscaling_config",
        "cluster_id",
        "dashboard_agent_listen_port",
        "dashboard_host",
        "dashboard_port",
        "enable_object_reconstruction",
        "env_vars",
        "external_addresses",
        "gcs_address",
        "gcs_server_port",
        "huge_pages",
        "include_dashboard",
        "include_log_monitor",
        "log_to_stderr",
        "max_worker_port",
        "metrics_agent_port",
        "metrics_export_port",
        "min_worker_port",
        "no_monitor",
        "node_id",
        "node_ip_address",
        "node_manager_port",
        "node_name",
        "num_redis_shards",
        "object_manager_port",
        "object_spilling_directory",
        "plasma_directory",
        "plasma_store_socket_name",
        "proxy_server_url",
        "ray_client_server_port",
        "ray_debugger_external",
        "raylet_socket_name",
        "redirect_output",
        "redis_address",
        "redis_max_clients",
        "redis_password",
        "redis_port",
        "redis_shard_ports",
        "redis_username",
        "resource_isolation_config",
        "runtime_env_agent_port",
        "runtime_env_dir_name",
        "session_name",
        "setup_worker_path",
        "temp_dir",
        "tracing_startup_hook",
        "webui",
        "worker_path",
        "worker_port_list",
    ]
)


class ClusterNode:
    """A node of a `Cluster`.

    Attributes:
        number: its id as the backend knows it.
        node_id: its id as `nodes` shows it.
        head: it is the one where the driver runs.
    """

    def __init__(self, number: int, *, head: bool, backend: KnowsItself) -> None:
        self.number = number
        self.node_id = ids.node_id(number).hex()
        self.node_ip_address = ids.node_address(number)
        self.head = head
        self._backend = backend

    @property
    def unique_id(self) -> str:
        """Another of Ray's names for `node_id`."""
        return self.node_id

    @property
    def gcs_address(self) -> str:
        """The address of its cluster."""
        return session.ADDRESS

    @property
    def address(self) -> str:
        """The address of its cluster."""
        return session.ADDRESS

    def alive(self) -> bool:
        """Whether the cluster believes that it lives."""
        return any(node.alive for node in self._backend.nodes() if node.node_id == self.number)

    def __repr__(self) -> str:
        return f"ClusterNode({self.node_id})"


class Cluster:
    """Nodes on one backend; the first one is the head.

    Inside ``with simulate():`` and ``simactors run`` these are nodes of the simulation that is open, instead of those
    it began with. Elsewhere a cluster opens the backend that the environment variable SIMACTORS_BACKEND names, `sim`
    by default, and `shutdown` closes it.

    Args:
        initialize_head: add the head at once.
        connect: and `init` at once, too.
        head_node_args: arguments of `add_node` for it.
        shutdown_at_exit: close what is left open when the program ends.

    Attributes:
        head_node: None before the first `add_node`.
        worker_nodes: the others, oldest first.
    """

    def __init__(
        self,
        initialize_head: bool = False,
        connect: bool = False,
        head_node_args: Mapping[str, Any] | None = None,
        shutdown_at_exit: bool = True,
    ) -> None:
        if connect and not initialize_head:
            raise RuntimeError("Cannot connect to uninitialized cluster.")
        self.head_node: ClusterNode | None = None
        self.worker_nodes: list[ClusterNode] = []
        self.connected = False
        self._opened: current.Session | None = None  # ours to close
        self._backend: Any = None
        self._shutdown_at_exit = shutdown_at_exit
        if initialize_head:
            self.add_node(**(head_node_args or {}))
        if connect:
            self.connect()

    @property
    def address(self) -> str | None:
        """What `init` takes to join; None without a head."""
        return None if self.head_node is None else session.ADDRESS

    @property
    def gcs_address(self) -> str | None:
        """Another of Ray's names for `address`."""
        return self.address

    def connect(self, namespace: str | None = None) -> None:
        """Let the driver join, as ``init(address=cluster.address)``."""
        assert self.address is not None
        assert not self.connected
        session.init(namespace=namespace, ignore_reinit_error=True, address=self.address)
        self.connected = True

    def add_node(self, wait: bool = True, **node_args: Any) -> ClusterNode:
        """A new node.

        Args:
            wait: taken for Ray's sake; the node is there when this returns.
            node_args: `num_cpus` (1 by default), `num_gpus`, `memory` and `object_store_memory` in bytes, `resources`,
                `labels`. Other keywords that Ray takes are ignored.

        Raises:
            TypeError: a keyword that Ray has not.
            ValueError: the backend has no nodes that come and go, or a label is malformed.
            RuntimeError: the first node after `init`.
        """
        quantities, node_labels = _read(node_args)
        if self.head_node is None:
            self._backend = self._open()
            self._backend.clear_nodes()
        number = self._backend.add_node(quantities, node_labels)
        node = ClusterNode(number, head=self.head_node is None, backend=self._backend)
        if self.head_node is None:
            self.head_node = node
        else:
            self.worker_nodes.append(node)
        return node

    def remove_node(self, node: ClusterNode, allow_graceful: bool = True) -> None:
        """Take a node away with all that runs and lies there; the rest of the cluster notices a moment later.

        Args:
            allow_graceful: taken for Ray's sake.

        Raises:
            ValueError: the driver runs there; as on Ray, that shuts the driver's session down.
            KeyError: it was removed before.
        """
        if node is self.head_node:
            if session.is_initialized():
                session.shutdown()
                raise ValueError(
                    "Removing a node that is connected to this Ray client is not allowed because it will break "
                    "the driver. You can use the get_other_node utility to avoid removing a node that the Ray "
                    "client is connected."
                )
            self.head_node = None
            return
        if node not in self.worker_nodes:
            raise KeyError(node)
        self.worker_nodes.remove(node)
        self._backend.remove_node(node.number)

    def remaining_processes_alive(self) -> bool:
        """Whether every node that was not removed lives."""
        return all(node.alive() for node in self.list_all_nodes())

    def list_all_nodes(self) -> list[ClusterNode]:
        """Every node that was not removed, the head first."""
        return ([] if self.head_node is None else [self.head_node]) + self.worker_nodes

    def wait_for_nodes(self, timeout: float = 30) -> None:
        """Wait until as many nodes live as were added and not removed.

        Args:
            timeout: seconds.

        Raises:
            TimeoutError: not in time.
        """
        end = time.monotonic() + timeout
        while sum(node.alive for node in self._backend.nodes()) != len(self.list_all_nodes()):
            if time.monotonic() >= end:
                raise TimeoutError("Timed out while waiting for nodes to join.")
            time.sleep(0.1)

    def shutdown(self) -> None:
        """Remove all nodes, and close the backend if the cluster opened it. Harmless if repeated."""
        opened, self._opened = self._opened, None
        workers, self.worker_nodes, self.head_node = self.worker_nodes, [], None
        self.connected = False
        if opened is None:
            for node in workers:
                self._backend.remove_node(node.number)
            return
        atexit.unregister(self.shutdown)
        current.close_session(opened)

    def _open(self) -> ChangesNodes:
        """The backend of the nodes."""
        if current.running.get() is not None:
            raise RuntimeError("a Cluster is made by the driver, not by tasks and actors")
        if self._opened is not None:
            return self._backend  # type: ignore[no-any-return]  # it has a new head
        outer = current.session()
        if outer is not None and outer.initialized:
            raise RuntimeError(
                "add the first node of a Cluster before init(), which then joins it by its address"
            )
        if outer is not None:
            return _with_nodes(outer.backend)
        name = os.environ.get(session.BACKEND_VARIABLE) or DEFAULT_BACKEND
        backend = backends.open_backend(name, Settings())
        try:
            able = _with_nodes(backend)
        except ValueError:
            backend.close()
            raise
        join = backend.join if isinstance(backend, current.Joinable) else None
        leave = backend.leave if isinstance(backend, current.Joinable) else None
        self._opened = current.open_session(backend, scoped=True, join=join, leave=leave)
        if self._shutdown_at_exit:
            atexit.register(self.shutdown)
        return able


def get_other_nodes(cluster: Cluster, exclude_head: bool = False) -> list[ClusterNode]:
    """The nodes of a cluster but for that of the driver; a helper of Ray's own tests.

    Args:
        exclude_head: taken for Ray's sake: the driver is on the head.
    """
    return cluster.worker_nodes[:]


def get_non_head_nodes(cluster: Cluster) -> list[ClusterNode]:
    """The nodes of a cluster but for the head; a helper of Ray's own tests."""
    return cluster.worker_nodes[:]


def _with_nodes(backend: backends.Backend) -> ChangesNodes:
    if isinstance(backend, ChangesNodes) and isinstance(backend, KnowsItself):
        return backend
    raise ValueError(f"a Cluster is not supported by backend={backend.name!r} yet")


def _read(node_args: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, str]]:
    """The quantities and labels that arguments of `add_node` ask for."""
    quantities = dict(_DEFAULTS)
    for name, value in node_args.items():
        if name in _RESOURCES:
            if value is not None:
                quantities[_RESOURCES[name]] = value
        elif name in _MEANINGLESS:
            log.debug("add_node: %s has no meaning here and is ignored", name)
        elif name not in ("resources", "labels"):
            raise TypeError(f"add_node() got an unexpected keyword argument '{name}'")
    quantities.update(node_args.get("resources") or {})
    node_labels = dict(node_args.get("labels") or {})
    problem = labels.labels_problem(node_labels)
    if problem is not None:
        raise ValueError(problem)
    return quantities, node_labels

"""`init`, `shutdown`, `is_initialized`: opening and closing a backend.

Not the backends themselves: which one is meant is decided here, once.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace

from simactors.api.arguments import settings_of
from simactors.core import backend as backends
from simactors.core import current, ids, starters, tracing
from simactors.core.abilities import JoinsThreads, KnowsItself, RecordsCalls
from simactors.core.backend import Backend, Settings

if TYPE_CHECKING:  # see core.backend
    from simactors.core.fault_plan import FaultPlan

# Looked at for every call: bound once.
_running = current.running.get
_sessions = current.sessions

log = logging.getLogger("simactors")

# What the code of workers asks `simactors` for, which loads it at its first use: once, before they are forked.
for _module in ("actors", "context", "objects", "remote"):
    starters.add(f"simactors.api.{_module}")

Ability = TypeVar("Ability")

DEFAULT_BACKEND = "local"
BACKEND_VARIABLE = "SIMACTORS_BACKEND"

ADDRESS = f"{ids.node_address(1)}:6379"
"""The address of whatever cluster is open; nothing listens there."""


class RayContext(Mapping[str, Any]):
    """What `init` returns; a context manager that shuts down at its end, as Ray's.

    Attributes:
        backend: the name of the open backend.
        address_info: for Ray programs that look at it; also the items of the mapping that this is.
        dashboard_url: empty: there is none.
        python_version: of this interpreter.
    """

    dashboard_url = ""
    python_version = ".".join(map(str, sys.version_info[:3]))

    def __init__(self, backend: str, address_info: Mapping[str, Any]) -> None:
        self.backend = backend
        self.address_info = address_info

    def disconnect(self) -> None:
        """Same as `shutdown`."""
        shutdown()

    def __enter__(self) -> RayContext:
        return self

    def __exit__(self, *_: object) -> None:
        shutdown()

    def __getitem__(self, key: str) -> Any:
        return self.address_info[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.address_info)

    def __len__(self) -> int:
        return len(self.address_info)


def init(
    address: str | None = None,
    *,
    backend: str | None = None,
    num_cpus: float | None = None,
    num_gpus: float | None = None,
    resources: Mapping[str, float] | None = None,
    namespace: str | None = None,
    ignore_reinit_error: bool = False,
    seed: int | None = None,
    faults: FaultPlan | None = None,
    **more: Any,
) -> RayContext:
    """Start the runtime; `shutdown` ends it.

    Inside ``with simulate():`` this only joins the open simulation.

    Args:
        address: on "ray", of a cluster, "auto" for the one that runs here; without it, Ray is started here. "local"
            refuses any but "local" and "auto", "sim" takes what programs say.
        backend: "sim", "local" or "ray". Without it, the environment variable SIMACTORS_BACKEND decides, and
            without that it is "local".
        num_cpus, num_gpus: how many CPUs and GPUs tasks and actors may take together; on "sim", of each node.
        resources: further resources, by name.
        namespace: of the names of actors that say none of their own.
        ignore_reinit_error: if a runtime is open already, go on with that instead of raising.
        seed: of the simulation; a misuse on other backends.
        faults: what is to go wrong, on "sim" and, as far as real processes can meet it, on "local".
        more: other keywords of Ray's `init`: `object_store_memory` and `_memory` in bytes; `labels`, for label
            selectors, as `num_cpus` of this machine or of each simulated node; `log_to_driver`, which False makes
            what actors and tasks print vanish; `logging_level`, of the logger "simactors" in all processes;
            `runtime_env`, of which "sim" honours `env_vars`, "local" also `working_dir`, for all tasks and actors,
            and the rest is ignored with a warning; `job_config`, which may say the same, and the namespace. What else
            Ray has is taken and ignored; what it has not is an error.

    Raises:
        RuntimeError: called twice without `ignore_reinit_error`, an unknown keyword, or another backend than
            that of the `simulate` block around it.
        ValueError: an unknown backend, a seed for a backend that has none, or resources for a cluster that is there.
        TypeError: resources or labels that are no dictionary.
    """
    settings = settings_of(
        more,
        address=address,
        num_cpus=num_cpus,
        num_gpus=num_gpus,
        resources=resources,
        namespace=namespace,
        seed=seed,
        faults=faults,
    )
    if settings.log_level is not None:
        log.setLevel(settings.log_level)
    session = current.session()
    if current.running.get() is not None or (session is None and backend is None and backends.around()):
        return _reinitialized(ignore_reinit_error, active())
    if session is not None and session.initialized:
        return _reinitialized(ignore_reinit_error, session.backend)
    if session is not None:
        return _join(session, backend, settings)
    chosen = backend or os.environ.get(BACKEND_VARIABLE) or DEFAULT_BACKEND
    if seed is not None and chosen != "sim":
        raise ValueError(f"seed={seed} means something only to backend='sim', not to {chosen!r}")
    opened = backends.open_backend(chosen, _with_defaults(settings))
    current.open_session(opened, scoped=False)
    _observe(opened)
    return _context(opened)


def _observe(backend: Backend) -> None:
    """Let what is asked of `backend` be written down, if the environment says so and it can't do that itself."""
    if os.environ.get(tracing.VARIABLE) and not isinstance(backend, RecordsCalls):
        # By name: it stands between `api` and backends, and knows more than `api` does.
        importlib.import_module("simactors.tracing").observe(backend)


@contextlib.contextmanager
def defaults(*, faults: FaultPlan, resources: Mapping[str, float]) -> Iterator[None]:
    """What holds for whatever a program opens without saying so itself.

    Args:
        faults: what is to go wrong.
        resources: see `Settings.default_resources`.
    """
    global _defaults
    before, _defaults = _defaults, Settings(faults=faults, default_resources=resources)
    try:
        yield
    finally:
        _defaults = before


_defaults = Settings()


def _with_defaults(settings: Settings) -> Settings:
    faults = settings.faults or _defaults.faults
    return replace(settings, faults=faults, default_resources=_defaults.default_resources)


def shutdown() -> None:
    """End the runtime and everything it started. Harmless if nothing is open.

    Inside ``with simulate():`` the simulation goes on; only `is_initialized()` is false again.
    """
    if current.running.get() is not None:
        return  # as in Ray, a worker can't end the cluster it runs on
    session = current.session()
    if session is None:
        return
    if not session.scoped:
        try:
            if isinstance(session.backend, JoinsThreads):
                session.backend.join_threads()
        finally:
            current.close_session(session)
    elif session.initialized and session.leave is not None:
        session.leave()
    session.initialized = False


def is_initialized() -> bool:
    """Whether a runtime is open here."""
    if current.running.get() is not None:
        return True
    session = current.session()
    return session.initialized if session is not None else backends.around() is not None


def able(ability: Callable[..., Ability], what: str) -> Ability:
    """The active backend as one that has `ability`, a Protocol of `core.abilities`.

    Args:
        what: the user's word for what needs it, for the error.

    Raises:
        ValueError: it hasn't.
    """
    backend: Any = active()
    protocol: Any = ability  # mypy takes no Protocol for a `type`
    if not isinstance(backend, protocol):
        raise ValueError(f"{what} is not supported by backend={backend.name!r} yet")
    return backend  # type: ignore[no-any-return]  # just checked


def active() -> Backend:
    """The backend of whoever runs now; opens the default one if there is none, as Ray does."""
    running = _running()
    if running is not None:
        return running.backend
    if not _sessions or not _sessions[-1].initialized:
        with _opening:
            if not _sessions or not _sessions[-1].initialized:
                init(backend=None if _sessions else backends.around())
    return _sessions[-1].backend


_opening = threading.RLock()
"""The first calls of a threaded actor on Ray begin at once, and are to find one session."""


def _reinitialized(ignore: bool, backend: Backend) -> RayContext:
    if not ignore:
        raise RuntimeError(
            "Maybe you called ray.init twice by accident? This error can be suppressed by passing in "
            "'ignore_reinit_error=True' or by calling 'ray.shutdown()' prior to 'ray.init()'."
        )
    log.debug("init: already initialized, ignored")
    return _context(backend)


def _join(session: current.Session, backend: str | None, settings: Settings) -> RayContext:
    inside = session.backend.name
    if backend is not None and backend != inside:
        raise RuntimeError(
            f"init(backend={backend!r}) inside an open {inside!r} session: leave the argument out, "
            f"or run the program with `simactors run --backend {backend}`."
        )
    if settings.seed is not None:
        log.debug("init: the open simulation has its own seed; seed=%s is ignored", settings.seed)
    if settings.faults is not None:
        raise ValueError(
            "init(faults=...) inside an open simulation: give them to simulate(faults=...) instead."
        )
    if session.join is not None:
        session.join(settings)
    session.initialized = True
    return _context(session.backend)


@functools.cache  # a look at a Protocol takes as long as all the rest of `init`
def _knows_itself(kind: type[Backend]) -> bool:
    return issubclass(kind, KnowsItself)


def _context(backend: Backend) -> RayContext:
    info: dict[str, Any] = {
        "address": ADDRESS,
        "gcs_address": ADDRESS,
        "node_ip_address": ids.node_address(1),
        "webui_url": "",
    }
    if _knows_itself(type(backend)):
        itself: Any = backend
        info["node_id"] = ids.node_id(itself.runtime_info().node_id).hex()
    return RayContext(backend.name, info)

"""What a backend promises, and where backends are found by name.

`get` is `wait` and then `read(...).unwrap()`: written once, in `api/objects.py`, for every backend.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct, field

from simactors.core.calls import Creation, MethodCall, TaskCall
from simactors.core.outcome import Outcome
from simactors.core.refs import ActorRef, ObjectRef

if TYPE_CHECKING:  # below us as well, but every interpreter would load it, and few need it
    from simactors.core.fault_plan import FaultPlan


class Settings(Struct, frozen=True, kw_only=True):
    """What `init` was told, as far as a backend may care.

    Attributes:
        num_cpus: CPUs of this machine (or of every simulated node); None for what it has.
        default_resources: by name, ``GPU`` too: what a runtime that is started anew has of them all the same, if this
            does not say how many; who joins a cluster that is there takes it as it is.
        namespace: where names of actors live unless said otherwise.
        seed: of a simulation; None elsewhere.
        log_to_driver: the driver shows what other processes print.
        faults: what is to go wrong; None for nothing.
        object_store_memory: bytes of shared memory that all processes may take for large values; None for the
            backend's own choice.
        runtime_env: what all tasks and actors are to be started in; empty for what the driver was.
        log_level: of our own log, by Python's numbers; None for what it has.
        labels: of this machine (or of every simulated node), for label selectors.
    """

    num_cpus: float | None = None
    num_gpus: float | None = None
    resources: Mapping[str, float] = field(default_factory=dict)
    default_resources: Mapping[str, float] = field(default_factory=dict)
    namespace: str | None = None
    address: str | None = None
    seed: int | None = None
    log_to_driver: bool = True
    faults: FaultPlan | None = None
    object_store_memory: int | None = None
    runtime_env: Mapping[str, Any] = field(default_factory=dict)
    log_level: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


class Backend(Protocol):
    """A runtime for actors and tasks, seen from the process that holds it.

    Who calls is known to the backend itself (from `core.current` or because each process has its own).
    """

    @property
    def name(self) -> str:
        """What `init(backend=...)` calls it."""
        ...

    def submit_task(self, call: TaskCall) -> list[ObjectRef[Any]]:
        """Start a task; its refs, one for each return value.

        Raises:
            TypeError: an argument can't be serialized.
        """
        ...

    def submit_method(self, call: MethodCall) -> list[ObjectRef[Any]]:
        """Call an actor; calls of one process to one plain actor run in the order of submission."""
        ...

    def create_actor(self, creation: Creation) -> ActorRef:
        """Start an actor. Raises `ActorAlreadyExistsError` if its name is taken."""
        ...

    def find_actor(self, name: str, namespace: str | None) -> ActorRef | None:
        """The living actor of that name, or None."""
        ...

    def kill(self, actor: ActorRef, *, no_restart: bool) -> None:
        """End an actor's process; returns before it has ended."""
        ...

    def put(self, value: object) -> ObjectRef[Any]:
        """Store a copy of `value`, owned by the caller."""
        ...

    def wait(
        self,
        refs: Sequence[ObjectRef[Any]],
        num_returns: int,
        timeout_s: float | None,
        *,
        stop_at_error: bool = False,
    ) -> list[ObjectRef[Any]]:
        """Block until `num_returns` of `refs` are ready or the time is up.

        Args:
            timeout_s: seconds; None waits for ever, 0 only looks.
            stop_at_error: return as soon as one of them is ready with a failure.

        Returns:
            At most `num_returns` of the ready ones, in the order of `refs`.
        """
        ...

    def read(self, ref: ObjectRef[Any]) -> Outcome:
        """The outcome of a ref that `wait` returned."""
        ...

    def close(self) -> None:
        """End everything the backend started; harmless if repeated."""
        ...


class Opener(Protocol):
    """What a backend's module offers under the name ``open_backend``."""

    def __call__(self, settings: Settings) -> Backend:
        """Start it; `init` was told `settings`."""
        ...


_MODULES: Mapping[str, str] = {
    "sim": "simactors.sim.backend",
    "local": "real_backend.backend",
    "ray": "simactors.ray_backend",
}

# What a backend needs beyond what is always installed; the extra that installs it has its name.
_EXTRAS: Mapping[str, str] = {"ray": "ray"}


def around() -> str | None:
    """The name of the backend whose worker this process is, if nobody here has opened a session.

    Workers of `local` and of `sim` have one from their start. Those of Ray are Ray's: nothing of ours runs there before
    the user's code does.
    """
    worker: Any = sys.modules.get("ray._private.worker")
    if worker is not None and worker.global_worker.mode == worker.WORKER_MODE:
        return "ray"
    return None


def names() -> list[str]:
    """The names `init(backend=...)` takes."""
    return list(_MODULES)


def lack(name: str) -> str | None:
    """What is missing here for the backend called `name`, and what to do; None if nothing is."""
    package = _EXTRAS.get(name)
    if package is None or importlib.util.find_spec(package) is not None:
        return None
    return (
        f"the backend {name!r} needs the package {package!r}, which is not installed: "
        f"pip install 'simactors[{package}]'"
    )


def open_backend(name: str, settings: Settings) -> Backend:
    """Start the backend called `name`.

    Raises:
        ValueError: there is none of that name.
        ImportError: it needs a package that is not installed.
    """
    if name not in _MODULES:
        raise ValueError(f"unknown backend {name!r}: use one of {', '.join(names())}")
    missing = lack(name)
    if missing is not None:
        raise ImportError(missing)
    module = importlib.import_module(_MODULES[name])
    opener: Opener = module.open_backend
    return opener(settings)

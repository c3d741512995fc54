"""Lets unmodified ``import ray`` code run on simactors: ``import ray`` finds façades of simactors' modules.

Not an implementation of anything: every name leads to the one object that simactors has. What leads where
is the table `MODULES`. Called by ``simactors run --as-ray`` and by users::

    import simactors.as_ray

    simactors.as_ray.install()
    import ray

Real Ray, if it is installed or imported already, is set aside and comes back with `uninstall`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# A module of Ray -> where its names are: all public names of a module, or one name behind a colon.
MODULES: Mapping[str, Sequence[str]] = {
    "ray": ("simactors",),
    "ray.actor": (
        "simactors.api.handles:ActorHandle",
        "simactors.api.handles:ActorMethod",
        "simactors.api.remote:ActorClass",
        "simactors.api.actors:exit_actor",
        "simactors.api.remote:method",
    ),
    "ray.cloudpickle": ("cloudpickle",),
    "ray.cluster_utils": ("simactors.cluster_utils:Cluster",),
    "ray.exceptions": ("simactors.exceptions",),
    "ray.remote_function": ("simactors.api.remote:RemoteFunction",),
    "ray.runtime_context": (
        "simactors.api.context:RuntimeContext",
        "simactors.api.context:get_runtime_context",
    ),
    "ray.types": ("simactors.core.refs:ObjectRef",),
    "ray.util": ("simactors.util",),
    "ray.util.actor_pool": ("simactors.util.actor_pool",),
    "ray.util.check_serialize": (
        "simactors.util.serialization:FailureTuple",
        "simactors.util.serialization:inspect_serializability",
    ),
    "ray.util.helpers": ("simactors.util.completion",),
    "ray.util.placement_group": ("simactors.util.placement_group",),
    "ray.util.queue": ("simactors.util.queue",),
    "ray.util.scheduling_strategies": ("simactors.util.scheduling_strategies",),
    "ray.util.serialization": (
        "simactors.util.serialization:register_serializer",
        "simactors.util.serialization:deregister_serializer",
    ),
}

# Ray Core is in scope; what is built on it, and the tools around a cluster, are not.
OUT_OF_SCOPE = frozenset(
    {
        "ray.air",
        "ray.autoscaler",
        "ray.dag",
        "ray.dashboard",
        "ray.data",
        "ray.job_submission",
        "ray.llm",
        "ray.rllib",
        "ray.serve",
        "ray.train",
        "ray.tune",
        "ray.workflow",
        "ray.util.client",
        "ray.util.collective",
        "ray.util.dask",
        "ray.util.joblib",
        "ray.util.multiprocessing",
        "ray.util.spark",
        "ray.util.state",
    }
)

# The release whose behaviour docs/semantics.md describes: what programs that compare versions should see.
RAY_VERSION = "2.60.0"


def install() -> None:
    """Make ``import ray`` mean simactors in this process, until `uninstall`. Harmless if repeated."""
    if is_installed():
        return
    _set_aside.update(_take_ray_modules())
    sys.meta_path.insert(0, _finder)


def uninstall() -> None:
    """Undo `install`; real Ray's modules, if they were imported, are back. Harmless if repeated."""
    if not is_installed():
        return
    sys.meta_path.remove(_finder)
    _take_ray_modules()
    sys.modules.update(_set_aside)
    _set_aside.clear()


def is_installed() -> bool:
    """Whether ``import ray`` means simactors here."""
    return _finder in sys.meta_path


@contextmanager
def as_ray() -> Iterator[None]:
    """``with as_ray():`` is `install` and, unless it was installed before, `uninstall` at the end."""
    installed_before = is_installed()
    install()
    try:
        yield
    finally:
        if not installed_before:
            uninstall()


class _Facade(ModuleType):
    """A module under Ray's name; resolves each name at its first use.

    Not the module it stands for: the import system would write Ray's name into that one's `__spec__`.
    """

    def __getattr__(self, name: str) -> Any:
        value = _resolve(self.__name__, name)
        setattr(self, name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        # The import system sets a submodule on its package. As in Ray, the function `ray.util.placement_group` hides
        # the module of that name, however that comes to be imported.
        if isinstance(value, _Facade) and name in _public_names(self.__name__):
            value = _resolve(self.__name__, name)
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_public_names(self.__name__)})

    def __reduce__(self) -> tuple[Any, ...]:
        # Code that goes to another process by value takes its `ray` along; there it must mean the same.
        return _import_as_ray, (self.__name__,)


class _Finder(MetaPathFinder, Loader):
    """Finds and loads the façades; refuses what there is none for."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname.partition(".")[0] != "ray":
            return None
        if fullname not in MODULES:
            # Not ModuleNotFoundError: `from ray import data` would swallow it together with its message.
            raise ImportError(_missing(fullname), name=fullname)
        # Called a package even where Ray has a plain module, so that `from ray.exceptions import Missing`
        # asks here, and is answered with our message.
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Facade(spec.name, f"simactors under the name of {spec.name}.")

    def exec_module(self, module: ModuleType) -> None:
        pass


_finder = _Finder()
_set_aside: dict[str, ModuleType] = {}


def _import_as_ray(name: str) -> ModuleType:
    install()
    return importlib.import_module(name)


def _take_ray_modules() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name.partition(".")[0] == "ray"]
    return {name: sys.modules.pop(name) for name in names}


def _resolve(module: str, name: str) -> Any:
    if module == "ray" and name == "__version__":
        return RAY_VERSION
    if name == "__all__":
        return _public_names(module)
    for place in MODULES[module]:
        source, _, only = place.partition(":")
        if only == name or (not only and name in _public(source)):
            value = getattr(importlib.import_module(source), name)
            if not isinstance(value, ModuleType):  # a module has a façade of its own
                return value
    if f"{module}.{name}" in MODULES:
        return importlib.import_module(f"{module}.{name}")
    raise AttributeError(_missing(f"{module}.{name}"), name=name)


def _public_names(module: str) -> list[str]:
    names: list[str] = []
    for place in MODULES[module]:
        source, _, only = place.partition(":")
        names += [only] if only else _public(source)
    return names


def _public(source: str) -> Sequence[str]:
    """What a module declares in ``__all__`` or, without one, defines under a public name."""
    module = importlib.import_module(source)
    declared: Sequence[str] | None = getattr(module, "__all__", None)
    if declared is not None:
        return declared
    return [n for n, v in vars(module).items() if n[0] != "_" and getattr(v, "__module__", "") == source]


def _missing(name: str) -> str:
    parts = name.split(".")
    for end in range(2, len(parts) + 1):
        scope = ".".join(parts[:end])
        if scope in OUT_OF_SCOPE:
            return f"{scope} is out of simactors' scope: it covers Ray Core, not the libraries built on it"
    return f"simactors has no {name} (yet); docs/semantics.md says what it has"

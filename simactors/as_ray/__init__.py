"""Lets unmodified ``import ray`` code run on simactors: ``import ray`` finds façades of simactors' modules.

Not an implementation of anything: every name leads to the one object that simactors has. What leads where
is the table in `modules`; what is not there, and why, the one in `absent`. Called by
``simactors run --as-ray``, ``pytest --as-ray``, ``python -m simactors.as_ray script.py`` and by users::

    import simactors.as_ray

    simactors.as_ray.install()
    import ray

Real Ray, if it is installed or imported already, is set aside and comes back with `uninstall`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from simactors.as_ray.absent import reason
from simactors.as_ray.modules import MODULES, RAY_VERSION
from simactors.core import starters


def install() -> None:
    """Make ``import ray`` mean simactors in this process, until `uninstall`. Harmless if repeated."""
    if is_installed():
        return
    _set_aside.update(_take_ray_modules())
    sys.meta_path.insert(0, _finder)
    starters.add(_STARTER)


def uninstall() -> None:
    """Undo `install`; real Ray's modules, if they were imported, are back. Harmless if repeated."""
    if not is_installed():
        return
    sys.meta_path.remove(_finder)
    starters.remove(_STARTER)
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
            raise ImportError(reason(fullname), name=fullname)
        # Called a package even where Ray has a plain module, so that `from ray.exceptions import Missing`
        # asks here, and is answered with our message.
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Facade(spec.name, f"simactors under the name of {spec.name}.")

    def exec_module(self, module: ModuleType) -> None:
        pass


_STARTER = f"{__name__}:install"
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
        source, inside = _found(place, name)
        if inside is not None:
            value = getattr(importlib.import_module(source), inside)
            if not isinstance(value, ModuleType):  # a module has a façade of its own
                return value
    if f"{module}.{name}" in MODULES:
        return importlib.import_module(f"{module}.{name}")
    raise AttributeError(reason(f"{module}.{name}"), name=name)


def _found(place: str, name: str) -> tuple[str, str | None]:
    """The module of a place of the table, and what `name` is called there; None if it has none of that name."""
    source, _, only = place.partition(":")
    if not only:
        return source, name if name in _public(source) else None
    inside, _, outside = only.partition(" as ")
    return source, inside if name == (outside or inside) else None


def _public_names(module: str) -> list[str]:
    names: list[str] = []
    for place in MODULES[module]:
        source, _, only = place.partition(":")
        names += [only.rpartition(" as ")[2]] if only else _public(source)
    return names


def _public(source: str) -> Sequence[str]:
    """What a module declares in ``__all__`` or, without one, defines under a public name."""
    module = importlib.import_module(source)
    declared: Sequence[str] | None = getattr(module, "__all__", None)
    if declared is not None:
        return declared
    return [n for n, v in vars(module).items() if n[0] != "_" and getattr(v, "__module__", "") == source]

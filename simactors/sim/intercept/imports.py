"""`import` statements and `importlib.import_module` in simulated processes that have modules of their own.

Not how such modules are made: `sim/homes.py`. The driver, and whoever is not simulated, import as always.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Protocol

from simactors.sim.intercept.names import Names


class ImportsModules(Protocol):
    """One simulation."""

    def imports(self, name: str) -> bool:
        """Whether the running process has modules of its own, and the module `name` would be one."""
        ...

    def module(self, name: str) -> ModuleType:
        """That module.

        Raises:
            ImportError: there is none of that name.
        """
        ...


def _import(
    name: str,
    globals: Mapping[str, Any] | None = None,  # noqa: A002  # Python's own names, which callers may use
    locals: Mapping[str, Any] | None = None,  # noqa: A002  # as above
    fromlist: Any = (),
    level: int = 0,
) -> Any:
    """What an ``import`` statement calls."""
    world = names.worlds[-1] if names.worlds else None
    # Pickling comes along here, too, with a list: it only wants the module to be loaded.
    if world is None or type(fromlist) is list:
        return names.real["__import__"](name, globals, locals, fromlist, level)
    absolute = name
    if level:
        package = (globals or {}).get("__package__") or (globals or {}).get("__name__", "").rpartition(".")[0]
        absolute = importlib.util.resolve_name("." * level + name, package)
    if not world.imports(absolute):
        return names.real["__import__"](name, globals, locals, fromlist, level)
    module = world.module(absolute)
    if fromlist:
        _import_children(world, module, fromlist)
        return module
    return module if level else world.module(absolute.partition(".")[0])


def _import_children(world: ImportsModules, package: ModuleType, wanted: tuple[str, ...]) -> None:
    """``from package import child``: a child that is a module is imported."""
    if not hasattr(package, "__path__"):
        return
    if "*" in wanted:
        wanted = tuple(getattr(package, "__all__", ()))
    for child in wanted:
        if not hasattr(package, child):
            full = f"{package.__name__}.{child}"
            try:
                world.module(full)
            except ModuleNotFoundError as error:
                if error.name != full:
                    raise
                # The statement itself says what is missing, as always.


def _import_module(name: str, package: str | None = None) -> ModuleType:
    """See `importlib.import_module`."""
    world = of_importlib.worlds[-1] if of_importlib.worlds else None
    if world is not None:
        absolute = importlib.util.resolve_name(name, package) if name.startswith(".") else name
        if world.imports(absolute):
            return world.module(absolute)
    imported: ModuleType = of_importlib.real["import_module"](name, package)
    return imported


_STATEMENT: dict[str, Callable[..., Any]] = {"__import__": _import}

names: Names[ImportsModules] = Names(builtins, _STATEMENT)
of_importlib: Names[ImportsModules] = Names(importlib, {"import_module": _import_module})
"""What is replaced; open simulations install themselves here."""

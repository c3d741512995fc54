"""Replacing names of the standard library while a simulation is open, and putting them back.

Not what the replacements do: the other files of this folder say that. Not names that were bound early: `early.py`.
"""

from __future__ import annotations

import importlib
import site
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

World = TypeVar("World")

INSTALLED = tuple(
    {
        sysconfig.get_path("purelib"),
        sysconfig.get_path("platlib"),
        *site.getsitepackages(),
        site.getusersitepackages(),
    }
)
"""Where installed packages are."""
_NOT_THE_USERS = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), *INSTALLED})
OURS = ("simactors", "real_backend")
_HERE = Path(__file__).resolve().parents[3]
_OUR_FOLDERS = tuple(f"{_HERE / name}/" for name in OURS)
_FROZEN = (
    "<frozen "  # modules that the interpreter has in itself: importlib, and of the library `os` and others
)
_ALL_OTHERS = (*_NOT_THE_USERS, *_OUR_FOLDERS, _FROZEN)


class Replacement(staticmethod):  # type: ignore[type-arg]  # of any function
    """A function in the place of a built-in one, and like it: no method of a class that has it as an attribute.

    Pickled by the name of what it replaces.
    """

    def __init__(self, function: Callable[..., Any], module: str, name: str) -> None:
        super().__init__(function)
        self._place = module, name
        self.__name__ = name  # threads are called after it

    def __reduce__(self) -> tuple[Any, ...]:
        return _named, self._place


def _named(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


class Names(Generic[World]):
    """Some functions of one module, or methods of one class, replaced while at least one world is open.

    A replacement must still behave like the real function for code that is not simulated: others may keep it.

    Attributes:
        real: the real functions by name; also usable while they are replaced.
        worlds: the open worlds, the innermost last.
    """

    def __init__(self, owner: ModuleType | type, replacements: Mapping[str, Callable[..., Any]]) -> None:
        self._owner = owner
        self._namespace = vars(owner) if isinstance(owner, ModuleType) else None
        self._replacements: Mapping[str, Any] = replacements
        if isinstance(owner, ModuleType):
            self._replacements = {
                name: Replacement(function, owner.__name__, name) for name, function in replacements.items()
            }
        self.real: dict[str, Any] = {name: vars(owner)[name] for name in replacements}
        self.worlds: list[World] = []
        self._keepers = 0
        self._pairs: list[tuple[Any, Any]] = []

    def install(self, world: World) -> None:
        """Let replacements see `world`, until it is uninstalled."""
        if not self.worlds and not self._keepers:
            self._set_all(self._replacements)
        self.worlds.append(world)

    def uninstall(self, world: World) -> None:
        """Undo `install`."""
        self.worlds.remove(world)
        if not self.worlds and not self._keepers:
            self._set_all(self.real)

    def keep(self) -> None:
        """Leave the replacements where they are when no world is open any more, too, until `release`."""
        self._keepers += 1

    def release(self) -> None:
        """Undo `keep`."""
        self._keepers -= 1
        if not self.worlds and not self._keepers:
            self._set_all(self.real)

    def pairs(self) -> list[tuple[Any, Any]]:
        """Each real function and its replacement; always the same list."""
        if not self._pairs:
            self._pairs = [(function, self._replacements[name]) for name, function in self.real.items()]
        return self._pairs

    def _set_all(self, functions: Mapping[str, Any]) -> None:
        if self._namespace is not None:
            self._namespace.update(functions)
            return
        for name, function in functions.items():
            setattr(self._owner, name, function)


def is_users(module: ModuleType) -> bool:
    """Whether a module is the user's own."""
    if module.__name__ == "__main__":
        return True
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and is_users_file(file) and module.__name__.partition(".")[0] not in OURS


def is_users_file(file: str) -> bool:
    """Whether code from this file is the user's: not the standard library's, an installed package's, or ours."""
    return not file.startswith(_ALL_OTHERS)

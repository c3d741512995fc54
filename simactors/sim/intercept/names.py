"""Replacing names of the standard library while a simulation is open, and putting them back.

Not what the replacements do: the other files of this folder say that.
"""

from __future__ import annotations

import site
import sys
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

World = TypeVar("World")

_NOT_THE_USERS = tuple(
    {
        sysconfig.get_path("stdlib"),
        sysconfig.get_path("platstdlib"),
        sysconfig.get_path("purelib"),
        sysconfig.get_path("platlib"),
        *site.getsitepackages(),
        site.getusersitepackages(),
    }
)
_OURS = ("simactors", "real_backend")
_HERE = Path(__file__).resolve().parents[3]
_OUR_FOLDERS = tuple(f"{_HERE / name}/" for name in _OURS)


class Names(Generic[World]):
    """Some functions of one module, replaced while at least one world is open.

    Names that the user's modules bound early (``from time import sleep``) are replaced and put back too. A replacement
    must still behave like the real function for code that is not simulated: a module that is loaded during a
    simulation keeps it.

    Attributes:
        real: the real functions by name; also usable while they are replaced.
        worlds: the open worlds, the innermost last.
    """

    def __init__(self, module: ModuleType, replacements: Mapping[str, Callable[..., Any]]) -> None:
        self._module = module
        self._replacements = replacements
        self.real: dict[str, Any] = {name: getattr(module, name) for name in replacements}
        self.worlds: list[World] = []
        self._searched: set[str] = set()
        self._early: list[tuple[ModuleType, str, str]] = []  # (user's module, name there, our name)

    def install(self, world: World) -> None:
        """Let replacements see `world`, until it is uninstalled."""
        if not self.worlds:
            self._search()
            self._exchange(self.real, self._replacements)
        self.worlds.append(world)

    def uninstall(self, world: World) -> None:
        """Undo `install`."""
        self.worlds.remove(world)
        if not self.worlds:
            self._exchange(self._replacements, self.real)

    def _exchange(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        for key, function in new.items():
            setattr(self._module, key, function)
        for module, name, key in self._early:
            if vars(module).get(name) is old[key]:
                setattr(module, name, new[key])

    def _search(self) -> None:
        """Find early bound names in modules that are new; in ``__main__`` always, people type into it."""
        key_of = {id(function): key for key, function in self.real.items()}
        for module_name in [*(name for name in sys.modules if name not in self._searched), "__main__"]:
            module = sys.modules.get(module_name)
            if module is None or not _is_users(module):
                continue
            for name, value in list(vars(module).items()):
                key = key_of.get(id(value))
                if key is not None and (module, name, key) not in self._early:
                    self._early.append((module, name, key))
        self._searched = set(sys.modules)


def _is_users(module: ModuleType) -> bool:
    if module.__name__ == "__main__":
        return True
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and is_users_file(file) and module.__name__.partition(".")[0] not in _OURS


def is_users_file(file: str) -> bool:
    """Whether code from this file is the user's: not the standard library's, an installed package's, or ours."""
    return not file.startswith((*_NOT_THE_USERS, *_OUR_FOLDERS))

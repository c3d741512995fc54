"""Which of the loaded modules are the user's, or have not been looked at yet: all others need no second look.

Several hundred modules are loaded, nearly all of them somebody else's, and every simulation asks three times. Not what
is looked for in them (`early.py`, `twins.py`).
"""

from __future__ import annotations

import sys
import weakref
from types import ModuleType
from typing import Any

_settled: dict[str, Any] = {}  # by name; another one of the same name is looked at again


class _Stranger:
    """Equal to a module that the user may unload, so that it is not held."""

    __slots__ = ("_ref", "name")
    __hash__ = None  # type: ignore[assignment]  # nobody needs it

    def __init__(self, name: str, module: ModuleType) -> None:
        self.name = name
        self._ref = weakref.ref(module)

    def __eq__(self, other: object) -> bool:
        return self.module is other

    @property
    def module(self) -> ModuleType | None:
        """None when it was unloaded."""
        return self._ref()


class _Seen:
    """What was loaded when somebody asked last: comparing it with what is loaded now takes no loop of Python's."""

    names: list[str]
    modules: list[Any]
    strangers: list[_Stranger]


def strangers() -> list[tuple[str, Any]]:
    """The modules that are not settled, in the order in which they were loaded."""
    if _Seen.names != list(sys.modules) or _Seen.modules != list(sys.modules.values()):
        _look(sys.modules.copy())  # real threads may import meanwhile
    found = [(one.name, one.module) for one in _Seen.strangers]
    return [(name, module) for name, module in found if module is not None]


def settle(name: str, module: object) -> None:
    """Never give this module again: it is not the user's, and was searched. It is kept, so that no other can be it."""
    _settled[name] = module
    _forget()


def _forget() -> None:
    _Seen.names, _Seen.modules, _Seen.strangers = [], [], []


def _look(loaded: dict[str, Any]) -> None:
    _forget()
    _Seen.names = list(loaded)
    settled, nothing = _settled.get, object()
    strange = [
        at
        for at, (name, module) in enumerate(loaded.items())
        if settled(name, nothing)
        is not module  # most are settled, and so this loop is nearly all there is to do
    ]
    modules: list[Any] = list(loaded.values())
    for at in strange:
        name, module = _Seen.names[at], modules[at]
        if isinstance(module, ModuleType):
            modules[at] = _Stranger(name, module)
            _Seen.strangers.append(modules[at])
        else:
            _settled[name] = module
    _Seen.modules = modules


_forget()

"""Which of the loaded modules are the user's, or have not been looked at yet: all others need no second look.

Several hundred modules are loaded, nearly all of them somebody else's, and every simulation asks several times. Not
what is looked for in them (`early.py`, `twins.py`).
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

_NOTHING = object()


class Known:
    """Remembers which modules need no second look."""

    def __init__(self) -> None:
        self._settled: dict[str, Any] = {}  # by name; another one of the same name is looked at again
        # What was there when all were looked at, in order, and those of it that were not settled then. Mostly the same
        # still is, before what has come since: two lists are compared much faster than their items are looked up.
        self._names: list[str] = []
        self._modules: list[Any] = []
        self._open: list[tuple[str, Any]] = []

    def strangers(self) -> list[tuple[str, Any]]:
        """What is not settled, in the order in which it was loaded."""
        loaded = sys.modules.copy()  # real threads may import meanwhile
        names, modules = list(loaded), list(loaded.values())
        known = len(self._names)
        if not known or names[:known] != self._names or modules[:known] != self._modules:
            self._open = self._unsettled(loaded.items())
            self._names, self._modules = names, modules
            return self._open[:]
        self._open = self._unsettled(self._open)
        return self._open + self._unsettled(zip(names[known:], modules[known:], strict=True))

    def settle(self, name: str, module: object) -> None:
        """Never give this module again. It is kept, so that no other can be it."""
        self._settled[name] = module

    def _unsettled(self, pairs: Any) -> list[tuple[str, Any]]:
        settled = self._settled.get
        return [(name, module) for name, module in pairs if settled(name, _NOTHING) is not module]


_known = Known()


def strangers() -> list[tuple[str, Any]]:
    """The modules that are not settled, in the order in which they were loaded."""
    return [(name, module) for name, module in _known.strangers() if isinstance(module, ModuleType)]


def settle(name: str, module: object) -> None:
    """Never give this module again: it is not the user's, and was searched."""
    _known.settle(name, module)

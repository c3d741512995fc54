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
        # What came first at the last look, in order, as far as it is settled. Mostly the same still comes first: two
        # lists are compared much faster than their items are looked up.
        self._names: list[str] = []
        self._modules: list[Any] = []
        self._main: list[tuple[str, Any]] = []  # stands among them, and is a stranger for ever

    def strangers(self) -> list[tuple[str, Any]]:
        """What is not settled, in the order in which it was loaded."""
        loaded = sys.modules.copy()  # real threads may import meanwhile
        names, modules = list(loaded), list(loaded.values())
        known = len(self._names)
        if names[:known] != self._names or modules[:known] != self._modules:
            self._names, self._modules, self._main, known = [], [], [], 0
        settled = self._settled.get
        later = list(zip(names[known:], modules[known:], strict=True))
        found = self._main + [
            (name, module) for name, module in later if settled(name, _NOTHING) is not module
        ]
        self._note(later)
        return found

    def _note(self, later: list[tuple[str, Any]]) -> None:
        settled = self._settled.get
        main: list[tuple[str, Any]] = []
        for name, module in later:
            if settled(name, _NOTHING) is not module:
                if name != "__main__":
                    return  # the user may unload it
                main = [(name, module)]
                continue
            if main:  # with others behind it: where it is lent to programs of its folder, it comes last
                self._main = main[:]
                self._names.append("__main__")
                self._modules.append(main.pop()[1])
            self._names.append(name)
            self._modules.append(module)

    def settle(self, name: str, module: object) -> None:
        """Never give this module again. It is kept, so that no other can be it."""
        self._settled[name] = module


_known = Known()


def strangers() -> list[tuple[str, Any]]:
    """The modules that are not settled, in the order in which they were loaded."""
    found = _known.strangers()
    others = [(name, thing) for name, thing in found if not isinstance(thing, ModuleType)]
    for name, thing in others:
        settle(name, thing)  # no module at all: nothing is looked for in it
    return [pair for pair in found if pair not in others] if others else found


def settle(name: str, module: object) -> None:
    """Never give this module again: it is not the user's, and was searched."""
    _known.settle(name, module)

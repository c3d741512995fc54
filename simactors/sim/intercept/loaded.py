"""Which of the loaded modules are the user's, or have not been looked at yet: all others need no second look.

Several hundred modules are loaded, nearly all of them somebody else's, and every simulation asks several times. Not
what is looked for in them (`early.py`, `twins.py`).
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

_NOTHING = object()
_VERSION_AT = 3 * ctypes.sizeof(ctypes.c_void_p)  # in a dictionary's memory, in CPython 3.11 to 3.13


def _counter(of: dict[str, Any]) -> ctypes.c_uint64:
    return ctypes.c_uint64.from_address(id(of) + _VERSION_AT)


def _has_versions() -> bool:
    """Whether this Python gives each state of a dictionary another number: tried out, for nobody promises it."""
    if sys.implementation.name != "cpython":
        return False
    tried: dict[str, Any] = {"one": 1}
    counter = _counter(tried)
    seen = [counter.value]
    for change in (lambda: tried.update(two=2), lambda: tried.update(two=3), lambda: tried.pop("two")):
        change()
        seen.append(counter.value)
    return len(set(seen)) == len(seen) and tried["one"] == 1 and counter.value == seen[-1]


_modules = sys.modules
_version = _counter(_modules) if _has_versions() else None


def _state() -> int | None:
    """Another number after each change of what is loaded; None if nobody knows."""
    return None if _version is None or sys.modules is not _modules else _version.value


class Known:
    """Remembers which modules need no second look."""

    def __init__(self) -> None:
        self._settled: dict[str, Any] = {}  # by name; another one of the same name is looked at again
        # What came first at the last look, in order, as far as it is settled. Mostly the same still comes first: two
        # lists are compared much faster than their items are looked up.
        self._names: list[str] = []
        self._modules: list[Any] = []
        self._main: list[tuple[str, Any]] = []  # stands among them, and is a stranger for ever
        self._seen: int | None = None  # the state of what was loaded then
        self._last: list[str] = []  # what was strange then, by name
        _everybody.append(self)

    def strangers(self) -> list[tuple[str, Any]]:
        """What is not settled, in the order in which it was loaded."""
        state = _state()
        if state is None or state != self._seen:
            found = self._search()
        else:
            pairs = [(name, sys.modules[name]) for name in self._last]
            found = self._unsettled(pairs)
        self._seen, self._last = state, [name for name, _ in found]
        return found

    def carry(self, before: int | None, now: int | None, last: Callable[[list[str]], None]) -> None:
        """Nothing has changed from one state to the other but what was strange, in that way."""
        if before is not None and before == self._seen:
            last(self._last)
            self._seen = now

    def _search(self) -> list[tuple[str, Any]]:
        loaded = sys.modules.copy()  # real threads may import meanwhile
        names, modules = list(loaded), list(loaded.values())
        known = len(self._names)
        if names[:known] != self._names or modules[:known] != self._modules:
            self._names, self._modules, self._main, known = [], [], [], 0
        later = list(zip(names[known:], modules[known:], strict=True))
        found = self._main + self._unsettled(later)
        self._note(later)
        return found

    def _unsettled(self, pairs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        settled = self._settled.get
        return [(name, module) for name, module in pairs if settled(name, _NOTHING) is not module]

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


_everybody: list[Known] = []
_known = Known()


def put(name: str, module: ModuleType) -> None:
    """Load `module`, of which others need a look, but not at all that was loaded before."""
    before, count = _state(), len(sys.modules)
    sys.modules[name] = module
    if len(sys.modules) == count + 1:
        now = _state()
        for known in _everybody:
            known.carry(before, now, lambda last: last.append(name))


def pop(name: str) -> ModuleType:
    """Unload a module, and return it."""
    before, count = _state(), len(sys.modules)
    module = sys.modules.pop(name)
    if len(sys.modules) == count - 1:
        now = _state()
        for known in _everybody:
            known.carry(before, now, lambda last: last.remove(name) if name in last else None)
    return module


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

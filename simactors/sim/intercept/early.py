"""Names that were bound before a simulation opened: ``from time import sleep``, defaults, class attributes, closures.

They are rebound while a simulation is open, and put back. Where that can't be done, a warning names the place. Modules
are searched once; what a module that was loaded during a simulation has bound then is put right when it closes.
"""

from __future__ import annotations

import sys
import warnings
import weakref
from collections.abc import Callable, Sequence
from types import BuiltinMethodType, MethodType, ModuleType
from typing import Any, Protocol

from simactors.exceptions import EarlyBindingWarning
from simactors.sim.intercept import dates, loaded
from simactors.sim.intercept.caller import TOOLS
from simactors.sim.intercept.names import INSTALLED, OURS, Names, is_users
from simactors.sim.intercept.places import Bound, Finder

_WAIT_BY_DEFAULTS = frozenset({"sched"})
"""Modules of the standard library that have the clock in default arguments."""


class Replaces(Protocol):
    """A patch that replaces functions."""

    def pairs(self) -> list[tuple[Any, Any]]:
        """Each real function and its replacement; once there are any, always the same."""
        ...


class EarlyNames:
    """Early bindings of what `patches` replace; rebound while at least one world is open.

    Args:
        patches: installed before this one, and uninstalled after it.
    """

    def __init__(self, patches: Sequence[Replaces]) -> None:
        self._patches = patches
        self._depth = 0
        self._searched: dict[str, weakref.ref[ModuleType]] = {}  # the user's, by name
        self._bound: dict[str, list[Bound]] = {}  # of those of them that have bound anything
        self._warned: set[str] = set()
        self._met: list[tuple[str, ModuleType]] = []  # loaded while everything is kept, and not searched yet
        self._late = [
            patch for patch in patches if not isinstance(patch, Names)
        ]  # NumPy may come at any time
        self._tables: tuple[int, dict[int, Any], dict[int, Any]] = -1, {}, {}

    def install(self, world: object) -> None:
        """Rebind, if this is the first open world."""
        self._depth += 1
        if self._depth > 1:
            return
        self._forget()
        table, _ = self._by_identity()
        for places in self._bound.values():
            for bound in places:
                bound.rebind()
        try:
            self._warn(
                self._search(
                    lambda value: table.get(id(value)) or _date_method(value), _rebind, loaded.strangers()
                )
            )
        except BaseException:
            self.uninstall(world)
            raise

    def uninstall(self, world: object) -> None:
        """Undo `install`; the last one puts everything back."""
        self._depth -= 1
        if self._depth:
            return
        for places in self._bound.values():
            for bound in places:
                bound.put_back()
        _, table = self._by_identity()
        met, self._met = self._met, []
        modules = [(name, module) for name, module in met if sys.modules.get(name) is module]
        self._search(
            lambda value: table.get(id(value)) or dates.real_method(value),
            _put_right,
            modules + loaded.strangers(),
        )

    def keep(self) -> None:
        """Leave everything rebound when no world is open any more, too, until `release`."""
        self._depth += 1

    def release(self) -> None:
        """Undo `keep`."""
        self.uninstall(None)

    def meet(self) -> None:
        """Of modules that were loaded since `keep`, nothing is to be put right before `release`."""
        for name, module in loaded.strangers():
            if not is_users(module):
                loaded.settle(name, module)
                self._met.append((name, module))

    def _by_identity(self) -> tuple[dict[int, Any], dict[int, Any]]:
        """What replaces what, and what that has replaced; the patches keep all of it, so that identities last."""
        count = sum(len(patch.pairs()) for patch in self._late)
        if self._tables[0] != count:
            pairs = [pair for patch in self._patches for pair in patch.pairs()]
            forward = {id(real): new for real, new in pairs}
            self._tables = count, forward, {id(form): real for real, new in pairs for form in _forms(new)}
        return self._tables[1:]

    def _search(
        self,
        other: Callable[[Any], Any],
        act: Callable[[Bound], Bound],
        modules: Sequence[tuple[str, ModuleType]],
    ) -> list[tuple[ModuleType, str]]:
        """Look through those of `modules` that are new; in ``__main__`` always, people type into it.

        Args:
            other: what a value is to be rebound to; None if it stays.
            act: done to each place that is found; what it returns is remembered.

        Returns:
            Places that can't be rebound.
        """
        unreachable = []
        searched = self._searched
        for name, module in modules:
            ref = searched.get(name)
            is_known = ref is not None and ref() is module
            if is_known and name != "__main__":
                continue
            is_module = isinstance(module, ModuleType)
            if is_module and is_users(module):
                searched[name] = weakref.ref(module)  # the user may unload it
            else:
                loaded.settle(name, module)
            depth = _depth_of(module) if is_module else None
            if depth is None:
                continue
            before = self._bound.pop(name, [])
            finder = Finder(other, is_deep=depth)
            finder.search(module)
            found = [act(bound) for bound in finder.found]
            if is_known:
                found = [bound for bound in before if not bound.is_in(found)] + found
            if found:
                self._bound[name] = found
            unreachable += [(module, place) for place in finder.unreachable]
        return unreachable

    def _forget(self) -> None:
        """Modules that were unloaded need nothing any more."""
        for name, ref in list(self._searched.items()):
            if sys.modules.get(name) is not ref():
                del self._searched[name]
                self._bound.pop(name, None)

    def _warn(self, unreachable: list[tuple[ModuleType, str]]) -> None:
        for module, place in unreachable:
            if place not in self._warned:
                self._warned.add(place)
                warn_of(module, f"{place} {_UNREACHABLE}")


_UNREACHABLE = (
    "can't be replaced during simulations: code that uses it there sees the real world. "
    "Look the name up in its module where it is used (`time.time()`), or keep it in a list or a variable."
)


def warn_of(module: ModuleType, text: str) -> None:
    """Warn of something that stands in `module`; nobody knows in which line."""
    file = getattr(module, "__file__", None) or "<unknown>"
    warnings.warn_explicit(text, EarlyBindingWarning, file, 1, module=module.__name__)


def _rebind(bound: Bound) -> Bound:
    bound.rebind()
    return bound


def _put_right(bound: Bound) -> Bound:
    """For what was bound to a replacement: rebind it to what is real, and remember it the other way round."""
    bound.rebind()
    return bound.turned()


def _forms(new: Any) -> tuple[Any, ...]:
    """What may be bound of a replacement: a class that has it as an attribute gives the function inside."""
    return (new, new.__func__) if isinstance(new, staticmethod) else (new,)


def _date_method(value: Any) -> Any:
    return dates.replaced_method(value) if type(value) in (BuiltinMethodType, MethodType) else None


def _depth_of(module: ModuleType) -> bool | None:
    """How to search a module: deeply, its own names only, or not at all."""
    name = module.__name__
    if is_users(module) or name in _WAIT_BY_DEFAULTS:
        return True
    root = name.partition(".")[0]
    file = getattr(module, "__file__", None)
    is_installed = isinstance(file, str) and file.startswith(INSTALLED)
    return False if is_installed and root not in TOOLS and root not in OURS else None

"""Where a module keeps functions that it was given: all places that can be rebound, and those that can't.

Not what they are rebound to (`early.py`). Only code of the user's is searched deeply: functions, classes, what wraps
them, and one level into containers and objects.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import CellType, FunctionType, ModuleType
from typing import Any, Protocol

from simactors.sim.intercept.names import is_users, is_users_file

_NOTHING: Any = object()
_OF_IMPORTS = frozenset({"__builtins__", "__loader__", "__spec__"})
_PLAIN = frozenset({int, float, str, bytes, bool, complex, type(None), ModuleType})


class Place(Protocol):
    """Where something is kept."""

    @property
    def key(self) -> tuple[Any, Any]:
        """The same for the same place: the object and what of it."""
        ...

    def get(self) -> Any:
        """What is there now."""
        ...

    def put(self, value: Any) -> None:
        """Keep something else there."""
        ...


class Item:
    """In a dictionary or a list: also a module's namespace and what an object has."""

    def __init__(self, container: Any, key: Any) -> None:
        self.key = container, key

    def get(self) -> Any:
        """See `Place`."""
        container, key = self.key
        try:
            return container[key]
        except (KeyError, IndexError):
            return _NOTHING

    def put(self, value: Any) -> None:
        """See `Place`."""
        container, key = self.key
        container[key] = value


class Attribute:
    """Of a class or a cell."""

    def __init__(self, owner: Any, name: str) -> None:
        self.key = owner, name

    def get(self) -> Any:
        """See `Place`."""
        owner, name = self.key
        try:
            return owner.cell_contents if isinstance(owner, CellType) else vars(owner).get(name, _NOTHING)
        except ValueError:  # an empty cell
            return _NOTHING

    def put(self, value: Any) -> None:
        """See `Place`."""
        setattr(*self.key, value)


class Default:
    """A default argument, by its position."""

    def __init__(self, function: FunctionType, index: int) -> None:
        self.key = function, index

    def get(self) -> Any:
        """See `Place`."""
        function, index = self.key
        defaults = function.__defaults__ or ()
        return defaults[index] if index < len(defaults) else _NOTHING

    def put(self, value: Any) -> None:
        """See `Place`."""
        function, index = self.key
        defaults = function.__defaults__
        assert defaults is not None
        function.__defaults__ = (*defaults[:index], value, *defaults[index + 1 :])


class PartsOfPartial:
    """The function, or an argument, of a `functools.partial`."""

    def __init__(self, partial: functools.partial[Any], index: int) -> None:
        self.key = partial, index

    def get(self) -> Any:
        """See `Place`."""
        partial, index = self.key
        return (partial.func, *partial.args)[index]

    def put(self, value: Any) -> None:
        """See `Place`."""
        partial, index = self.key
        parts = [partial.func, *partial.args]
        parts[index] = value
        state = parts[0], tuple(parts[1:]), partial.keywords, vars(partial)
        partial.__setstate__(state)  # type: ignore[attr-defined]  # as pickle does


class Bound:
    """A place that holds `old`, and shall hold `new` for a while."""

    __slots__ = ("new", "old", "place")

    def __init__(self, place: Place, old: Any, new: Any) -> None:
        self.place = place
        self.old = old
        self.new = new

    def rebind(self) -> None:
        """Put what is new, unless something else is there by now."""
        if self.place.get() is self.old:
            self.place.put(self.new)

    def put_back(self) -> None:
        """The other way round."""
        if self.place.get() is self.new:
            self.place.put(self.old)

    def turned(self) -> Bound:
        """Old and new the other way round."""
        return Bound(self.place, self.new, self.old)

    def is_in(self, others: list[Bound]) -> bool:
        """Whether one of `others` is the same place."""
        owner, key = self.place.key
        return any(other.place.key[0] is owner and other.place.key[1] == key for other in others)


class Finder:
    """Searches modules.

    Args:
        other: what a value is to be rebound to; None if it stays.
        is_deep: look into functions and classes, too.

    Attributes:
        found: the places.
        unreachable: those that can't be rebound, in words.
    """

    def __init__(self, other: Callable[[Any], Any], *, is_deep: bool) -> None:
        self._other = other
        self._is_deep = is_deep
        self._seen: dict[int, Any] = {}  # by identity; kept, so that no two share one
        self._is_users: dict[str, bool] = {}
        self._module = ""
        self.found: list[Bound] = []
        self.unreachable: list[str] = []

    def search(self, module: ModuleType) -> None:
        """Look at everything that has a name in `module`."""
        namespace = vars(module)
        self._module = module.__name__
        self._is_users[module.__name__] = True
        for name, value in list(namespace.items()):
            if type(value) not in _PLAIN and name not in _OF_IMPORTS:
                self._value(Item(namespace, name), value, f"{module.__name__}.{name}")

    def _value(self, place: Place, value: Any, where: str, *, depth: int = 0) -> None:
        kind = type(value)
        if kind in _PLAIN:
            return
        new = self._other(value)
        if new is not None:
            self.found.append(Bound(place, value, new))
        elif self._is_deep and id(value) not in self._seen:
            self._seen[id(value)] = value
            self._inside(place, value, where, depth)

    def _inside(self, place: Place, value: Any, where: str, depth: int) -> None:
        if isinstance(value, FunctionType | type):
            self._code(value, where)
        elif isinstance(value, staticmethod | classmethod):
            self._wrapped(place, value, where)
        elif isinstance(value, property):
            for name in ("fget", "fset", "fdel"):
                self._only_inside(getattr(value, name), f"{where}.{name}")
        elif isinstance(value, functools.partial):
            self._partial(value, where)
        elif type(value) in (list, dict, tuple, set, frozenset):
            if depth == 0:
                self._container(value, where)
        else:
            self._object(value, where, depth)

    def _code(self, value: FunctionType | type, where: str) -> None:
        if isinstance(value, type):
            if self._is_users_module(value.__module__):
                self._class(value, where)
        elif is_users_file(value.__code__.co_filename) or value.__module__ == self._module:
            self._function(value, where)

    def _function(self, function: FunctionType, where: str) -> None:
        code = function.__code__
        first = code.co_argcount - len(function.__defaults__ or ())
        for index, value in enumerate(function.__defaults__ or ()):
            name = code.co_varnames[first + index]
            self._value(Default(function, index), value, f"the default of {name!r} of {where}", depth=1)
        if function.__kwdefaults__:
            self._items(function.__kwdefaults__, f"the default of {{!r}} of {where}", depth=1)
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
            inside = Attribute(cell, "cell_contents")
            self._value(inside, inside.get(), f"{name!r} in the closure of {where}")
        if function.__dict__:
            self._items(function.__dict__, f"{where}.{{}}", depth=1)

    def _class(self, cls: type, where: str) -> None:
        for name, value in list(vars(cls).items()):
            if name in ("__dict__", "__weakref__", "__doc__"):
                continue
            count = len(self.found)
            self._value(Attribute(cls, name), value, f"{where}.{name}")
            if len(self.found) == count + 1 and self.found[-1].place.key == (cls, name):
                self._check_assignable(cls, name, value, where)

    def _check_assignable(self, cls: type, name: str, value: Any, where: str) -> None:
        """Some classes refuse assignments: enumerations."""
        try:
            setattr(cls, name, value)
        except (AttributeError, TypeError):
            self.found.pop()
            self.unreachable.append(f"{where}.{name}, an attribute of a class that can't be changed,")

    def _wrapped(self, place: Place, wrapper: Any, where: str) -> None:
        inner = wrapper.__func__
        new = self._other(inner)
        if new is not None:
            self.found.append(Bound(place, wrapper, type(wrapper)(new)))
        else:
            self._only_inside(inner, where)

    def _only_inside(self, value: Any, where: str) -> None:
        """Something that stands at a place that nobody can change."""
        if type(value) in _PLAIN or id(value) in self._seen:
            return
        if self._other(value) is not None:
            self.unreachable.append(f"{where}, {_name(value)},")
            return
        self._seen[id(value)] = value
        self._inside(Item((), 0), value, where, 1)

    def _partial(self, partial: functools.partial[Any], where: str) -> None:
        for index, value in enumerate((partial.func, *partial.args)):
            self._value(PartsOfPartial(partial, index), value, f"a part of {where}", depth=1)
        self._items(partial.keywords, f"the argument {{!r}} of {where}", depth=1)

    def _container(self, container: Any, where: str) -> None:
        if isinstance(container, dict):
            self._items(container, f"{where}[{{!r}}]", depth=1)
        elif isinstance(container, list):
            for index, value in enumerate(container):
                self._value(Item(container, index), value, f"{where}[{index}]", depth=1)
        else:
            kind = type(container).__name__
            for value in container:
                self._only_inside(value, f"an item of the {kind} {where}")

    def _object(self, value: Any, where: str, depth: int) -> None:
        """What it has: what a decorator made of a function, and objects of the user's classes."""
        try:
            inside = object.__getattribute__(value, "__dict__")
        except AttributeError:
            return
        if type(inside) is not dict:
            return
        if "__wrapped__" in inside:
            self._value(Item(inside, "__wrapped__"), inside["__wrapped__"], where)
        elif isinstance(value, functools.cached_property):
            self._value(Item(inside, "func"), value.func, where)
        elif depth == 0 and self._is_users_module(type(value).__module__):
            self._items(inside, f"{where}.{{}}", depth=1)

    def _items(self, container: dict[Any, Any], where: str, *, depth: int) -> None:
        for key, value in list(container.items()):
            self._value(Item(container, key), value, where.format(key), depth=depth)

    def _is_users_module(self, name: str) -> bool:
        known = self._is_users.get(name)
        if known is None:
            module = sys.modules.get(name)
            known = self._is_users[name] = isinstance(module, ModuleType) and is_users(module)
        return known


def _name(value: Any) -> str:
    """``time.sleep``."""
    module = getattr(value, "__module__", None)
    name: str = getattr(value, "__qualname__", None) or repr(value)
    return f"{module}.{name}" if isinstance(module, str) else name

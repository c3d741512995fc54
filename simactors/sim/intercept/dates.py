"""`datetime.now`, `utcnow` and `today` in virtual time.

The types are written in C and take no assignments, but their dictionaries can be changed. That reaches whoever imported
the type early, every subclass, and leaves types, `isinstance` and pickles as they are; a type of our own would not.
"""

from __future__ import annotations

import ctypes
import datetime
import gc
from types import MethodType
from typing import Any, ClassVar, Protocol

from simactors.sim.intercept.caller import simulation_of_caller

_Date = datetime.date
_DateTime = datetime.datetime
_S = 1_000_000_000


class WallClock(Protocol):
    """The clock of one simulation, as the code that runs now sees it."""

    def belongs_here(self) -> bool:
        """See `caller.Simulation`."""
        ...

    def wall_ns(self) -> int:
        """What the clock of the caller's node says, in nanoseconds since 1970."""
        ...


def now(cls: type[datetime.datetime], tz: datetime.tzinfo | None = None) -> datetime.datetime:
    """`datetime.now` in virtual time."""
    clock = simulation_of_caller(types.worlds)
    if clock is None:
        found: datetime.datetime = types.real[_DateTime, "now"].__get__(None, cls)(tz)
        return found
    seconds, rest_ns = divmod(clock.wall_ns(), _S)
    # Not from a fraction: a float of this size rounds microseconds.
    return cls.fromtimestamp(seconds, tz).replace(microsecond=rest_ns // 1000)


def utcnow(cls: type[datetime.datetime]) -> datetime.datetime:
    """`datetime.utcnow` in virtual time."""
    clock = simulation_of_caller(types.worlds)
    if clock is None:
        found: datetime.datetime = types.real[_DateTime, "utcnow"].__get__(None, cls)()
        return found
    seconds, rest_ns = divmod(clock.wall_ns(), _S)
    return cls.fromtimestamp(seconds, datetime.UTC).replace(microsecond=rest_ns // 1000, tzinfo=None)


def today(cls: type[datetime.date]) -> datetime.date:
    """`date.today`, and `datetime.today`, in virtual time."""
    clock = simulation_of_caller(types.worlds)
    if clock is None:
        found: datetime.date = types.real[_Date, "today"].__get__(None, cls)()
        return found
    if issubclass(cls, _DateTime):
        seconds, rest_ns = divmod(clock.wall_ns(), _S)
        return cls.fromtimestamp(seconds).replace(microsecond=rest_ns // 1000)
    return cls.fromtimestamp(clock.wall_ns() / _S)


class DateTypes:
    """The class methods of `date` and `datetime` that read the clock, replaced while at least one world is open.

    Attributes:
        real: the real ones, as they stand in the dictionaries of their types.
        worlds: the open worlds, the innermost last.
    """

    REPLACEMENTS: ClassVar[dict[tuple[type, str], Any]] = {
        (_DateTime, "now"): now,
        (_DateTime, "utcnow"): utcnow,
        (_Date, "today"): today,
    }

    def __init__(self) -> None:
        self.real: dict[tuple[type, str], Any] = {
            (cls, name): vars(cls)[name] for cls, name in self.REPLACEMENTS
        }
        self.worlds: list[WallClock] = []
        self._keepers = 0

    def install(self, world: WallClock) -> None:
        """Let replacements see `world`, until it is uninstalled."""
        if not self.worlds and not self._keepers:
            for (cls, name), function in self.REPLACEMENTS.items():
                _set(cls, name, classmethod(function))
        self.worlds.append(world)

    def uninstall(self, world: WallClock) -> None:
        """Undo `install`."""
        self.worlds.remove(world)
        self._put_back()

    def keep(self) -> None:
        """See `Names.keep`."""
        self._keepers += 1

    def release(self) -> None:
        """Undo `keep`."""
        self._keepers -= 1
        self._put_back()

    def _put_back(self) -> None:
        if not self.worlds and not self._keepers:
            for (cls, name), real in self.real.items():
                _set(cls, name, real)


def _set(cls: type, name: str, value: object) -> None:
    """Set an attribute of a type that takes none."""
    _NAMESPACES[cls][name] = value
    ctypes.pythonapi.PyType_Modified(
        ctypes.py_object(cls)
    )  # what the interpreter remembers of it is wrong now


_NAMESPACES: dict[type, dict[str, Any]] = {
    cls: next(found for found in gc.get_referents(vars(cls)) if type(found) is dict)
    for cls in (_Date, _DateTime)
}


types = DateTypes()
"""What is replaced; open simulations install themselves here."""


def replaced_method(value: Any) -> Any:
    """What a method that was looked up early is while a world is open (``now = datetime.now``); None for others."""
    owner, name = getattr(value, "__self__", None), getattr(value, "__name__", "")
    if not isinstance(owner, type) or not issubclass(owner, _Date) or name not in _NAMES:
        return None
    current = getattr(owner, name)
    return current if getattr(current, "__func__", None) in _FUNCTIONS else None


def real_method(value: Any) -> Any:
    """The other way round, for what was looked up while a world was open."""
    function = value.__func__ if type(value) is MethodType else None
    if function not in _FUNCTIONS:
        return None
    owner, name = next(key for key, known in DateTypes.REPLACEMENTS.items() if known is function)
    return types.real[owner, name].__get__(None, value.__self__)


_FUNCTIONS = tuple(DateTypes.REPLACEMENTS.values())
_NAMES = frozenset(name for _, name in DateTypes.REPLACEMENTS)

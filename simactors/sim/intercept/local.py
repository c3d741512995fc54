"""`threading.local` of simulated threads: the real one asks which real thread runs, and that is one for all.

Objects that a module made before the simulation, of classes that inherit from it, are those of simulated threads
meanwhile, too; how plain ones get here is the business of `twins.py`.
"""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Iterator
from typing import Any

from simactors.sim.intercept.caller import simulation_of_caller
from simactors.sim.intercept.names import is_users
from simactors.sim.intercept.queues import Classes
from simactors.sim.intercept.threads import names as threads

_Real: Any = threading.local
_STATE = "_simactors_state"


class _State:
    """What belongs to one `local` object, whoever looks.

    Attributes:
        args, kwargs: how it is initialized in each thread that first looks at it.
        real: holds what real threads have set, and the driver's main thread, which is one.
    """

    __slots__ = ("__weakref__", "args", "kwargs", "real")

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], real: Any) -> None:
        self.args = args
        self.kwargs = kwargs
        self.real = real

    @property
    def outside(self) -> dict[str, Any]:
        """What the real thread that runs has set."""
        found: dict[str, Any] = _Real.__getattribute__(self.real, "__dict__")
        return found


def _record() -> Any:
    """The simulated thread that runs; None for the driver's main one, which is real, and outside simulations."""
    world: Any = threads.worlds[-1] if threads.worlds else None
    if world is None or not world.belongs_here():
        return None
    record = world.threads.current()
    return None if record is world.threads.drivers else record


def _namespace(value: Any, state: _State) -> dict[str, Any]:
    """What `value` holds in the running thread."""
    record = _record()
    if record is None:
        return state.outside
    known: dict[str, Any] | None = record.locals.get(state)
    if known is None:
        # The main thread of a process has loaded the modules that have set something there.
        known = record.locals[state] = dict(state.outside) if record.kind == "main" else {}
        cls = type(value)
        if cls.__init__ is not object.__init__ and not known:
            cls.__init__(value, *state.args, **state.kwargs)
    return known


def _get(value: Any, state: _State, name: str) -> Any:
    """`object.__getattribute__`, with the dictionary of the running thread."""
    inside = _namespace(value, state)
    if name == "__dict__":
        return inside
    cls = type(value)
    found = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), _get)
    kind: Any = type(found)
    if found is not _get and (hasattr(kind, "__set__") or hasattr(kind, "__delete__")):
        return kind.__get__(found, value, cls)
    if name in inside:
        return inside[name]
    if found is _get:
        raise AttributeError(f"{cls.__name__!r} object has no attribute {name!r}", name=name, obj=value)
    return kind.__get__(found, value, cls) if hasattr(kind, "__get__") else found


def _descriptor(value: Any, name: str, method: str) -> Any:
    for base in type(value).__mro__:
        if name in vars(base):
            return getattr(type(vars(base)[name]), method, None) and vars(base)[name]
    return None


def _set(value: Any, state: _State, name: str, new: Any) -> None:
    if name == "__dict__":
        raise AttributeError(f"{type(value).__name__!r} object attribute '__dict__' is read-only")
    descriptor = _descriptor(value, name, "__set__")
    if descriptor:
        type(descriptor).__set__(descriptor, value, new)
    else:
        _namespace(value, state)[name] = new


def _delete(value: Any, state: _State, name: str) -> None:
    descriptor = _descriptor(value, name, "__delete__")
    if descriptor:
        type(descriptor).__delete__(descriptor, value)
    elif _namespace(value, state).pop(name, _get) is _get:
        raise AttributeError(
            f"{type(value).__name__!r} object has no attribute {name!r}", name=name, obj=value
        )


class Local:
    """What `threading.local()` gives in a simulation."""

    __slots__ = (_STATE, "__weakref__")

    def __new__(cls, /, *args: Any, **kwargs: Any) -> Local:
        """Remember how to initialize it in other threads."""
        if (args or kwargs) and cls.__init__ is object.__init__:
            raise TypeError("Initialization arguments are not supported")
        made = object.__new__(cls)
        object.__setattr__(made, _STATE, _State(args, kwargs, _Real()))
        record = _record()
        if record is not None:
            record.locals[_state(made)] = {}  # `type.__call__` initializes it in this thread
        return made

    def __getattribute__(self, name: str) -> Any:
        return _get(self, _state(self), name)

    def __setattr__(self, name: str, value: Any) -> None:
        _set(self, _state(self), name, value)

    def __delattr__(self, name: str) -> None:
        _delete(self, _state(self), name)


def _state(made: Local) -> _State:
    state: _State = object.__getattribute__(made, _STATE)
    return state


class _Kind(type):
    """Real and simulated ones are instances of what programs call `threading.local`."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, _Real | Local) if cls is local else type.__instancecheck__(cls, value)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is not local:
            return super().__call__(*args, **kwargs)
        if simulation_of_caller(names.worlds) is None:
            return _Real(*args, **kwargs)
        return Local(*args, **kwargs)


class local(Local, metaclass=_Kind):  # noqa: N801  # as it is called there
    """`threading.local` while a simulation is open; classes may inherit from it."""


names = Classes(threading, {"local": local})
"""What is replaced; open simulations install themselves here."""


def twin(real: Any) -> Local:
    """A simulated one in the place of a real one, with which the driver's main thread shares what it holds."""
    made = Local()
    _state(made).real = real
    return made


# Classes that inherit from the real one


class _Subclasses:
    """Their attributes, while a simulation is open."""

    def __init__(self) -> None:
        self._depth = 0
        self._patched: list[type] = []

    def install(self, world: object) -> None:
        """Let simulated threads have their own."""
        self._depth += 1
        if self._depth > 1:
            return
        for cls in _users_subclasses():
            if "__getattribute__" in vars(cls) or "__setattr__" in vars(cls):
                continue  # it does more than others; what it calls above it stays real
            for name, function in _METHODS.items():
                setattr(cls, name, function)
            self._patched.append(cls)

    def uninstall(self, world: object) -> None:
        """Undo `install`."""
        self._depth -= 1
        if self._depth:
            return
        for cls in self._patched:
            for name in _METHODS:
                delattr(cls, name)
        self._patched.clear()
        _states.clear()


def _state_of(value: Any) -> _State:
    """Of an object of such a class; how it was initialized is known to it and to the garbage collector only."""
    known = _states.get(id(value))
    if known is not None and known[0]() is value:
        return known[1]
    inside = gc.get_referents(value)
    args = next((part for part in inside if type(part) is tuple), ())
    held = _Real.__getattribute__(value, "__dict__")
    kwargs = next(
        (p for p in inside if type(p) is dict and p is not held and all(isinstance(k, str) for k in p)), {}
    )
    made = _State(args, kwargs, value)
    key = id(value)
    _states[key] = weakref.ref(value, lambda _: _states.pop(key, None)), made
    return made


def _get_inherited(self: Any, name: str) -> Any:
    if _record() is None:
        return _Real.__getattribute__(self, name)
    return _get(self, _state_of(self), name)


def _set_inherited(self: Any, name: str, value: Any) -> None:
    if _record() is None:
        _Real.__setattr__(self, name, value)
    else:
        _set(self, _state_of(self), name, value)


def _delete_inherited(self: Any, name: str) -> None:
    if _record() is None:
        _Real.__delattr__(self, name)
    else:
        _delete(self, _state_of(self), name)


_METHODS = {
    "__getattribute__": _get_inherited,
    "__setattr__": _set_inherited,
    "__delattr__": _delete_inherited,
}
_states: dict[int, tuple[weakref.ref[Any], _State]] = {}
subclasses = _Subclasses()


def _users_subclasses() -> Iterator[type]:
    """Also asyncio's own, in which it keeps the event loop of each thread."""
    found: list[type] = list(_Real.__subclasses__())
    for cls in found:
        found += cls.__subclasses__()
        module = sys.modules.get(cls.__module__)
        if cls.__module__ in ("asyncio.events", "__main__") or (module is not None and is_users(module)):
            yield cls

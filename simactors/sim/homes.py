"""Each simulated process's own copies of the user's classes, functions and modules.

As on Ray: what can be imported is imported afresh in each process; what can't (``__main__``, local classes, decorated
ones) travels by value, with the globals that it uses. Code that reaches no state (`reach.py`) is not copied at all. Not
when code is sent: `exports.py`.
"""

from __future__ import annotations

import contextvars
import importlib.machinery
import importlib.util
import io
import itertools
import pickle
import sys
import warnings
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import FunctionType, ModuleType
from typing import Any

import cloudpickle  # type: ignore[import-untyped]

from simactors.core import codec
from simactors.core.calls import ActorClass, Described, Function
from simactors.core.current import running
from simactors.exceptions import EscapeWarning
from simactors.sim.intercept.names import is_users_file
from simactors.sim.reach import Reach, home_module, is_users, look_up, travels


class Home:
    """What one process has of its own.

    Attributes:
        classes: by the number that all copies of a class have in common.
        modules: that it has imported, by name.
        loaded: exported code, by its description.
    """

    __slots__ = ("classes", "loaded", "modules")

    def __init__(self) -> None:
        self.classes: dict[int, type] = {}
        self.modules: dict[str, ModuleType] = {}
        self.loaded: dict[Any, Any] = {}


class Homes:
    """The homes of one simulation; also its `codec.Homes`.

    A process gets one when it meets the first code that reaches state; until then it uses the driver's.

    Attributes:
        driver: the home of the driver's process.
        exported: descriptions of functions and actor classes that processes keep in common: a copy of
            ``f`` that travels in another function's globals is still the same exported ``f``.
    """

    def __init__(self) -> None:
        self.reach = Reach()
        self.exported: dict[Function | ActorClass, None] = {}
        self.driver = Home()
        self._numbers: weakref.WeakKeyDictionary[type, int] = weakref.WeakKeyDictionary()
        self._next_number = itertools.count()
        self._definitions: dict[int, codec.Encoded] = {}
        self._warned: dict[str, None] = {}

    def here(self) -> Home:
        """The home of the running process; the driver's if it has none."""
        process: Any = running.get()
        return self.driver if process is None or process.home is None else process.home

    def own(self) -> Home:
        """The home of the running process, made if it has none; the driver's for the driver."""
        process: Any = running.get()
        if process is None:
            return self.driver
        if process.home is None:
            process.home = Home()
        home: Home = process.home
        return home

    def _is_driver(self) -> bool:
        process: Any = running.get()
        return process is None or process.home is self.driver

    def _is_plain(self) -> bool:
        """Whether the running process has met no code that reaches state: it uses the driver's as it is.

        Once it has copies of its own, everything is its own: its code may write into what itself reaches no state.
        """
        process: Any = running.get()
        return process is not None and process.home is None

    # Sending

    def dump(self, value: object, **options: Any) -> bytes:
        """See `codec.Homes`."""
        return codec.dump_code(value, partial(_Pickler, self, is_whole=False), **options)

    def dump_whole(self, code: object, **options: Any) -> bytes:
        """Pickle code so that a process that has none of it can make its own."""
        return codec.dump_code(code, partial(_Pickler, self, is_whole=True), **options)

    def number_of(self, cls: type) -> int:
        """What all copies of `cls` have in common."""
        number = self._numbers.get(cls)
        if number is None:
            number = self._numbers[cls] = next(self._next_number)
            self.here().classes[number] = cls
        return number

    def define(self, cls: type) -> int:
        """Let other processes make copies of `cls`, as it is now; returns its number."""
        number = self.number_of(cls)
        if number not in self._definitions:
            self._definitions[number] = codec.Encoded(b"")  # it may refer to itself
            self._definitions[number] = codec.encode_with(self.dump_whole, cls)
        return number

    # Receiving

    def load(self, data: bytes, *, buffers: Sequence[bytes | memoryview]) -> Any:
        """See `codec.Homes`."""
        if self._is_driver():
            return pickle.loads(data, buffers=buffers)
        return _Unpickler(self, data, buffers).load()

    def class_of(self, number: int) -> type:
        """The running process's copy of a class."""
        original = self.driver.classes.get(number)
        if original is not None and self._is_plain() and self.reach.is_shared(original):
            return original
        home = self.own()
        if number not in home.classes:
            codec.decode(self._definitions[number])
        return home.classes[number]

    def named(self, module: str, name: str) -> Any:
        """What stands under `name` in the running process's copy of a module that can be imported."""
        return look_up(self.module(module), name)

    def copy(self, original: Any, module: str, name: str) -> Any:
        """The running process's own of what a pickle calls ``module.name``, and which is `original` in the driver."""
        is_code = isinstance(original, FunctionType | type)
        if is_code and self._is_plain() and self.reach.is_shared(original):
            return original
        if not travels(module):
            return self.named(module, name)
        # `original` is the driver's: it is the driver that sends it, whoever asks.
        as_driver = contextvars.Context().run
        if isinstance(original, type):
            return self.class_of(as_driver(self.define, original))
        if isinstance(original, FunctionType):
            return codec.decode(as_driver(codec.encode_with, self.dump_whole, original))
        # A cached function, say, which travels by its name alone.
        raise AttributeError(f"Can't get attribute {name!r} on <module {module!r}> in another process")

    # Modules

    def imports(self, name: str) -> bool:
        """Whether the running process has modules of its own, and `name` would be one of them."""
        process: Any = running.get()
        if process is None or process.home is None or process.home is self.driver:
            return False
        return name in process.home.modules or _is_users_module(name)

    def module(self, name: str) -> ModuleType:
        """The running process's own copy of a user's module, imported if it has none yet.

        Raises:
            ImportError: there is no such module. Its code may raise anything.
        """
        if self._is_driver():
            return importlib.import_module(name)
        real = sys.modules.get(name)
        if real is not None and self._is_plain() and self.reach.is_shared(real):
            return real
        modules = self.own().modules
        return modules[name] if name in modules else self._import_afresh(name, modules)

    def _import_afresh(self, name: str, modules: dict[str, ModuleType]) -> ModuleType:
        package, _, child = name.rpartition(".")
        parent: ModuleType | None = None
        if package and _is_users_module(package):
            parent = self.module(package)
            if name in modules:
                return modules[name]  # the package itself has imported it
        spec = _spec_of(name)
        if spec is None or spec.loader is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if isinstance(spec.loader, importlib.machinery.ExtensionFileLoader):
            return self._shared(name, modules)
        module = modules[name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del modules[name]
            raise
        if parent is not None:
            setattr(parent, child, module)
        return module

    def _shared(self, name: str, modules: dict[str, ModuleType]) -> ModuleType:
        if name not in self._warned:
            self._warned[name] = None
            warnings.warn(
                f"module {name!r} is compiled, so that it can't be imported once for each simulated process: all of "
                "them share its state, which no real runtime would let them",
                EscapeWarning,
                stacklevel=2,
            )
        # As the driver, for in this process the import would lead here again.
        shared = modules[name] = contextvars.Context().run(importlib.import_module, name)
        return shared


class _Pickler(codec.CodePickler):
    """Pickles code for other processes of the simulation.

    Args:
        is_whole: with the members of classes; otherwise the receiver gets them by their number.
    """

    def __init__(self, homes: Homes, file: io.BytesIO, *, is_whole: bool, **options: Any) -> None:
        super().__init__(file, **options)
        self._homes = homes
        self._is_whole = is_whole

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if kind is Described:
            return codec.carry(obj.code) if obj.code in self._homes.exported else obj.__reduce__()
        if not (issubclass(kind, type) or kind in (FunctionType, ModuleType)):
            return super().reducer_override(obj)
        if kind is ModuleType and not is_users(obj):
            return super().reducer_override(obj)
        if kind is not ModuleType and self._is_in_own_module(obj):
            return _named, (obj.__module__, obj.__qualname__)
        if kind is ModuleType:
            return (_module, (obj.__name__,)) if obj.__name__ != "__main__" else NotImplemented
        home = home_module(obj)
        if home is not None and is_users(home):
            return _named, (obj.__module__, obj.__qualname__)
        if is_users(obj):
            # Not by `reducer_override`: it would find methods under the name of the actor class, which passes them on.
            return self._reduce_class(obj) if issubclass(kind, type) else self._dynamic_function_reduce(obj)
        return super().reducer_override(obj)

    def _is_in_own_module(self, code: Any) -> bool:
        """Whether it stands under its name in a module that the running process has imported for itself."""
        own = self._homes.here().modules.get(code.__module__)
        return own is not None and look_up(own, code.__qualname__) is code

    def _reduce_class(self, cls: type) -> Any:
        if not self._is_whole:
            return _class, (self._homes.define(cls),)
        number = self._homes.number_of(cls)
        with _no_tracker(cls):
            # Not by `reducer_override`, which would name a class of a test module.
            make, arguments, state, *rest, fill = cloudpickle.cloudpickle._dynamic_class_reduce(cls)
        # The last but one argument is cloudpickle's own number of the class, the same for all processes of ours.
        return _make, (number, make, (*arguments[:-2], None, arguments[-1])), state, *rest, fill


class _Unpickler(pickle.Unpickler):
    """Finds the running process's own copies of what a pickle names."""

    def __init__(self, homes: Homes, data: bytes, buffers: Sequence[bytes | memoryview]) -> None:
        super().__init__(io.BytesIO(data), buffers=buffers)
        self._homes = homes

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name)
        return self._homes.copy(found, module, name) if _is_users_module(module) else found


# What pickles call


def _homes() -> Homes:
    homes: Any = codec.homes[-1]
    return homes  # type: ignore[no-any-return]  # what `backend.py` put there


def _class(number: int) -> type:
    return _homes().class_of(number)


def _named(module: str, name: str) -> Any:
    return _homes().named(module, name)


def _module(name: str) -> ModuleType:
    return _homes().module(name)


def _make(number: int, make: Any, arguments: tuple[Any, ...]) -> type:
    """The process's own copy of a class. Its members are set in any case: as on Ray, code that is loaded brings the
    class along as it was, and resets what the process has changed in it."""
    home = _homes().own()
    if number not in home.classes:
        made = home.classes[number] = make(*arguments)
        _homes()._numbers[made] = number
    return home.classes[number]


# Names


def _is_users_module(name: str) -> bool:
    loaded = sys.modules.get(name)
    if loaded is not None:
        return is_users(loaded)
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or top in sys.builtin_module_names:
        return False
    if top in sys.modules:
        return is_users(sys.modules[top])
    spec = importlib.machinery.PathFinder.find_spec(top)
    return spec is not None and spec.origin is not None and is_users_file(spec.origin)


def _spec_of(name: str) -> importlib.machinery.ModuleSpec | None:
    loaded = sys.modules.get(name)
    if loaded is None:
        return importlib.util.find_spec(name)
    spec: importlib.machinery.ModuleSpec | None = loaded.__spec__
    if spec is None and getattr(loaded, "__file__", None):
        return importlib.util.spec_from_file_location(name, loaded.__file__)
    return spec


@contextmanager
def _no_tracker(cls: type) -> Iterator[None]:
    """Keep cloudpickle from giving the class a number of its own, which is drawn from the operating system."""
    trackers = cloudpickle.cloudpickle._DYNAMIC_CLASS_TRACKER_BY_CLASS
    if cls in trackers:
        yield
        return
    trackers[cls] = ""
    try:
        yield
    finally:
        del trackers[cls]

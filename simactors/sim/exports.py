"""Sends functions and actor classes to processes: once for each run, as they are at their first ``.remote()``.

Not how code is copied: `homes.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any

from msgspec import structs

from simactors.core import codec
from simactors.core.calls import ActorClass, Function
from simactors.exceptions import RaySystemError
from simactors.sim.homes import Homes


class Exports:
    """The exported code of one run.

    Args:
        homes: None if all processes share the user's code as it is.

    Attributes:
        concurrent: told of each class whose methods may run side by side; bound by `machine.py`.
    """

    def __init__(self, homes: Homes | None) -> None:
        self._homes = homes
        self._shared: dict[Function | ActorClass, None] = {}
        self._private: dict[Function | ActorClass, codec.Encoded] = {}
        self.concurrent: Callable[[type], None] = lambda _: None

    def add(self, code: Function | ActorClass) -> None:
        """Export `code`, unless it is already.

        Raises:
            TypeError: it uses something that can't be serialized, a lock, say.
        """
        if code in self._shared or code in self._private:
            return
        target: Any = code.function if type(code) is Function else code.cls  # type: ignore[union-attr]
        homes = self._homes
        try:
            if homes is None:
                codec.encode(target, by_value=True)
            elif not homes.reach.is_shared(target):
                homes.exported[code] = None  # it may refer to itself
                self._private[code] = codec.encode_with(homes.dump_whole, target)
                return
        except Exception as error:  # pickling runs the user's code
            if homes is not None:
                homes.exported.pop(code, None)
            kind = "function" if type(code) is Function else "actor class"
            name = f"{target.__module__}.{target.__qualname__}"
            raise TypeError(
                f"Could not serialize the {kind} {name}: {type(error).__name__}: {error}"
            ) from error
        self._shared[code] = None

    def function(self, code: Function) -> Callable[..., Any]:
        """The running process's own copy of a remote function.

        Raises:
            RuntimeError: it can't be made there: a module that it imports raises, say.
        """
        if code not in self._private:
            return code.function
        assert self._homes is not None
        loaded = self._homes.own().loaded
        if code not in loaded:
            loaded[code] = self._load(code, f"The remote function {code.spec.label}")
        return loaded[code]  # type: ignore[no-any-return]

    def actor_class(self, code: ActorClass, *, is_threaded: bool) -> ActorClass:
        """The same for an actor class; `is_threaded` if its methods may run side by side."""
        own = self._own_class(code) if code in self._private else code
        if is_threaded:
            self.concurrent(own.cls)
        return own

    def _own_class(self, code: ActorClass) -> ActorClass:
        cls = self._load(code, f"The actor class {code.interface.class_name}")
        attributes = {
            name: found if found is None or name.startswith("__ray_") else inspect.getattr_static(cls, name)
            for name, found in code.attributes.items()
        }
        functions = {name: found for name, found in attributes.items() if type(found) is FunctionType}
        return structs.replace(code, cls=cls, attributes=attributes, functions=functions, origin=code)

    def _load(self, code: Function | ActorClass, what: str) -> Any:
        try:
            return codec.decode(self._private[code])
        except RaySystemError as error:
            raise RuntimeError(f"{what} failed to import on the worker: {error}") from error.__cause__

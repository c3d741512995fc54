"""`Exports`: functions and classes on their way out, pickled once; `Imports`: those that came in.

A definition travels as code, with the globals it uses as of its first export, as on Ray. It is named by the
digest of its pickle, so that a copy that was shipped on and comes back is recognised.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
from msgspec import Struct
from msgspec.structs import replace

from simactors.core import codec
from simactors.core.calls import ActorClass, Function
from simactors.core.codec import Encoded

# A process that gets a remote function as an argument again and again makes a new object of it each time.
_REMEMBERED = 4096


class Export(Struct, frozen=True):
    """A pickled definition."""

    digest: bytes
    definition: Encoded


class Exports:
    """Not safe for threads but for `export`, whose worst case is to pickle a definition twice.

    Args:
        check: raises if a ref or a handle that a definition carries belongs to another session.
    """

    def __init__(self, check: Callable[[Sequence[Any]], None]) -> None:
        self._check = check
        # The definition is kept beside its export: its id must not be given to another object.
        self._made: OrderedDict[int, tuple[Function | ActorClass, Export]] = OrderedDict()

    def export(self, thing: Function | ActorClass) -> Export:
        """The pickled form of `thing`, as it was at the first call.

        Raises:
            TypeError: it uses what can't be serialized.
            ValueError, RuntimeError: it uses a ref or a handle of another session.
        """
        found = self._made.get(id(thing))
        if found is not None:
            return found[1]
        target = thing.function if isinstance(thing, Function) else thing.cls
        _ship_by_value_if_needed(target)
        try:
            encoded = codec.encode(_as_shipped(thing), by_value=True)
        except Exception as error:  # pickling runs the user's code
            kind = "function" if isinstance(thing, Function) else "actor class"
            name = f"{target.__module__}.{target.__qualname__}"
            raise TypeError(
                f"Could not serialize the {kind} {name}: {type(error).__name__}: {error}"
            ) from error
        self._check(encoded.carried)
        digest = hashlib.blake2b(encoded.data, digest_size=16)
        for buffer in encoded.buffers:
            digest.update(buffer)
        for carried in encoded.carried:
            digest.update(carried.entry.id.to_bytes(16, "big"))
        made = Export(digest.digest(), encoded)
        self._made[id(thing)] = thing, made
        while len(self._made) > _REMEMBERED:
            self._made.popitem(last=False)
        return made


class Imports:
    """What `Define` messages brought: unpickled at first use, in the thread that uses it."""

    def __init__(self) -> None:
        self._packed: dict[bytes, tuple[Encoded, tuple[str, ...]]] = {}
        self._loaded: dict[bytes, Any] = {}

    def add(self, digest: bytes, definition: Encoded, sys_path: tuple[str, ...]) -> None:
        """Keep a definition until it is used."""
        if digest not in self._loaded:
            self._packed[digest] = definition, sys_path

    def load(self, digest: bytes) -> Any:
        """The `Function` or `ActorClass`; the same object at each call.

        Raises:
            Whatever importing and unpickling raise.
        """
        found = self._loaded.get(digest)
        if found is None:
            definition, sys_path = self._packed[digest]
            sys.path.extend(p for p in sys_path if p not in sys.path)
            found = self._loaded[digest] = codec.decode(definition)
            del self._packed[digest]
        return found


def _as_shipped(thing: Function | ActorClass) -> Function | ActorClass:
    """Without what the worker finds in the class itself; what it inherits is not always picklable by itself."""
    return thing if isinstance(thing, Function) else replace(thing, attributes={}, functions={})


def _ship_by_value_if_needed(target: Any) -> None:
    """Let the module of `target` travel as code if another process could not import it by its name."""
    module = sys.modules.get(getattr(target, "__module__", None) or "__main__")
    if module is None or module.__name__ in ("__main__", *sys.builtin_module_names):
        return
    if module.__name__ not in cloudpickle.list_registry_pickle_by_value() and not _importable(module):
        cloudpickle.register_pickle_by_value(module)


def _importable(module: ModuleType) -> bool:
    """Whether a fresh interpreter with our `sys.path` finds the same file under the module's name."""
    spec = None
    path: Any = None
    parts = module.__name__.split(".")
    for count in range(1, len(parts) + 1):
        spec = _find_spec(".".join(parts[:count]), path)
        if spec is None:
            return False
        path = spec.submodule_search_locations
    file = getattr(module, "__file__", None)
    if spec is None or file is None or spec.origin is None or not os.path.exists(spec.origin):
        return spec is not None
    return os.path.samefile(spec.origin, file)


def _find_spec(name: str, path: Any) -> importlib.machinery.ModuleSpec | None:
    """Like `importlib.util.find_spec`, without what only this process knows: loaded modules, its own hooks."""
    for finder in sys.meta_path:
        kind = finder if isinstance(finder, type) else type(finder)
        standard = kind.__module__.startswith(("_frozen_importlib", "__editable__"))
        find = getattr(finder, "find_spec", None)
        found = find(name, path) if standard and find is not None else None
        if found is not None:
            return found  # type: ignore[no-any-return]  # what finders give
    return None

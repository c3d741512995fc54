"""How to send what can't be sent: serializers of one's own, and a look at what stands in the way.

As ``ray.util.register_serializer``, ``deregister_serializer`` and ``inspect_serializability``.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TextIO

from simactors.api import session
from simactors.core import codec
from simactors.core.abilities import TakesSerializers


def register_serializer(
    cls: type, *, serializer: Callable[[Any], object], deserializer: Callable[[Any], Any]
) -> None:
    """Send instances of exactly `cls` as ``serializer(instance)``; `deserializer` makes them anew.

    It counts for what this process sends; on Ray, from `init` on. `deserializer` itself must be one that can be sent.
    """
    codec.set_reducer(cls, lambda instance: (deserializer, (serializer(instance),)))
    packer = _packer()
    if packer is not None:
        packer.register_serializer(cls, serializer, deserializer)


def deregister_serializer(cls: type) -> None:
    """Undo `register_serializer`; no effect without it."""
    codec.set_reducer(cls, None)
    packer = _packer()
    if packer is not None:
        packer.deregister_serializer(cls)


def _packer() -> TakesSerializers | None:
    """The open backend, if values are packed by itself and not by our codec."""
    backend = session.active() if session.is_initialized() else None
    return backend if isinstance(backend, TakesSerializers) else None


class FailureTuple(NamedTuple):
    """Something that can't be sent.

    Attributes:
        path: the names that lead to it.
        parent: what holds it.
    """

    obj: Any
    path: tuple[str, ...]
    parent: Any

    @property
    def name(self) -> str:
        """The last name that leads to it."""
        return self.path[-1] if self.path else ""

    def __hash__(self) -> int:
        return hash((id(self.obj), self.path))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FailureTuple) and self.obj is other.obj and self.path == other.path


def inspect_serializability(
    base_obj: Any, name: str | None = None, depth: int = 3, print_file: TextIO | None = None
) -> tuple[bool, set[FailureTuple]]:
    """Find out what keeps an object from being sent.

    Args:
        name: what to call it in the report.
        depth: how deep to look: what it holds, what that holds, ...
        print_file: where the report goes; stdout by default.

    Returns:
        Whether it can be sent, and what can't be.
    """
    out = print_file or sys.stdout
    title = f"Checking Serializability of {base_obj}"
    print("=" * len(title), title, "=" * len(title), sep="\n", file=out)
    path = () if name is None else (name,)
    found = set(_failures(base_obj, path, None, depth, out))
    for failure in found:
        print(f"\n\t{failure.obj!r} ({'.'.join(failure.path)}) was found to be non-serializable.", file=out)
    return not found, found


def _failures(
    candidate: Any, path: tuple[str, ...], parent: Any, depth: int, out: TextIO
) -> Iterator[FailureTuple]:
    try:
        codec.encode(candidate, by_value=True)
    except Exception as error:  # pickling runs the user's code
        print(f"!!! FAIL serialization: {error}", file=out)
    else:
        return
    inner: list[FailureTuple] = []
    if depth > 0:
        for name, part in _parts(candidate):
            inner = list(_failures(part, (*path, name), candidate, depth - 1, out))
            if inner:
                break  # the first one explains the failure
    yield from inner or [FailureTuple(candidate, path, parent)]


def _parts(candidate: Any) -> Iterator[tuple[str, Any]]:
    """What a function refers to, or what an object holds."""
    if inspect.isfunction(candidate):
        found = inspect.getclosurevars(candidate)
        yield from found.nonlocals.items()
        yield from found.globals.items()
        return
    for name, part in inspect.getmembers(candidate):
        if not (name.startswith("__") and name.endswith("__")) and not inspect.isbuiltin(part):
            yield name, part

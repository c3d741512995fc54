"""How a value crosses a process border: packed on one side, unpacked on the other.

One codec for every backend, so that what can't be sent fails alike everywhere and a receiver always gets
a copy. Not a transport: the simulator hands the packed form over, the real backend writes it to a socket.

Values that nobody can change (numbers, strings, flat tuples of them) travel as they are. Everything else is
pickled (protocol 5, large buffers out of band); what plain pickle refuses goes through cloudpickle.
Refs and handles inside a value are not pickled: they are *carried* beside it, so that each backend can count
and translate them.
"""

from __future__ import annotations

import copyreg
import io
import pickle
import threading
import traceback
from collections import ChainMap
from collections.abc import Callable, Sequence
from types import CodeType
from typing import Any, ClassVar, NamedTuple, Protocol

import cloudpickle  # type: ignore[import-untyped]

from simactors.exceptions import RaySystemError

ATOMS = frozenset({int, float, str, bytes, bool, complex, type(None), type(...), type(NotImplemented)})


class Encoded(NamedTuple):
    """A value in transit.

    Attributes:
        data: the pickle.
        buffers: what the pickle left out of band, each immutable; arrays rebuilt on them are read-only.
        carried: the refs and actor refs met inside the value, in the order of their first use.
    """

    data: bytes
    buffers: tuple[bytes | memoryview, ...] = ()
    carried: tuple[Any, ...] = ()


class Homes(Protocol):
    """Where several processes share one interpreter: gives each its own copies of the user's code."""

    def dump(self, value: object, **options: Any) -> bytes:
        """Pickle `value`, which the running process sends and plain pickle refuses."""
        ...

    def load(self, data: bytes, *, buffers: Sequence[bytes | memoryview]) -> Any:
        """Unpickle for the running process, with its own classes."""
        ...


homes: list[Homes] = []
"""Those of the open simulations, the innermost last."""


stores: list[Callable[[memoryview], bytes | memoryview]] = []
"""Where processes share memory: each takes a buffer and gives an unchangeable copy, or the buffer if it is one.

The innermost is the last. Asked where code travels by value, which is where the receiver is another process.
"""


class _Scope(threading.local):
    """What is being packed or unpacked right now in this thread."""

    packing: list[Any] | None = None
    unpacking: Sequence[Any] = ()
    is_unpacking = False


_scope = _Scope()


def pack(value: object, *, by_value: bool = False) -> object:
    """The form in which `value` travels: itself if nobody can change it, else `Encoded`.

    Args:
        by_value: ship classes and functions of ``__main__`` as code, for a process that can't import them.

    Raises:
        TypeError, pickle.PicklingError and whatever a class's own pickling raises.
    """
    kind = type(value)
    if kind in ATOMS or (kind is tuple and ATOMS.issuperset(map(type, value))):  # type: ignore[call-overload]
        return value
    return encode(value, by_value=by_value)


def unpack(packed: object) -> Any:
    """A fresh copy of the value that was packed."""
    return decode(packed) if type(packed) is Encoded else packed


def is_busy() -> bool:
    """Whether something is being packed or unpacked right now: the running code must not be suspended."""
    return _scope.packing is not None or _scope.is_unpacking


def encode(value: object, *, by_value: bool = False) -> Encoded:
    """Pickle `value`, whatever it is; see `pack`."""
    if not by_value:
        try:
            return encode_with(_dump_plain if _reducers else pickle.dumps, value)
        except (pickle.PicklingError, AttributeError, TypeError):
            pass  # lambdas, local classes: cloudpickle can, or says better why it can't either
        if homes:
            return encode_with(homes[-1].dump, value)
    return encode_with(dump_code, value, _kept)


def decode(encoded: Encoded) -> Any:
    """The value; new at each call.

    Raises:
        RaySystemError: the user's own unpickling raised.
    """
    outer, _scope.unpacking = _scope.unpacking, encoded.carried
    was_unpacking, _scope.is_unpacking = _scope.is_unpacking, True
    try:
        if homes and _GLOBAL in encoded.data:
            return homes[-1].load(encoded.data, buffers=encoded.buffers)
        return pickle.loads(encoded.data, buffers=encoded.buffers)
    except Exception as error:
        text = "".join(traceback.format_exception(error)).rstrip()
        raise RaySystemError(f"System error: {error}\ntraceback: {text}") from error
    finally:
        _scope.unpacking = outer
        _scope.is_unpacking = was_unpacking


_GLOBAL = pickle.STACK_GLOBAL
"""In every pickle that names a class or a function; in some others, too."""
_reducers: dict[type, Any] = {}


def set_reducer(cls: type, reducer: Callable[[Any], tuple[Any, ...]] | None) -> None:
    """Pickle instances of exactly `cls` as `reducer` says, in the words of ``__reduce__``; None for as usual."""
    if reducer is None:
        _reducers.pop(cls, None)
    else:
        _reducers[cls] = reducer


def carry(traveller: object) -> tuple[Any, ...]:
    """`__reduce__` of a ref: ride beside the pickle instead of inside it."""
    if _scope.packing is None:
        raise TypeError(
            f"{traveller!r} can't be pickled by itself: it means something only inside its session. "
            "Pass it to a task, an actor or put()."
        )
    _scope.packing.append(traveller)
    return _alight, (len(_scope.packing) - 1,)


def _alight(index: int) -> Any:
    return _scope.unpacking[index]


def _frozen(buffer: pickle.PickleBuffer) -> bytes | memoryview:
    return bytes(buffer.raw())


def _kept(buffer: pickle.PickleBuffer) -> bytes | memoryview:
    return stores[-1](buffer.raw()) if stores else _frozen(buffer)


def encode_with(
    dumps: Callable[..., bytes],
    value: object,
    freeze: Callable[[pickle.PickleBuffer], bytes | memoryview] = _frozen,
) -> Encoded:
    """`value` in transit, pickled by `dumps`, which takes what `pickle.dumps` takes."""
    outer, _scope.packing = _scope.packing, []
    buffers: list[pickle.PickleBuffer] = []
    try:
        data = dumps(value, protocol=5, buffer_callback=buffers.append)
        # The sender may go on writing to its array: the copy is made here, once.
        return Encoded(data, tuple(map(freeze, buffers)), tuple(_scope.packing))
    finally:
        _scope.packing = outer


def _dump_plain(value: object, **options: Any) -> bytes:
    file = io.BytesIO()
    pickler = pickle.Pickler(file, **options)
    table: Any = ChainMap(_reducers, copyreg.dispatch_table)
    pickler.dispatch_table = table
    pickler.dump(value)
    return file.getvalue()


def _reduce_code(code: CodeType) -> tuple[Any, ...]:
    made, arguments = cloudpickle.CloudPickler.dispatch_table[CodeType](code)
    return made, tuple(code.co_filename if a == _NAMELESS else a for a in arguments)


_NAMELESS = "<dynamic-code>"


class CodePickler(cloudpickle.CloudPickler):  # type: ignore[misc]  # cloudpickle has no types
    """Keeps the names of source files, which cloudpickle drops since 3.1.3: tracebacks show the lines then."""

    dispatch_table: ClassVar[Any] = ChainMap(
        _reducers, {CodeType: _reduce_code}, cloudpickle.CloudPickler.dispatch_table
    )


def dump_code(value: object, pickler: Callable[..., CodePickler] = CodePickler, **options: Any) -> bytes:
    """A pickle that takes along the code of what can't be imported elsewhere."""
    file = io.BytesIO()
    pickler(file, **options).dump(value)
    return file.getvalue()

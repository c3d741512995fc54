"""Values of operations in a normal form: to be compared, hashed, and kept in the state of a specification.

What went through JSON, through a process border or through another program comes back as a list where it was a
tuple, as a copy where it was the object itself. In normal form these are equal again. Not an encoding: nothing is
turned back.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, Final

from simactors.core.endings import names_of

ATOMS = frozenset({str, int, bool, float, complex, bytes, type(None)})


class Anything:
    """The class of `ANYTHING`."""

    def __repr__(self) -> str:
        return "ANYTHING"

    def __reduce__(self) -> str:
        return "ANYTHING"


ANYTHING: Final = Anything()
"""An answer of a specification that agrees with whatever was returned."""


class FrozenMap(Mapping[Any, Any]):
    """A mapping that never changes, and can be hashed; equal to a `dict` with the same items, in any order.

    Args:
        items: pairs, of which the last one with a key counts; keys and values must be hashable.
    """

    __slots__ = ("_hash", "_items")

    def __init__(self, items: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = ()) -> None:
        self._items = dict(items)
        self._hash: int | None = None

    def with_item(self, key: Any, value: Any) -> FrozenMap:
        """The same, but `key` has `value`."""
        return FrozenMap({**self._items, key: value})

    def without(self, key: Any) -> FrozenMap:
        """The same without `key`."""
        return FrozenMap({kept: value for kept, value in self._items.items() if kept != key})

    def __getitem__(self, key: Any) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, FrozenMap):
            return self._items == other._items
        return self._items == other

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self._items.items()))
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenMap, (self._items,)  # hashes of strings differ between processes

    def __repr__(self) -> str:
        return repr(self._items)


@dataclass(frozen=True, slots=True)
class Record:
    """An object of a class that need not exist here: its name and its fields, in normal form."""

    name: str
    fields: FrozenMap

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self.fields.items())
        return f"{self.name}({inside})"


@dataclass(frozen=True, slots=True)
class Text:
    """All that is left of a value that no file can hold: its `repr`. It equals what has the same one."""

    text: str

    def __repr__(self) -> str:
        return self.text


class RecordedError(Exception):
    """An exception as a file tells of it: its class need not exist here.

    Args:
        name: of its class, without the module.
        args: its arguments.
        bases: the names of the classes that its class was made of, nearest first.
    """

    def __init__(self, name: str, args: tuple[Any, ...] = (), bases: tuple[str, ...] = ()) -> None:
        super().__init__(*args)
        self.name = name
        self.bases = bases

    def __reduce__(self) -> tuple[Any, ...]:
        return RecordedError, (self.name, self.args, self.bases)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RecordedError) and self.__reduce__() == other.__reduce__()

    def __hash__(self) -> int:
        return hash((self.name, self.bases))

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(map(repr, self.args))})"


class NoNormalForm(TypeError):
    """A value can't be compared with others by what is in it."""


def normal(value: Any) -> Any:
    """`value` in normal form, which is hashable; what is in normal form stays as it is.

    Lists, tuples and deques become tuples, sets frozen sets, mappings a `FrozenMap`, arrays tuples of their items.
    Instances of dataclasses, and of classes without an equality of their own, become a `Record` of their fields; so
    two copies of one object are equal. Exceptions count by the name of their class and their arguments.

    Raises:
        NoNormalForm: it has an equality of its own, but no hash; or it is in itself, or is nested too deep.
    """
    if type(value) in ATOMS:
        return math.nan if value != value else value  # one nan for all, which equals itself inside of tuples
    try:
        return _normal(value)
    except RecursionError:
        raise NoNormalForm(
            f"a {type(value).__name__} that is in itself, or nested too deep, has no normal form"
        ) from None


def _normal(value: Any) -> Any:
    if isinstance(value, list | tuple | deque):
        return tuple(map(normal, value))
    if isinstance(value, Set):
        return frozenset(map(normal, value))
    if isinstance(value, Mapping):
        return FrozenMap((normal(key), normal(item)) for key, item in value.items())
    if isinstance(value, bytearray):
        return bytes(value)
    if isinstance(value, BaseException):
        return RecordedError(class_names(value)[0], normal(value.args), tuple(class_names(value)[1:]))
    return _normal_object(value)


def _normal_object(value: Any) -> Any:
    kind = type(value)
    if isinstance(value, Record | Text | Anything | type) or callable(value):
        return value
    if isinstance(value, Enum):
        return Record(kind.__name__, FrozenMap({"name": value.name}))
    if is_dataclass(value):
        return Record(
            kind.__name__,
            FrozenMap((field.name, normal(getattr(value, field.name))) for field in fields(value)),
        )
    if callable(getattr(kind, "tolist", None)):  # an array; NumPy need not be there
        return normal(value.tolist())
    if not has_own(kind, "__eq__") and hasattr(value, "__dict__"):
        return Record(kind.__name__, FrozenMap((name, normal(held)) for name, held in vars(value).items()))
    if kind.__hash__ is None:
        raise NoNormalForm(
            f"{kind.__name__} has an equality of its own, but no hash: compare with `same=` of your own"
        )
    return value


def has_own(kind: type, name: str) -> bool:
    """Whether a class has a method of its own for what every object can do."""
    return getattr(kind, name) is not getattr(object, name)


def same(expected: Any, observed: Any) -> bool:
    """Whether an answer agrees with that of the specification.

    Values are compared in normal form (see `normal`), so that a list equals a tuple. Exceptions agree if the
    observed one is of the expected one's class or of a class made of it; classes count by their names, so that it
    does not matter in which process, or in which file, they were met. Their arguments don't count: see
    `same_arguments`.
    """
    if expected is ANYTHING or expected is observed:
        return True
    if isinstance(expected, BaseException) and isinstance(observed, BaseException):
        return class_names(expected)[0] in class_names(observed)
    if type(expected) in ATOMS and type(observed) in ATOMS:
        return bool(expected == observed) or (expected != expected and observed != observed)
    if isinstance(observed, Text):
        return repr(expected) == observed.text or repr(normal(expected)) == observed.text
    return bool(normal(expected) == normal(observed))


def same_arguments(expected: Any, observed: Any) -> bool:
    """Like `same`, but exceptions must have the same arguments, too: ``linearizable(..., same=same_arguments)``."""
    if isinstance(expected, BaseException) and isinstance(observed, BaseException):
        return same(expected, observed) and bool(normal(expected.args) == normal(observed.args))
    return same(expected, observed)


def class_names(error: BaseException) -> list[str]:
    """The name of its class, then those of the classes that this was made of, up to `Exception`."""
    if isinstance(error, RecordedError):
        return [error.name, *error.bases]
    return names_of(type(error))

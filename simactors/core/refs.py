"""What programs hold instead of values and instances: `ObjectRef` and `ActorRef`.

Not the object store and not the actors: a ref points at its backend's own entry and knows nothing of it
but an id. `api/handles.py` dresses an `ActorRef` up as the handle that users call.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar

from simactors.core import codec
from simactors.core.interface import ActorInterface

T_co = TypeVar("T_co", covariant=True)


class Entry(Protocol):
    """What a backend keeps for one object or one actor in one process."""

    @property
    def id(self) -> int:
        """Unique in the session; a counter, so that it prints short and repeats from run to run."""
        ...


class ObjectRef(Generic[T_co]):
    """A reference to a value that exists already or will exist later.

    Two refs are equal if they name the same object. A backend makes refs; programs only hold them,
    pass them on, and give them to `get` and `wait`.
    """

    __slots__ = ("__weakref__", "entry")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry

    def hex(self) -> str:
        """The id as 56 hexadecimal digits, the length Ray uses."""
        return f"{self.entry.id:056x}"

    def binary(self) -> bytes:
        """The id as 28 bytes."""
        return self.entry.id.to_bytes(28, "big")

    def __eq__(self, other: object) -> bool:
        return type(other) is ObjectRef and self.entry.id == other.entry.id

    def __hash__(self) -> int:
        return hash(self.entry.id)

    def __repr__(self) -> str:
        return f"ObjectRef(object-{self.entry.id})"

    def __reduce__(self) -> tuple[Any, ...]:
        return codec.carry(self)

    # A ref is no sequence: without this, `for x in ref` would try `ref[0]` and confuse.
    def __iter__(self) -> Iterator[Any]:
        raise TypeError("'ObjectRef' object is not iterable; call get() on it first")


class ActorRef:
    """A reference to an actor, with the description of its methods that a handle needs."""

    __slots__ = ("__weakref__", "entry", "interface")

    def __init__(self, entry: Entry, interface: ActorInterface) -> None:
        self.entry = entry
        self.interface = interface

    def __eq__(self, other: object) -> bool:
        return type(other) is ActorRef and self.entry.id == other.entry.id

    def __hash__(self) -> int:
        return hash(self.entry.id)

    def __repr__(self) -> str:
        return f"ActorRef(actor-{self.entry.id})"

    def __reduce__(self) -> tuple[Any, ...]:
        return codec.carry(self)

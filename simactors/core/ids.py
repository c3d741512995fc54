"""How ids look to programs: Ray's lengths and Ray's class names, made from the counters of a session.

The one place that knows them. Inside, ids are plain integers; nothing but `api`, `util` and errors shows these.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal


class Kind(Enum):
    """What an id is of: Ray's name of its class, and its length in bytes."""

    JOB = "JobID", 4
    NODE = "NodeID", 28
    WORKER = "WorkerID", 28
    TASK = "TaskID", 24
    ACTOR = "ActorID", 16
    OBJECT = "ObjectRef", 28
    GROUP = "PlacementGroupID", 18


@dataclass(frozen=True, slots=True)
class Id:
    """One id; equal ids name the same thing.

    Attributes:
        number: the counter it is made from.
    """

    kind: Kind
    number: int

    @classmethod
    def nil(cls, kind: Kind) -> Id:
        """The id of nothing: all bits set, as on Ray."""
        return cls(kind, 256 ** kind.value[1] - 1)

    @classmethod
    def from_hex(cls, kind: Kind, text: str) -> Id:
        """The id that `hex` gave.

        Raises:
            ValueError: no hexadecimal number, or one of another length.
        """
        data = bytes.fromhex(text)
        if len(data) != kind.value[1]:
            raise ValueError(f"a {kind.value[0]} has {2 * kind.value[1]} hexadecimal digits, not {len(text)}")
        return cls(kind, int.from_bytes(data, _order(kind)))

    def binary(self) -> bytes:
        """The id as bytes."""
        return self.number.to_bytes(self.kind.value[1], _order(self.kind))

    def hex(self) -> str:
        """The id as hexadecimal digits."""
        return self.binary().hex()

    def is_nil(self) -> bool:
        """Whether it is the id of nothing."""
        return self == Id.nil(self.kind)

    def __str__(self) -> str:
        return f"{self.kind.value[0]}({self.hex()})"

    __repr__ = __str__


def _order(kind: Kind) -> Literal["little", "big"]:
    return "little" if kind is Kind.JOB else "big"  # Ray's first job is 01000000

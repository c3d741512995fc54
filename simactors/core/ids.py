"""How ids look to programs: Ray's lengths, layout and class names, made from the counters of a session.

The one place that knows them. Inside, ids are plain integers; nothing but `api`, `util`, labels and errors shows these.
As on Ray, an id holds that of what it belongs to: an object's its task's, a task's its actor's, an actor's its job's.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

_NOBODY = b"\xff"


class Kind(Enum):
    """What an id is of: Ray's name of its class, its length in bytes, and how many of them are its own."""

    JOB = "JobID", 4, 4
    NODE = "NodeID", 28, 28
    WORKER = "WorkerID", 28, 28
    ACTOR = "ActorID", 16, 12
    TASK = "TaskID", 24, 8
    OBJECT = "ObjectRef", 28, 28
    GROUP = "PlacementGroupID", 18, 14


class Id(Struct, frozen=True):
    """One id; equal ids name the same thing."""

    kind: Kind
    data: bytes

    @classmethod
    def nil(cls, kind: Kind) -> Id:
        """The id of nothing: all bits set, as on Ray."""
        return cls(kind, _NOBODY * kind.value[1])

    @classmethod
    def from_hex(cls, kind: Kind, text: str) -> Id:
        """The id that `hex` gave.

        Raises:
            ValueError: no hexadecimal number, or one of another length.
        """
        data = bytes.fromhex(text)
        if len(data) != kind.value[1]:
            raise ValueError(f"a {kind.value[0]} has {2 * kind.value[1]} hexadecimal digits, not {len(text)}")
        return cls(kind, data)

    @property
    def number(self) -> int:
        """The counter that it was made from."""
        own = self.data[: self.kind.value[2]]
        return int.from_bytes(own, "little" if self.kind is Kind.JOB else "big")

    def binary(self) -> bytes:
        """The id as bytes."""
        return self.data

    def hex(self) -> str:
        """The id as hexadecimal digits."""
        return self.data.hex()

    def is_nil(self) -> bool:
        """Whether it is the id of nothing."""
        return self == Id.nil(self.kind)

    def __str__(self) -> str:
        return f"{self.kind.value[0]}({self.hex()})"

    __repr__ = __str__


def job_id(number: int = 1) -> Id:
    """Of a driver's program; the first one reads 01000000."""
    return Id(Kind.JOB, number.to_bytes(4, "little"))


_JOB = job_id().data  # a session has one job


def node_id(number: int) -> Id:
    """Of a node."""
    return Id(Kind.NODE, number.to_bytes(28, "big"))


def node_address(number: int) -> str:
    """The address that a node goes by, also in its resource ``node:<address>``; nothing listens there."""
    return f"10.0.{number // 256}.{number % 256}"


def worker_id(number: int) -> Id:
    """Of a process; see `driver_id`."""
    return Id(Kind.WORKER, number.to_bytes(28, "big"))


def driver_id(job: int = 1) -> Id:
    """Of the driver's process."""
    return Id(Kind.WORKER, job_id(job).data + _NOBODY * 24)


def group_id(number: int) -> Id:
    """Of a placement group."""
    return Id(Kind.GROUP, number.to_bytes(14, "big") + _JOB)


def actor_id(number: int) -> Id:
    """Of an actor."""
    return Id(Kind.ACTOR, number.to_bytes(12, "big") + _JOB)


def task_id(number: int, actor: int | None = None) -> Id:
    """Of a task, or of a call of that actor."""
    owner = _NOBODY * 12 + _JOB if actor is None else actor_id(actor).data
    return Id(Kind.TASK, number.to_bytes(8, "big") + owner)


def creation_id(actor: int) -> Id:
    """Of the task that runs the constructor of that actor."""
    return Id(Kind.TASK, _NOBODY * 8 + actor_id(actor).data)


def object_id(task: Id, index: int) -> Id:
    """Of what a task returned or made; `index` counts from 1."""
    return Id(Kind.OBJECT, task.data + index.to_bytes(4, "little"))

"""How ids look to programs: Ray's lengths, layout and class names, made from the counters of a session.

The one place that knows them. Inside, ids are plain integers; nothing but `api`, `util`, labels and errors shows these.
As on Ray, an id holds that of what it belongs to: an object's its task's, a task's its actor's, an actor's its job's.
"""

from __future__ import annotations

import builtins
import os
from typing import ClassVar, Self

_MOST_JOBS = 1 << 32
_NOBODY = b"\xff"


class Id:
    """One id; equal ids name the same thing. Each kind is a class of its own, as programs know them from Ray.

    Args:
        data: its bytes.

    Raises:
        TypeError: no bytes.
        ValueError: another length.
    """

    __slots__ = ("_data",)
    _LENGTH: ClassVar[int] = 28
    _OWN: ClassVar[int] = 28
    """How many of its bytes are its own: the rest is the id of what it belongs to."""

    def __init__(self, data: bytes) -> None:
        if not isinstance(data, bytes):
            raise TypeError(f"Unsupported type: {type(data)}, expected bytes")
        if len(data) != self._LENGTH:
            raise ValueError(f"ID string needs to have length {self._LENGTH}, got {len(data)}")
        self._data = data

    @classmethod
    def size(cls) -> int:
        """How many bytes it has."""
        return cls._LENGTH

    @classmethod
    def nil(cls) -> Self:
        """The id of nothing: all bits set, as on Ray."""
        return cls(_NOBODY * cls._LENGTH)

    @classmethod
    def from_binary(cls, data: bytes) -> Self:
        """The id that `binary` gave; see the class for errors."""
        return cls(data)

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """The id that `hex` gave.

        Raises:
            ValueError: no hexadecimal number, or one of another length.
        """
        data = bytes.fromhex(text)
        if len(data) != cls._LENGTH:
            raise ValueError(
                f"a {cls.__name__} has {2 * cls._LENGTH} hexadecimal digits, not {len(text)}: {text!r}"
            )
        return cls(data)

    @property
    def number(self) -> int:
        """The counter that it was made from."""
        return int.from_bytes(self._data[: self._OWN], "big")

    def binary(self) -> bytes:
        """The id as bytes."""
        return self._data

    def hex(self) -> str:
        """The id as hexadecimal digits."""
        return self._data.hex()

    def is_nil(self) -> bool:
        """Whether it is the id of nothing."""
        return self._data == _NOBODY * self._LENGTH

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._data == other._data

    def __hash__(self) -> int:
        return hash(self._data)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.hex()})"

    def __reduce__(self) -> tuple[type[Self], tuple[bytes]]:
        return type(self), (self._data,)


class UniqueID(Id):
    """The id of something that belongs to nothing else."""

    __slots__ = ()

    @classmethod
    def from_random(cls) -> Self:
        """An id that nothing has."""
        return cls(os.urandom(cls._LENGTH))


class NodeID(UniqueID):
    """Of a node."""

    __slots__ = ()


class WorkerID(UniqueID):
    """Of a process."""

    __slots__ = ()


class JobID(Id):
    """Of a driver's program."""

    __slots__ = ()
    _LENGTH = _OWN = 4

    @classmethod
    def from_int(cls, number: builtins.int) -> Self:
        """The id of that job.

        Raises:
            OverflowError: negative, or not a number of 32 bits.
        """
        return cls(number.to_bytes(4, "little"))

    def int(self) -> builtins.int:
        """Which job it is."""
        return builtins.int.from_bytes(self._data, "little")

    @property
    def number(self) -> builtins.int:
        """The counter that it was made from."""
        return self.int()


class ActorID(Id):
    """Of an actor."""

    __slots__ = ()
    _LENGTH, _OWN = 16, 12

    @classmethod
    def from_random(cls) -> Self:
        """An id that no actor has."""
        return cls(os.urandom(cls._LENGTH))

    @property
    def job_id(self) -> JobID:
        """Of the program that it belongs to.

        Raises:
            ValueError: the id of nothing.
        """
        return _owner(self, JobID)


class TaskID(Id):
    """Of a call."""

    __slots__ = ()
    _LENGTH, _OWN = 24, 8

    def actor_id(self) -> ActorID:
        """Of the actor that was called; the own bytes of a task's are all set."""
        return ActorID(self._data[self._OWN :])

    def job_id(self) -> JobID:
        """Of the program that it belongs to.

        Raises:
            ValueError: the id of nothing.
        """
        return _owner(self, JobID)


class ObjectID(Id):
    """Of an object: programs see it as an `ObjectRef`."""

    __slots__ = ()

    def task_id(self) -> TaskID:
        """Of the call that it comes from."""
        return TaskID(self._data[: TaskID._LENGTH])


class PlacementGroupID(Id):
    """Of a placement group."""

    __slots__ = ()
    _LENGTH, _OWN = 18, 14

    @property
    def number(self) -> int:
        """The counter that it was made from; above it how many jobs there were before its own, as on Ray a group may
        outlive its program, and be found by another one.
        """
        job = JobID(self._data[self._OWN :]).int()
        return super().number | (job - 1) % _MOST_JOBS << 8 * self._OWN

    @classmethod
    def from_random(cls) -> Self:
        """An id that no group has."""
        return cls(os.urandom(cls._LENGTH))


def _owner(of: Id, job: type[JobID]) -> JobID:
    """The job at the end of an id."""
    if of.is_nil():
        raise ValueError(f"{type(of).__name__} is nil")
    return job(of.binary()[-job._LENGTH :])


def job_id(number: int = 1) -> JobID:
    """Of a driver's program; the first one reads 01000000. Only on Ray do several share a cluster."""
    return JobID.from_int(number)


def node_id(number: int) -> NodeID:
    """Of a node."""
    return NodeID(number.to_bytes(28, "big"))


def node_address(number: int) -> str:
    """The address that a node goes by, also in its resource ``node:<address>``; nothing listens there."""
    return f"10.0.{number // 256}.{number % 256}"


def worker_id(number: int) -> WorkerID:
    """Of a process; see `driver_id`."""
    return WorkerID(number.to_bytes(28, "big"))


def driver_id(job: int = 1) -> WorkerID:
    """Of the driver's process."""
    return WorkerID(job_id(job).binary() + _NOBODY * 24)


def group_id(number: int) -> PlacementGroupID:
    """Of a placement group; see `PlacementGroupID.number`."""
    jobs_before, own = divmod(number, 1 << 8 * PlacementGroupID._OWN)
    return PlacementGroupID(own.to_bytes(14, "big") + job_id((jobs_before + 1) % _MOST_JOBS).binary())


def actor_id(number: int, job: int = 1) -> ActorID:
    """Of an actor."""
    return ActorID(number.to_bytes(12, "big") + job_id(job).binary())


def task_id(number: int, actor: int | None = None, job: int = 1) -> TaskID:
    """Of a task, or of a call of that actor."""
    owner = _NOBODY * 12 + job_id(job).binary() if actor is None else actor_id(actor, job).binary()
    return TaskID(number.to_bytes(8, "big") + owner)


def creation_id(actor: int, job: int = 1) -> TaskID:
    """Of the task that runs the constructor of that actor."""
    return TaskID(_NOBODY * 8 + actor_id(actor, job).binary())


def object_id(task: TaskID, index: int) -> ObjectID:
    """Of what a task returned or made; `index` counts from 1."""
    return ObjectID(task.binary() + index.to_bytes(4, "little"))

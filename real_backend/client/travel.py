"""`Travel`: refs inside values, on their way out of this process and into it.

Inside a process, what an `Encoded` carries are live refs. On the wire they are descriptors: the id of an
object, or the id and the description of an actor.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
from msgspec import Struct
from msgspec.structs import replace

from real_backend.memory.pieces import Lost, Piece
from real_backend.messages import Message, Reply
from real_backend.objects import ObjectTable, Source
from simactors import exceptions
from simactors.core.codec import Encoded
from simactors.core.interface import ActorInterface
from simactors.core.refs import ActorRef, ObjectRef

# From here on, bytes travel beside the pickle of the message, uncopied. Received, they are memoryviews into
# memory of their own, which can't be pickled in band: so never shorter than this.
_OUT_OF_BAND = 1 << 15

Described = tuple[int, bytes, bool]
"""An actor on the wire: its id, what `describe` gave, whether the handle keeps it alive."""

Borrowed = tuple[int, Source]
"""An object on the wire."""


class Limits(Struct, frozen=True):
    """Options of an actor that its callers have to know."""

    max_pending_calls: int = -1
    max_task_retries: int = 0
    in_order: bool = True


def describe(interface: ActorInterface, limits: Limits) -> bytes:
    """What another process needs to know to make a handle."""
    return cloudpickle.dumps((interface, limits), protocol=5)  # type: ignore[no-any-return]  # untyped


def undescribe(described: bytes) -> tuple[ActorInterface, Limits]:
    """The inverse of `describe`."""
    return pickle.loads(described)  # type: ignore[no-any-return]  # made by `describe`


class Travel:
    """Translates packed values; under the lock of the process.

    Every ref that leaves is counted as held by the receiver, and every one that arrives as received. So what
    `outgoing` gives must be sent, and what has come must go through `incoming`, even if nobody wants it any more.

    Args:
        leaves: called with the id of a ref or handle and the process to which a copy goes.
        arrives: called with the id of each that has come, and the process that has sent it.
        find_actor: makes a ref of what arrives.
        share: the piece of shared memory that a buffer is, if it is one.
    """

    def __init__(
        self,
        objects: ObjectTable,
        leaves: Callable[[int, int], None],
        arrives: Callable[[int, int], None],
        find_actor: Callable[[int, bytes, bool], ActorRef],
        share: Callable[[bytes | memoryview], Piece | None],
    ) -> None:
        self._share = share
        self._objects = objects
        self._leaves = leaves
        self._arrives = arrives
        self._find_actor = find_actor

    def outgoing(self, packed: Any, to: int) -> Any:
        """`packed`, ready for the wire to the process `to`."""
        if type(packed) is not Encoded:
            return packed
        data: Any = packed.data
        if not packed.carried and not packed.buffers and len(data) < _OUT_OF_BAND:
            return packed
        return Encoded(
            _beside(data),
            tuple(map(self._outgoing_buffer, tuple.__iter__(packed.buffers))),
            tuple(self._descriptor(c, to) for c in packed.carried),
        )

    def answer(self, message: Any, to: int) -> Message:
        """A `Reply`, `Failed`, `Unanswered`, `Item` or `Interrupted`, ready for the wire."""
        if type(message) is Reply:
            if len(message.results) == 1 and type(message.results[0]) is not Encoded:
                return message  # the common case: nothing to make ready
            return replace(message, results=tuple(self.outgoing(r, to) for r in message.results))
        return replace(message, packed=self.outgoing(message.packed, to))  # type: ignore[no-any-return]  # of these

    def contained(self, packed: Any, to: int) -> Any:
        """Like `outgoing`, but its pickle needs nothing beside it: it may be kept and forwarded."""
        if type(packed) is not Encoded:
            return packed
        buffers = tuple(bytes(b) for b in packed.buffers)
        return Encoded(bytes(packed.data), buffers, tuple(self._descriptor(c, to) for c in packed.carried))

    def incoming(self, packed: Any, sender: int) -> Any:
        """`packed` from the wire, with live refs; to be called on receipt, before anything else of `sender` is."""
        if type(packed) is not Encoded:
            return packed
        if packed.buffers:
            packed = _without_lost(packed)
        if packed.carried:
            packed = packed._replace(carried=tuple(self._revive(d, sender) for d in packed.carried))
        return packed

    def _outgoing_buffer(self, buffer: Any) -> Any:
        return self._share(buffer) or _beside(buffer)

    def _descriptor(self, carried: Any, to: int) -> Described | Borrowed:
        entry = carried.entry
        if type(carried) is ObjectRef:
            self._objects.keep(entry)
            self._leaves(entry.id, to)
            return entry.id, entry.source
        if entry.counted:
            self._leaves(entry.id, to)
        return entry.id, entry.described, entry.counted

    def _revive(self, descriptor: Described | Borrowed, sender: int) -> ObjectRef[Any] | ActorRef:
        # First the ref, then the count: between them, the owner must not free it.
        if len(descriptor) == 2:
            ref: ObjectRef[Any] = ObjectRef(self._objects.find(*descriptor))
            self._arrives(descriptor[0], sender)
            return ref
        actor = self._find_actor(*descriptor)
        if descriptor[2]:
            self._arrives(descriptor[0], sender)
        return actor


def carried_ids(packed: Any) -> list[int]:
    """The ids of the counted refs in what `outgoing` or `contained` has given."""
    if type(packed) is not Encoded:
        return []
    return [c[0] for c in packed.carried if len(c) == 2 or c[2]]


class _Unreadable(tuple[Any, ...]):
    """The buffers of a value of which a part got lost: whoever unpickles it gets an error."""

    def __iter__(self) -> Iterator[Any]:
        (lost,) = tuple.__iter__(self)
        raise exceptions.RaySystemError(lost.why)


def _without_lost(packed: Encoded) -> Encoded:
    buffers: tuple[Any, ...] = packed.buffers
    lost = [b for b in buffers if type(b) is Lost]
    return packed._replace(buffers=_Unreadable(lost[:1])) if lost else packed


def _beside(buffer: Any) -> Any:
    if type(buffer) is Lost:
        return buffer
    return pickle.PickleBuffer(buffer) if len(buffer) >= _OUT_OF_BAND else buffer

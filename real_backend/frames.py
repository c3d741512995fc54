"""`Frames`: batches of messages as bytes, and back; what is no frame of the session is never unpickled.

A frame: the key of the session; the number of descriptors that ride on it; its length, that of its pickle, and the
number of buffers; the length of each buffer; the pickle; the buffers. Pieces of shared memory stand in the pickle
as a place in a segment, whose descriptor comes along. Descriptors that messages hand over come first.
"""

from __future__ import annotations

import pickle
import struct
from typing import Any

from msgspec.structs import astuple

from real_backend.control import Connected
from real_backend.membership import KEY_SIZE
from real_backend.memory.pieces import Arrival, Cargo, Lands, arriving, leaving
from real_backend.messages import Message

_MAGIC = b"sima"
HEADER = struct.Struct(f"<{len(_MAGIC) + KEY_SIZE}sIQQQ")
_LENGTH = struct.Struct("<Q")
_LARGEST = 1 << 36
"""No frame is longer: what is really large goes through shared memory."""
_JOIN_BELOW = 1 << 15  # up to here copying pieces together is cheaper than a sendmsg

Fd = int


class BadFrameError(Exception):
    """What has arrived is no frame of this session; says why."""


_TYPES: tuple[Any, ...] = Message.__args__
_CODES = {kind: code for code, kind in enumerate(_TYPES)}


def to_wire(message: Message) -> tuple[Any, ...]:
    """A plain tuple: pickles in a third of the time."""
    return _CODES[type(message)], *astuple(message)


def from_wire(wire: tuple[Any, ...]) -> Message:
    """The message again."""
    return _TYPES[wire[0]](*wire[1:])  # type: ignore[no-any-return]  # looked up by its code


class Frames:
    """Both directions of one channel.

    Args:
        key: see `Channel`.
        descriptors: those that have arrived; all belong to the frame that is not complete yet.
    """

    def __init__(self, key: bytes, store: Lands | None, descriptors: list[Fd]) -> None:
        assert len(key) == KEY_SIZE
        self._prefix = _MAGIC + key
        self._store = store
        self._empty = Cargo([])
        self._descriptors = descriptors

    def pack(
        self, batch: list[tuple[object, ...]], descriptors: list[Fd]
    ) -> tuple[list[memoryview], Cargo | None]:
        """The bytes of a frame, and what rides on the first of them."""
        buffers: list[pickle.PickleBuffer] = []
        cargo = Cargo(descriptors) if descriptors else self._empty
        leaving.cargo = cargo
        try:
            body = pickle.dumps(batch, protocol=5, buffer_callback=buffers.append)
        except BaseException:
            self._empty = Cargo([])
            raise
        finally:
            leaving.cargo = None  # it keeps what it carries
        riders, length = cargo.count(), len(body)
        if not riders and not buffers and length < _JOIN_BELOW:  # nearly all of them
            head = HEADER.pack(self._prefix, 0, HEADER.size + length, length, 0)
            return [memoryview(head + body)], None
        if cargo is self._empty and riders:
            self._empty = Cargo([])
        raw = [b.raw() for b in buffers]
        lengths = b"".join(_LENGTH.pack(len(r)) for r in raw)
        total = HEADER.size + len(lengths) + length + sum(map(len, raw))
        head = HEADER.pack(self._prefix, riders, total, length, len(raw)) + lengths
        beginning = (head + body,) if length < _JOIN_BELOW else (head, body)
        return [*(memoryview(b) for b in beginning), *raw], cargo if riders else None

    def take_plain(self, space: memoryview, start: int, filled: int, messages: list[Message]) -> int:
        """Unpack the frame that begins at `start`, if all of it is there and nothing comes with its pickle.

        Nearly all frames are like that, so this is the short way, in one piece.

        Returns:
            Its length; 0 if it has to be looked at closely.
        """
        prefix, riders, total, length, count = HEADER.unpack_from(space, start)
        body, end = start + HEADER.size, start + total
        if prefix != self._prefix or riders or count or body + length != end or end > filled:
            return 0
        messages += self._load(space[body:end], None, 0)
        return total  # type: ignore[no-any-return]  # a struct's

    def measure(self, space: memoryview, start: int) -> tuple[int, bool]:
        """The length of the frame that begins there, and whether something lies beside its pickle.

        Raises:
            BadFrameError: no frame of this session begins there.
        """
        prefix, _, total, body, count = HEADER.unpack_from(space, start)
        if prefix != self._prefix:
            self._refuse_beginning(prefix)
        if not HEADER.size + body + count * _LENGTH.size <= total <= _LARGEST:
            raise BadFrameError(f"a frame of {total} bytes with a pickle of {body} and {count} buffers")
        return total, count > 0

    def check_beginning(self, space: memoryview) -> None:
        """Refuse what can't become a header, before all of it is there."""
        length = min(len(space), len(self._prefix))
        if space[:length] != self._prefix[:length]:
            self._refuse_beginning(bytes(space[:length]))

    def _refuse_beginning(self, prefix: bytes) -> None:
        if prefix.startswith(_MAGIC):
            raise BadFrameError("its frame has another session's key")
        raise BadFrameError(f"it begins with {prefix[: len(_MAGIC)]!r}")

    def unpack_plain(self, frame: memoryview) -> list[Message]:
        """The messages of a measured frame without buffers."""
        _, riders, total, length, _ = HEADER.unpack_from(frame)
        if total != HEADER.size + length:
            raise BadFrameError(f"a frame of {total} bytes with a pickle of {length} and nothing else")
        return self._load(frame[HEADER.size :], [], riders)

    def unpack(self, frame: memoryview) -> list[Message]:
        """The messages of any measured frame; its buffers stay in `frame`."""
        _, riders, total, length, count = HEADER.unpack_from(frame)
        end = HEADER.size + count * _LENGTH.size
        sizes = [s for (s,) in _LENGTH.iter_unpack(frame[HEADER.size : end])]
        if end + length + sum(sizes) != total:
            raise BadFrameError(f"a frame of {total} bytes whose parts are {end + length + sum(sizes)} long")
        body = frame[end : end + length]
        end += length
        buffers = []
        for size in sizes:
            buffers.append(frame[end : end + size])
            end += size
        return self._load(body, buffers, riders)

    def _load(self, body: memoryview, buffers: list[memoryview] | None, riders: int) -> list[Message]:
        try:
            if not riders:
                return list(map(from_wire, pickle.loads(body, buffers=buffers)))
            return self._load_with_riders(body, buffers)
        except MemoryError:
            raise
        except Exception as error:  # plain data of ours: there is no code of the user in it that could raise
            raise BadFrameError(f"a pickle that can't be read: {type(error).__name__}: {error}") from error

    def _load_with_riders(self, body: memoryview, buffers: list[memoryview] | None) -> list[Message]:
        arrival = Arrival(self._store, self._descriptors)
        self._descriptors.clear()
        arriving.arrival = arrival
        try:
            messages: list[Message] = list(map(from_wire, pickle.loads(body, buffers=buffers)))
            for index, message in enumerate(messages):
                if type(message) is Connected:
                    messages[index] = Connected(message.process, arrival.take())
            return messages
        finally:
            arriving.arrival = None
            arrival.close()

"""`Channel`: messages over one stream socket, without ever blocking.

Not who waits for what: `client/pump.py` and the supervisor's loop say when to send and when to receive.

A frame is a batch of messages: a header (length of the whole frame and of its pickle, number of buffers), the
length of each buffer, the pickle, the buffers. File descriptors ride on the first byte of the frame whose
messages name them.
"""

from __future__ import annotations

import array
import os
import pickle
import socket
import struct
from collections import deque
from collections.abc import Sequence
from itertools import repeat

from real_backend.messages import Message, from_wire, to_wire

_HEADER = struct.Struct("<QQQ")
_LENGTH = struct.Struct("<Q")
_SPACE = 1 << 16
_READS_IN_A_ROW = 16  # one talkative peer must not keep the others waiting
_BUFFERS_AT_ONCE = 512  # the kernel takes at most 1024 pieces in one sendmsg
_DESCRIPTORS_AT_ONCE = 64
_JOIN_BELOW = 1 << 15  # up to here copying pieces together is cheaper than a sendmsg

Fd = int


class Channel:
    """One end of a connection to another process.

    Not safe for threads: whoever uses it holds the lock of its process.

    Attributes:
        peer: the number of the process at the other end.
        closed: the other end is gone and everything it sent was received.
        dirty, watched: notes of the owner: on the list to be flushed; what the epoll looks for.
        descriptors: received and not yet taken, in order.
    """

    def __init__(self, sock: socket.socket, peer: int, *, passes_descriptors: bool = False) -> None:
        sock.setblocking(False)
        self.peer = peer
        self.closed = False
        self.dirty = False
        self.watched = 0
        self.descriptors: deque[Fd] = deque()
        self._sock = sock
        self._passes_descriptors = passes_descriptors
        self._batch: list[tuple[object, ...]] = []
        self._batch_descriptors: list[Fd] = []
        self._unsent: deque[tuple[memoryview, list[Fd]]] = deque()
        self._space = memoryview(bytearray(_SPACE))
        self._filled = 0
        # A frame that does not fit into the space, or whose buffers outlive it, gets memory of its own.
        self._large: memoryview | None = None
        self._large_filled = 0

    def fileno(self) -> int:
        """The socket's file descriptor."""
        return self._sock.fileno()

    def close(self) -> None:
        """Close the socket and whatever descriptors nobody took."""
        self.closed = True
        self._sock.close()
        for _, descriptors in self._unsent:
            self._batch_descriptors.extend(descriptors)
        for fd in (*self.descriptors, *self._batch_descriptors):
            os.close(fd)
        self.descriptors.clear()
        self._batch_descriptors.clear()
        self._unsent.clear()

    # Sending

    def post(self, message: Message, descriptor: Fd | None = None) -> int:
        """Add a message to the batch; `descriptor` is closed here once it is sent.

        Returns:
            The length of the batch.
        """
        self._batch.append(to_wire(message))
        if descriptor is not None:
            self._batch_descriptors.append(descriptor)
        return len(self._batch)

    def flush(self) -> bool:
        """Send as much as the socket takes.

        Returns:
            Whether everything is out.
        """
        if self._batch:
            self._frame()
        try:
            while self._unsent:
                self._send_some()
        except BlockingIOError:
            return False
        except OSError:  # the peer is gone: the end of what can be received will tell
            for _, descriptors in self._unsent:
                _close_all(descriptors)
            self._unsent.clear()
        return True

    def _frame(self) -> None:
        buffers: list[pickle.PickleBuffer] = []
        body = pickle.dumps(self._batch, protocol=5, buffer_callback=buffers.append)
        self._batch = []
        descriptors, self._batch_descriptors = self._batch_descriptors, []
        raw = [b.raw() for b in buffers]
        lengths = b"".join(_LENGTH.pack(len(r)) for r in raw)
        total = _HEADER.size + len(lengths) + len(body) + sum(map(len, raw))
        head = _HEADER.pack(total, len(body), len(raw)) + lengths
        if len(body) < _JOIN_BELOW:
            pieces = [memoryview(head + body), *raw]
        else:
            pieces = [memoryview(head), memoryview(body), *raw]
        if not self._unsent and not descriptors and len(pieces) == 1:
            # The common case, without a detour through the queue.
            try:
                sent = self._sock.send(pieces[0])
            except BlockingIOError:
                sent = 0
            except OSError:
                return
            if sent == len(pieces[0]):
                return
            pieces[0] = pieces[0][sent:]
        for index, piece in enumerate(pieces):
            if len(piece):
                self._unsent.append((piece, descriptors if index == 0 else []))

    def _send_some(self) -> None:
        pieces: list[memoryview] = []
        for piece, descriptors in self._unsent:
            if pieces and (descriptors or len(pieces) == _BUFFERS_AT_ONCE):
                break
            pieces.append(piece)
        descriptors = self._unsent[0][1]
        if descriptors:
            sent = socket.send_fds(self._sock, pieces, descriptors)
            _close_all(descriptors)
            descriptors.clear()
        else:
            sent = self._sock.sendmsg(pieces)
        while sent:
            piece, descriptors = self._unsent.popleft()
            if len(piece) > sent:
                self._unsent.appendleft((piece[sent:], descriptors))
                return
            sent -= len(piece)

    # Receiving

    def receive(self, *, everything: bool = False) -> list[Message]:
        """The messages that have arrived; sets `closed` at the end of the stream.

        Args:
            everything: all there is in the socket; otherwise what a fair share of reads gives.
        """
        messages: list[Message] = []
        for _ in repeat(None) if everything else repeat(None, _READS_IN_A_ROW):
            target = self._space[self._filled :] if self._large is None else self._large[self._large_filled :]
            try:
                count = self._read(target)
            except BlockingIOError:
                break
            except OSError:  # reset by a peer that was killed
                count = 0
            if count == 0:
                self.closed = True
                break
            if self._large is None:
                self._filled += count
            else:
                self._large_filled += count
            self._parse(messages)
            if count < len(target) and self._large is None:
                break  # the socket is empty, most likely; if not, the epoll says so again
        return messages

    def _read(self, target: memoryview) -> int:
        if not self._passes_descriptors:
            return self._sock.recv_into(target)
        space = socket.CMSG_LEN(_DESCRIPTORS_AT_ONCE * 4)
        count, ancillary, _, _ = self._sock.recvmsg_into([target], space, socket.MSG_CMSG_CLOEXEC)
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                received = array.array("i")
                received.frombytes(data[: len(data) - len(data) % received.itemsize])
                self.descriptors.extend(received)
        return count

    def _parse(self, messages: list[Message]) -> None:
        if self._large is not None:
            self._parse_large(messages)
            return
        start, space, filled = 0, self._space, self._filled
        while filled - start >= _HEADER.size:
            total, _, count = _HEADER.unpack_from(space, start)
            if count == 0 and start + total <= filled:
                messages += map(from_wire, pickle.loads(space[start + _HEADER.size : start + total]))
                start += total
                continue
            if count == 0 and total <= _SPACE:
                break
            self._large = memoryview(bytearray(total))
            take = min(total, filled - start)
            self._large[:take] = space[start : start + take]
            self._large_filled = take
            start += take
            self._parse_large(messages)
        if start:
            left = filled - start
            space[:left] = bytes(space[start:filled])
            self._filled = left

    def _parse_large(self, messages: list[Message]) -> None:
        frame = self._large
        assert frame is not None
        if self._large_filled < len(frame):
            return
        self._large = None
        _, length, count = _HEADER.unpack_from(frame)
        end = _HEADER.size + count * _LENGTH.size
        sizes = [s for (s,) in _LENGTH.iter_unpack(frame[_HEADER.size : end])]
        body = frame[end : end + length]
        end += length
        buffers = []
        for size in sizes:
            buffers.append(frame[end : end + size])
            end += size
        messages += map(from_wire, pickle.loads(body, buffers=buffers))


def _close_all(descriptors: Sequence[Fd]) -> None:
    for fd in descriptors:
        os.close(fd)

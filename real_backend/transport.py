"""`Channel`: messages over one stream socket, without ever blocking.

Not who waits for what: `client/pump.py` and the supervisor's loop say when to send and when to receive. How bytes
become messages is said in `frames`.

File descriptors ride on the first byte of the frame that needs them: those that messages name, in order, and one
for each segment of shared memory of which the frame has pieces.
"""

from __future__ import annotations

import array
import errno
import logging
import os
import socket
from collections import deque
from collections.abc import Iterable
from itertools import repeat

from real_backend.frames import HEADER, BadFrameError, Frames, to_wire
from real_backend.memory.pieces import Cargo, Lands
from real_backend.messages import Message

_SPACE = 1 << 16
_READS_IN_A_ROW = 16  # one talkative peer must not keep the others waiting
_BUFFERS_AT_ONCE = 512  # the kernel takes at most 1024 pieces in one sendmsg
_DESCRIPTORS_AT_ONCE = 253  # the kernel takes no more in one sendmsg
_ANCILLARY = socket.CMSG_LEN(_DESCRIPTORS_AT_ONCE * 4)
# The kernel has no room for our descriptors now, or for the locks that come with them: as if the socket were full.
_LATER = (errno.EMFILE, errno.ENFILE, errno.ETOOMANYREFS, errno.ENOBUFS, errno.ENOMEM, errno.ENOLCK)

Fd = int

log = logging.getLogger("simactors")


class Channel:
    """One end of a connection to another process.

    Not safe for threads: whoever uses it holds the lock of its process.

    Args:
        key: what every frame of the session begins with.
        store: takes pieces of shared memory in; without one, a frame that has some is refused.

    Attributes:
        peer: the number of the process at the other end.
        closed: the other end is gone and everything it sent was received; or it has sent what is no frame.
        fault: what was wrong with that, if it was so.
        dirty, watched: notes of the owner: on the list to be flushed; what the epoll looks for.
        fault_is_ours: it was lack of memory here.
    """

    def __init__(self, sock: socket.socket, peer: int, key: bytes, store: Lands | None = None) -> None:
        sock.setblocking(False)
        self.peer = peer
        self.closed = False
        self.fault: str | None = None
        self.fault_is_ours = False
        self.dirty = False
        self.watched = 0
        self._sock = sock
        # Received with the frame that is not complete yet: a read takes those of one frame at most.
        self._descriptors: list[Fd] = []
        self._frames = Frames(key, store, self._descriptors)
        self._batch: list[tuple[object, ...]] = []
        self._batch_descriptors: list[Fd] = []
        # Each piece of bytes with what rides on its first byte.
        self._unsent: deque[tuple[memoryview, Cargo | None]] = deque()
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
        self._drop_unsent()
        for fd in (*self._descriptors, *self._batch_descriptors):
            os.close(fd)
        self._descriptors.clear()
        self._batch_descriptors.clear()

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
        except OSError as error:
            if error.errno in _LATER:
                return False
            self._drop_unsent()  # the peer is gone: the end of what can be received will tell
        return True

    def _frame(self) -> None:
        batch, self._batch = self._batch, []
        descriptors, self._batch_descriptors = self._batch_descriptors, []
        pieces, cargo = self._frames.pack(batch, descriptors)
        if cargo is None and not self._unsent and len(pieces) == 1:
            # The common case, without a detour through the queue.
            try:
                sent = self._sock.send(pieces[0])
            except BlockingIOError:
                sent = 0
            except OSError as error:
                if error.errno not in _LATER:
                    return  # the peer is gone, as in `flush`
                sent = 0
            if sent == len(pieces[0]):
                return
            pieces[0] = pieces[0][sent:]
        for piece in pieces:
            if len(piece):
                self._unsent.append((piece, cargo))
                cargo = None

    def _send_some(self) -> None:
        pieces: list[memoryview] = []
        for piece, cargo in self._unsent:
            if pieces and (cargo is not None or len(pieces) == _BUFFERS_AT_ONCE):
                break
            pieces.append(piece)
        first, cargo = self._unsent[0]
        if cargo is None:
            sent = self._sock.sendmsg(pieces)
        else:
            # Made only now: of a thousand frames that wait for a slow receiver none has a descriptor.
            lent = cargo.lend()
            try:
                sent = socket.send_fds(self._sock, pieces, [*cargo.descriptors, *lent])
            finally:
                for fd in lent:
                    os.close(fd)
            cargo.close()
            self._unsent[0] = first, None
        while sent:
            piece, cargo = self._unsent.popleft()
            if len(piece) > sent:
                self._unsent.appendleft((piece[sent:], cargo))
                return
            sent -= len(piece)

    def _drop_unsent(self) -> None:
        for _, cargo in self._unsent:
            if cargo is not None:
                cargo.close()
        self._unsent.clear()

    # Receiving

    def receive(self, *, everything: bool = False) -> list[Message]:
        """The messages that have arrived; sets `closed` at the end of the stream.

        What is no frame of this session ends the connection: it is told once, and nothing of it is unpickled.

        Args:
            everything: all there is in the socket; otherwise what a fair share of reads gives.
        """
        messages: list[Message] = []
        for _ in repeat(None) if everything else repeat(None, _READS_IN_A_ROW):
            target = self._target()
            try:
                count, ancillary, _, _ = self._sock.recvmsg_into(
                    (target,), _ANCILLARY, socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                break
            except OSError:  # reset by a peer that was killed
                count, ancillary = 0, []
            if ancillary:
                self._keep_descriptors(ancillary)
            if count == 0:
                self.closed = True
                break
            if self._large is None:
                self._filled += count
            else:
                self._large_filled += count
            try:
                self._parse(messages)
            except BadFrameError as error:
                self._refuse(f"process {self.peer} has sent what is no message of this session: {error}.")
                break
            except MemoryError:
                self.fault_is_ours = True
                self._refuse(f"there is no memory for a message of process {self.peer}.")
                break
            if count < len(target) and self._large is None:
                break  # the socket is empty, most likely; if not, the epoll says so again
        return messages

    def _target(self) -> memoryview:
        if self._large is not None:
            return self._large[self._large_filled :]
        return self._space[self._filled :] if self._filled else self._space

    def _keep_descriptors(self, ancillary: Iterable[tuple[int, int, bytes]]) -> None:
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                received = array.array("i")
                received.frombytes(data[: len(data) - len(data) % received.itemsize])
                self._descriptors.extend(received)

    def _refuse(self, why: str) -> None:
        self.closed = True
        self.fault = why
        log.warning("The connection to process %s is closed: %s", self.peer, why)

    def _parse(self, messages: list[Message]) -> None:
        if self._large is not None:
            self._parse_large(messages)
            return
        frames, start, space, filled = self._frames, 0, self._space, self._filled
        while filled - start >= HEADER.size:
            if taken := frames.take_plain(space, start, filled, messages):
                start += taken
                continue
            total, beside = frames.measure(space, start)
            if not beside and start + total <= filled:
                messages += frames.unpack_plain(space[start : start + total])
                start += total
                continue
            if not beside and total <= _SPACE:
                break
            self._large = memoryview(bytearray(total))
            take = min(total, filled - start)
            self._large[:take] = space[start : start + take]
            self._large_filled = take
            start += take
            self._parse_large(messages)
        else:
            if filled > start:
                frames.check_beginning(space[start:filled])
        if start:
            left = self._filled = filled - start
            if left:
                space[:left] = bytes(space[start:filled])

    def _parse_large(self, messages: list[Message]) -> None:
        frame = self._large
        assert frame is not None
        if self._large_filled == len(frame):
            self._large = None
            messages += self._frames.unpack(frame)

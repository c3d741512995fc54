"""Channels: frames of every size, partial writes, descriptors, the end of the stream."""

from __future__ import annotations

import errno
import logging
import os
import pickle
import resource
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from real_backend.control import Connected
from real_backend.frames import HEADER
from real_backend.membership import KEY_SIZE
from real_backend.memory import blocks
from real_backend.memory.ledger import Ledger
from real_backend.memory.pieces import Lost
from real_backend.memory.store import Store
from real_backend.messages import Fetch, Fetched, Message, Reply
from real_backend.transport import Channel
from simactors.core.codec import Encoded

LARGE = 3_000_000
KEY = b"k" * KEY_SIZE


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    one, other = socket.socketpair()
    channels = Channel(one, 1, KEY), Channel(other, 0, KEY)
    yield channels
    for channel in channels:
        channel.close()


def pass_on(sender: Channel, receiver: Channel, count: int) -> list[Message]:
    """Send and receive in turns until `count` messages are there."""
    got: list[Message] = []
    while len(got) < count:
        sender.flush()
        got += receiver.receive()
    return got


def test_messages_arrive_in_order(ends: tuple[Channel, Channel]) -> None:
    sender, receiver = ends
    sent = [Fetch(i) for i in range(5000)]
    for message in sent:
        sender.post(message)
        if message.object_id % 7 == 0:
            sender.flush()
    assert pass_on(sender, receiver, len(sent)) == sent


@pytest.mark.parametrize("size", [0, 1, 32_700, 65_450, 65_488, 65_489, 65_536, 70_000, LARGE])
def test_frames_of_every_size_arrive_whole(ends: tuple[Channel, Channel], size: int) -> None:
    sender, receiver = ends
    sent = [Fetched(1, b"x" * size), Fetch(2)]
    for message in sent:
        sender.post(message)
        sender.flush()
    assert pass_on(sender, receiver, 2) == sent


def test_large_buffers_travel_beside_the_pickle_and_arrive_read_only(ends: tuple[Channel, Channel]) -> None:
    sender, receiver = ends
    buffers = tuple(bytes([i]) * LARGE for i in range(3))
    sender.post(Reply(1, (Encoded(b"data", tuple(map(pickle.PickleBuffer, buffers))),)))  # type: ignore[arg-type]  # on the wire
    sender.post(Fetch(2))
    reply, last = pass_on(sender, receiver, 2)
    assert isinstance(reply, Reply)
    (encoded,) = reply.results
    assert isinstance(encoded, Encoded)
    assert tuple(map(bytes, encoded.buffers)) == buffers
    assert all(isinstance(b, memoryview) and b.readonly for b in encoded.buffers)
    assert last == Fetch(2)


def test_a_frame_may_have_thousands_of_buffers(ends: tuple[Channel, Channel]) -> None:
    sender, receiver = ends
    buffers = tuple(pickle.PickleBuffer(b"x" * 10) for _ in range(10_000))
    sender.post(Fetched(1, Encoded(b"", buffers)))  # type: ignore[arg-type]  # as above
    (fetched,) = pass_on(sender, receiver, 1)
    assert isinstance(fetched, Fetched)
    assert isinstance(fetched.packed, Encoded)
    assert len(fetched.packed.buffers) == 10_000


def test_sending_never_blocks(ends: tuple[Channel, Channel]) -> None:
    sender, _ = ends
    sender.post(Fetched(1, b"x" * LARGE))
    assert not sender.flush()
    sender.post(Fetch(2))
    assert not sender.flush()


class Crowded(socket.socket):
    """A socket of a kernel that has no memory, once in a while."""

    refusals = 0

    def send(self, data: Any, flags: int = 0) -> int:
        self._refuse()
        return super().send(data, flags)

    def sendmsg(self, *args: Any) -> int:
        self._refuse()
        return super().sendmsg(*args)

    def _refuse(self) -> None:
        if self.refusals:
            self.refusals -= 1
            raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))


@pytest.mark.parametrize("refusals", [1, 2])
def test_what_the_kernel_has_no_memory_for_now_is_sent_later(refusals: int) -> None:
    one, other = socket.socketpair()
    crowded = Crowded(fileno=one.detach())
    sender, receiver = Channel(crowded, 1, KEY), Channel(other, 0, KEY)
    crowded.refusals = refusals
    sender.post(Fetch(1))
    assert sender.flush() is (refusals == 1)
    sender.post(Fetch(2))
    assert sender.flush()
    assert pass_on(sender, receiver, 2) == [Fetch(1), Fetch(2)]
    sender.close()
    receiver.close()


def test_descriptors_arrive_with_their_messages_and_are_closed_here(ends: tuple[Channel, Channel]) -> None:
    sender, receiver = ends
    before = len(os.listdir("/proc/self/fd"))
    for i in range(100):
        read, write = os.pipe()
        os.write(write, str(i).encode())
        os.close(write)
        sender.post(Fetched(i, b"x" * 1000 * (i % 3)))
        sender.post(Connected(i), read)
        if i % 5 == 0:
            sender.flush()
    messages = pass_on(sender, receiver, 200)
    for message in messages:
        if isinstance(message, Connected):
            fd = message.descriptor
            assert fd is not None
            assert os.read(fd, 10) == str(message.process).encode()
            os.close(fd)
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_end_of_the_stream_comes_after_what_was_sent(ends: tuple[Channel, Channel]) -> None:
    sender, receiver = ends
    sender.post(Fetch(1))
    sender.flush()
    sender.close()
    assert receiver.receive() == [Fetch(1)]
    assert receiver.receive() == []
    assert receiver.closed


def test_a_channel_to_a_dead_process_swallows_what_is_sent(ends: tuple[Channel, Channel]) -> None:
    sender, receiver = ends
    receiver.close()
    read, write = os.pipe()
    os.close(write)
    sender.post(Fetched(1, b"x" * LARGE))
    sender.post(Connected(1), read)
    assert sender.flush()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(read)


# Shared memory


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    ledger = Ledger.create(1 << 40)
    for account in (0, 1):
        ledger.open_account(account)
    yield ledger
    ledger.close()


@pytest.fixture
def sharing(ledger: Ledger) -> Iterator[tuple[Store, Channel, Channel]]:
    """A store, the channel of its process, and that of another one with a store of its own."""
    one, other = socket.socketpair()
    store = Store(1, ledger, 1)
    channels = Channel(one, 1, KEY, store), Channel(other, 0, KEY, Store(0, ledger, 0))
    yield store, *channels
    for channel in channels:
        channel.close()


def fetched_piece(store: Store, letter: bytes) -> Message:
    piece = store.piece(store.keep(memoryview(letter * blocks.LARGE)))
    return Fetched(1, Encoded(b"", (piece,)))  # type: ignore[arg-type]  # on the wire


def first_buffer(message: Message) -> object:
    assert isinstance(message, Fetched)
    assert isinstance(message.packed, Encoded)
    return message.packed.buffers[0]


def test_pieces_of_shared_memory_arrive_in_their_places(sharing: tuple[Store, Channel, Channel]) -> None:
    store, sender, receiver = sharing
    for letter in (b"a", b"b", b"c"):
        sender.post(fetched_piece(store, letter))
        sender.post(Fetch(2))
        sender.flush()
    sender.post(fetched_piece(store, b"d"))
    sender.post(fetched_piece(store, b"e"))
    store.trim()
    got = [first_buffer(m) for m in pass_on(sender, receiver, 8) if isinstance(m, Fetched)]
    assert [bytes(b)[:1] for b in got if isinstance(b, memoryview)] == [b"a", b"b", b"c", b"d", b"e"]


def test_frames_that_wait_take_no_descriptors_and_keep_their_memory(
    ledger: Ledger, sharing: tuple[Store, Channel, Channel]
) -> None:
    store, sender, receiver = sharing
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(500):
        sender.post(fetched_piece(store, b"a"))
        sender.post(Fetched(2, b"y" * 1000))
        sender.flush()
    # What the socket has taken is the kernel's; the segments are the store's.
    assert len(os.listdir("/proc/self/fd")) - before <= 5
    got = pass_on(sender, receiver, 1000)
    assert ledger.usage().objects == 500
    assert all(bytes(first_buffer(m))[:1] == b"a" for m in got[::2])  # type: ignore[call-overload]  # a buffer
    del got
    store.trim()
    assert ledger.usage().objects == 0


def test_a_piece_without_its_descriptor_is_told_as_lost(sharing: tuple[Store, Channel, Channel]) -> None:
    store, sender, receiver = sharing
    sender.post(fetched_piece(store, b"a"))
    sender.post(Fetch(7))
    sender.flush()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        fetched, last = receiver.receive()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    lost = first_buffer(fetched)
    assert isinstance(lost, Lost)
    assert "too many open files" in lost.why
    assert last == Fetch(7)


# What is no frame


class Bomb:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def frame(body: bytes, *, prefix: bytes = b"sima" + KEY, total: int | None = None, buffers: int = 0) -> bytes:
    size = HEADER.size + len(body) if total is None else total
    return HEADER.pack(prefix, 0, size, len(body), buffers) + body


def written_by_a_stranger(data: bytes) -> Channel:
    """The receiver, after this was all that came."""
    one, other = socket.socketpair()
    receiver = Channel(other, 5, KEY)
    one.sendall(data)
    one.close()
    while not receiver.closed:
        assert receiver.receive() == []
    return receiver


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"GET / HTTP/1.1\r\n\r\n" * 10, "it begins with b'GET '"),
        (b"\0", "it begins with"),
        (b"sima" + b"x" * KEY_SIZE, "another session's key"),
        (bytes(70_000), "it begins with"),
        (frame(b"", total=1 << 63), "a frame of 9223372036854775808 bytes"),
        (frame(b"", total=3), "a frame of 3 bytes"),
        (frame(b"", total=HEADER.size, buffers=1 << 60), "buffers"),
        (frame(b"", total=1 << 36, buffers=1 << 60), "buffers"),
        (frame(b"", total=HEADER.size + 100_000, buffers=1) + bytes(100_000), "whose parts are"),
        (frame(b"", total=HEADER.size + 10) + bytes(10), "a pickle of 0 and nothing else"),
        (frame(b"no pickle"), "a pickle that can't be read"),
        (frame(pickle.dumps([(999,)])), "a pickle that can't be read"),
        (frame(pickle.dumps([])) + b"rest", "it begins with b'rest'"),
    ],
)
def test_what_is_no_frame_closes_the_connection_and_is_told_once(
    data: bytes, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "simactors"):
        receiver = written_by_a_stranger(data)
    assert receiver.fault is not None
    assert not receiver.fault_is_ours
    (record,) = caplog.records
    assert "process 5" in record.getMessage()
    assert why in record.getMessage()
    receiver.close()


def test_a_pickle_with_a_wrong_key_is_not_executed(tmp_path: Path) -> None:
    body = pickle.dumps([Bomb(tmp_path / "file")])
    receiver = written_by_a_stranger(frame(body, prefix=b"sima" + b"x" * KEY_SIZE))
    assert receiver.fault is not None
    assert not (tmp_path / "file").exists()
    receiver.close()
    # With the right key it is: so this test can fail.
    written_by_a_stranger(frame(body)).close()
    assert (tmp_path / "file").exists()


@pytest.mark.parametrize("length", [1, 4, 20, 30, HEADER.size, HEADER.size + 5])
def test_half_a_frame_is_no_message_and_no_fault(length: int) -> None:
    receiver = written_by_a_stranger(frame(pickle.dumps([]))[:length])
    assert receiver.fault is None
    receiver.close()


def test_a_message_without_memory_for_it_is_our_fault() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    one, other = socket.socketpair()
    receiver = Channel(other, 5, KEY)
    one.sendall(frame(b"", total=1 << 35, buffers=1))
    resource.setrlimit(resource.RLIMIT_AS, (1 << 34, hard))
    try:
        assert receiver.receive() == []
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert receiver.fault is not None
    assert "no memory" in receiver.fault
    assert receiver.fault_is_ours
    one.close()
    receiver.close()

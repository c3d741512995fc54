"""Channels: frames of every size, partial writes, descriptors, the end of the stream."""

from __future__ import annotations

import os
import pickle
import socket
from collections.abc import Iterator

import pytest

from real_backend.control import Connected
from real_backend.messages import Fetch, Fetched, Message, Reply
from real_backend.transport import Channel
from simactors.core.codec import Encoded

LARGE = 3_000_000


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    one, other = socket.socketpair()
    channels = Channel(one, 1, passes_descriptors=True), Channel(other, 0, passes_descriptors=True)
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


@pytest.mark.parametrize("size", [0, 1, 32_700, 65_500, 65_512, 65_513, 65_536, 70_000, LARGE])
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
            fd = receiver.descriptors.popleft()
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

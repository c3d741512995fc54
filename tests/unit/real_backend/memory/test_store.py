"""Shared memory: written once, read by many, free when nobody holds it.

Goal: no byte changes under a reader, and no memory is lost. Method: several stores in one process stand for
processes: each has open file descriptions of its own, which is all that the kernel looks at.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from real_backend.memory import segments
from real_backend.memory.blocks import LARGE
from real_backend.memory.ledger import Ledger, Usage
from real_backend.memory.segments import Segment
from real_backend.memory.store import Store
from simactors.exceptions import ObjectStoreFullError

SIZE = 2 * LARGE
LIMIT = 20 * SIZE


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    ledger = Ledger.create(LIMIT)
    for account in range(3):
        ledger.open_account(account)
    yield ledger
    ledger.close()


def content(letter: str, size: int = SIZE) -> memoryview:
    return memoryview(bytearray(letter.encode() * size))


def pass_on(sender: Store, receiver: Store, buffer: bytes | memoryview) -> memoryview:
    """What arrives of a buffer that travels with a message."""
    piece = sender.piece(buffer)
    assert piece is not None
    segment = piece.hold.segment
    fd = segment.lend([piece.hold.start])
    kept = False
    try:
        landed, kept = receiver.land(segment.number, segment.block, piece.start, piece.length, fd)
    finally:
        if not kept:
            os.close(fd)
    return landed


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_kept_buffer_is_a_copy_that_nobody_can_change(ledger: Ledger) -> None:
    store, raw = Store(0, ledger, 0), content("a")
    kept = store.keep(raw)
    raw[:] = content("b")
    assert kept == content("a")
    assert isinstance(kept, memoryview)
    assert kept.readonly


def test_small_buffers_stay_out_of_it(ledger: Ledger) -> None:
    store = Store(0, ledger, 0)
    kept = store.keep(content("a", 100))
    assert type(kept) is bytes
    assert store.piece(kept) is None
    assert ledger.usage().objects == 0


def test_what_lies_in_shared_memory_is_not_copied_again(ledger: Ledger) -> None:
    first, second, third = Store(0, ledger, 0), Store(1, ledger, 1), Store(2, ledger, 2)
    kept = first.keep(content("a"))
    assert first.keep(kept) is kept  # type: ignore[arg-type]  # large, so it is a memoryview
    landed = pass_on(first, second, kept)
    passed = pass_on(second, third, second.keep(landed))
    back = pass_on(third, first, third.keep(passed))
    assert landed == passed == back == kept
    assert ledger.usage().objects == 1


def test_a_part_of_it_is_passed_on_as_a_part(ledger: Ledger) -> None:
    first, second = Store(0, ledger, 0), Store(1, ledger, 1)
    raw = content("a", 4 * LARGE)
    raw[LARGE : 2 * LARGE] = content("b", LARGE)
    kept = memoryview(first.keep(raw))
    assert pass_on(first, second, kept[LARGE : 2 * LARGE]) == content("b", LARGE)
    assert ledger.usage().objects == 1


def test_memory_is_used_again_only_when_no_reader_is_left(ledger: Ledger) -> None:
    writer, reader = Store(0, ledger, 0), Store(1, ledger, 1)
    kept = writer.keep(content("a"))
    landed = pass_on(writer, reader, kept)
    part = landed[:3]
    del kept, landed
    others = [writer.keep(content("b")) for _ in range(3)]
    assert part == b"aaa"
    assert ledger.usage().objects == 4
    del part, others
    writer.trim()
    assert ledger.usage() == Usage(0, 0)


def test_a_block_that_is_on_its_way_is_held(ledger: Ledger) -> None:
    writer, reader = Store(0, ledger, 0), Store(1, ledger, 1)
    kept = writer.keep(content("a"))
    piece = writer.piece(kept)
    assert piece is not None
    segment, start, place = piece.hold.segment, piece.hold.start, (piece.start, piece.length)
    fd = segment.lend([start])
    del kept, piece
    writer.trim()
    assert ledger.usage().objects == 1
    landed, _ = reader.land(segment.number, segment.block, *place, fd)
    assert landed == content("a")


def test_two_arrivals_of_one_block_are_two_uses(ledger: Ledger) -> None:
    writer, reader = Store(0, ledger, 0), Store(1, ledger, 1)
    kept = writer.keep(content("a"))
    one, two = pass_on(writer, reader, kept), pass_on(writer, reader, kept)
    del kept, one
    writer.trim()
    writer.keep(content("b"))
    assert two == content("a")


def test_a_block_that_came_back_to_its_writer_is_held(ledger: Ledger) -> None:
    writer, reader = Store(0, ledger, 0), Store(1, ledger, 1)
    kept = writer.keep(content("a"))
    landed = pass_on(writer, reader, kept)
    del kept
    back = pass_on(reader, writer, landed)
    del landed
    writer.trim()
    others = [writer.keep(content("b")) for _ in range(3)]
    assert back == content("a")
    assert ledger.usage().objects == 1 + len(others)


@pytest.mark.parametrize("look", [lambda writer: writer.trim(), lambda writer: writer.process_gone(1)])
def test_readers_that_are_gone_hold_nothing(ledger: Ledger, look: Callable[[Store], None]) -> None:
    writer = Store(0, ledger, 0)
    kept = writer.keep(content("a"))
    piece = writer.piece(kept)
    assert piece is not None
    fd = piece.hold.segment.lend([piece.hold.start])
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    os.close(fd)
    del kept, piece
    look(writer)
    assert ledger.usage().objects == 1
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    look(writer)
    assert ledger.usage().objects == 0


def test_a_forked_child_goes_on_reading_what_its_parent_has_dropped(ledger: Ledger) -> None:
    writer, reader = Store(0, ledger, 0), Store(1, ledger, 1)
    kept = writer.keep(content("a"))
    landed = pass_on(writer, reader, kept)
    dropped, go = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(dropped, 1)
        os._exit(0 if landed == content("a") and kept == content("a") else 1)
    del kept, landed
    writer.trim()
    others = [writer.keep(content("b")) for _ in range(8)]
    os.write(go, b"x")
    assert os.waitpid(child, 0)[1] == 0
    del others
    os.close(go)
    os.close(dropped)


def test_full_says_how_full_and_later_work_goes_on(ledger: Ledger) -> None:
    store = Store(0, ledger, 0)
    kept = [store.keep(content("a")) for _ in range(20)]
    with pytest.raises(ObjectStoreFullError, match=rf"20 large objects take {LIMIT} bytes, {SIZE} more") as e:
        store.keep(content("b"))
    assert "object_store_memory" in str(e.value)
    kept.pop()
    assert store.keep(content("b")) == content("b")


def test_all_processes_share_the_limit_and_are_asked_to_make_room(ledger: Ledger) -> None:
    asked: list[int] = []
    other = Store(1, ledger, 1)

    def squeeze(size: int) -> None:
        asked.append(size)
        other.trim()

    store = Store(0, ledger, 0, squeeze)
    kept = [other.keep(content("a")) for _ in range(20)]
    del kept  # warm, and still counted
    assert ledger.usage().bytes == LIMIT
    assert store.keep(content("b")) == content("b")
    assert asked == [SIZE]
    assert ledger.usage().bytes == SIZE


def test_what_can_never_fit_bothers_nobody(ledger: Ledger) -> None:
    asked: list[int] = []
    store = Store(0, ledger, 0, asked.append)
    with pytest.raises(ObjectStoreFullError):
        store.keep(content("a", LIMIT + 1))
    assert asked == []


def test_a_kernel_without_memory_is_a_full_store(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(0, ledger, 0)

    def no_memory(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", no_memory)
        with pytest.raises(ObjectStoreFullError, match="No space left on device"):
            store.keep(content("a"))
    assert ledger.usage() == Usage(0, 0)
    assert store.keep(content("a")) == content("a")


def test_without_a_descriptor_a_buffer_travels_in_its_message(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_descriptor(*_: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "memfd_create", no_descriptor)
    assert type(Store(0, ledger, 0).keep(content("a"))) is bytes


def no_lock(*_: object) -> None:
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


def test_a_block_of_a_new_segment_that_cant_be_locked_leaves_nothing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader = Store(0, ledger, 0), Store(1, ledger, 1)
    kept = writer.keep(content("a"))
    before = descriptors()
    with monkeypatch.context() as patched:
        patched.setattr(Segment, "lock", no_lock)
        with pytest.raises(OSError, match="No locks available"):
            pass_on(writer, reader, kept)
    assert descriptors() == before
    landed = pass_on(writer, reader, kept)
    assert landed == content("a")
    assert descriptors() == before + 1


def test_a_block_that_could_not_be_locked_is_not_taken_for_locked_the_next_time(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader = Store(0, ledger, 0), Store(1, ledger, 1)
    first, second = writer.keep(content("a")), writer.keep(content("b"))
    landed = pass_on(writer, reader, first)  # so that the segment is known
    with monkeypatch.context() as patched:
        patched.setattr(Segment, "lock", no_lock)
        with pytest.raises(OSError, match="No locks available"):
            pass_on(writer, reader, second)
    again = pass_on(writer, reader, second)
    del first, second
    writer.trim()
    others = [writer.keep(content("c")) for _ in range(4)]
    assert (again, landed) == (content("b"), content("a"))
    assert len(others) == 4


def test_no_descriptor_is_left_of_a_loan_that_could_not_be_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    segment = Segment.create(1, LARGE, LARGE)
    before = descriptors()
    with monkeypatch.context() as patched:
        patched.setattr(segments, "_lock", no_lock)
        with pytest.raises(OSError, match="No locks available"):
            segment.lend([0])
    assert descriptors() == before
    segment.close()


def test_what_was_dropped_is_handed_out_for_good(ledger: Ledger) -> None:
    """Another thread may drop something while the caller walks through what it was handed out."""
    writer, reader = Store(0, ledger, 0), Store(1, ledger, 1)
    taken = reader.take_dropped()
    landed = pass_on(writer, reader, writer.keep(content("a")))
    del landed
    assert taken == set()
    assert reader.take_dropped() == {0}


def test_thousands_of_objects_need_few_descriptors(ledger: Ledger) -> None:
    roomy = Ledger.create(1 << 40)
    roomy.open_account(0)
    roomy.open_account(1)
    writer, reader = Store(0, roomy, 0), Store(1, roomy, 1)
    before, raw = descriptors(), content("a", LARGE)
    kept = [writer.keep(raw) for _ in range(1000)]
    landed = [pass_on(writer, reader, k) for k in kept]
    assert descriptors() - before <= 10
    assert roomy.usage().objects == 1000
    del kept, landed
    reader.trim()
    writer.trim()
    assert descriptors() == before
    roomy.close()


def test_what_is_used_of_a_dead_process_counts_as_the_readers(ledger: Ledger) -> None:
    writer, reader = Store(0, ledger, 0), Store(1, ledger, 1)
    landed = pass_on(writer, reader, writer.keep(content("a")))
    ledger.close_account(0)
    reader.process_gone(0)
    reader.process_gone(0)  # twice is once
    assert ledger.usage() == Usage(SIZE, 1)
    assert landed == content("a")
    before = descriptors()
    del landed
    assert ledger.usage() == Usage(0, 0)
    assert descriptors() == before - 1


def test_arrays_outlive_the_session_and_leave_nothing(ledger: Ledger) -> None:
    before = descriptors()
    store = Store(0, ledger, 0)
    kept = memoryview(store.keep(content("a")))
    store.close()
    assert kept == content("a")
    del kept
    assert descriptors() == before


@pytest.mark.parametrize(
    ("block", "start", "length"), [(SIZE, 0, SIZE + 1), (SIZE, 1 << 40, 1), (LARGE, 0, 1), (SIZE, 5, -1)]
)
def test_a_place_that_does_not_exist_is_refused(ledger: Ledger, block: int, start: int, length: int) -> None:
    writer, reader = Store(0, ledger, 0), Store(1, ledger, 1)
    landed = pass_on(writer, reader, writer.keep(content("a")))
    number = (0 << 32) + 1
    before = descriptors()
    with pytest.raises(ValueError, match="no such piece"):
        reader.land(number, block, start, length, -1)
    assert landed == content("a")
    assert descriptors() == before


def test_nobody_can_shorten_what_others_read() -> None:
    segment = Segment.create(1, LARGE, LARGE)
    fd = segment.lend([0])
    writable = os.open(f"/proc/self/fd/{fd}", os.O_RDWR)
    with pytest.raises(PermissionError):
        os.ftruncate(writable, 0)
    for descriptor in (fd, writable):
        os.close(descriptor)
    segment.close()

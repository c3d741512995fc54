"""Large values in shared memory, as programs see them: no copies, no leaks, and an error when it is full.

Goal: memory is there as long as something points into it, is given back afterwards, and no kill changes that.
Method: sessions of the `local` backend; that nothing is copied is seen by what all processes together take.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import psutil
import pytest

import simactors as ray
from simactors import exceptions
from simactors.api import session as sessions
from tests.end_to_end.noticing import comes_true

MIB = 1 << 20
SIZE = 8 * MIB
NOTICED_S = 30.0  # on a busy machine


@ray.remote
class Holder:
    def __init__(self) -> None:
        self.kept: list[Any] = []

    def keep(self, value: Any) -> int:
        self.kept.append(value)
        return int(value[0])

    def give(self) -> Any:
        return self.kept[-1]

    def make(self, letter: int, size: int = SIZE) -> Any:
        return np.full(size, letter, np.uint8)

    def drop(self) -> None:
        self.kept.clear()

    def put(self, letter: int) -> list[Any]:
        self.kept.append(ray.put(self.make(letter)))
        return self.kept[-1:]

    def pid(self) -> int:
        return os.getpid()

    def allow_files(self, more: int) -> None:
        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + more, lowest + more))


@pytest.fixture
def session() -> Iterator[Callable[..., None]]:
    yield lambda **options: ray.init(backend="local", num_cpus=4, **options) and None
    ray.shutdown()


def array(letter: int, size: int = SIZE) -> Any:
    return np.full(size, letter, np.uint8)


def shared_bytes(*pids: int) -> int:
    """Anonymous shared memory that these processes have mapped, each segment once."""
    found: dict[str, int] = {}
    for pid in (os.getpid(), *pids):
        for region in psutil.Process(pid).memory_maps(grouped=False):
            if "memfd:simactors" in region.path and "ledger" not in region.path:
                found[region.path] = max(found.get(region.path, 0), region.rss)
    return sum(found.values())


def shared_files() -> int:
    """How many descriptors of shared memory this process has."""
    files = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if _is_open(fd)]
    return sum("memfd:simactors" in file for file in files)


def _is_open(fd: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{fd}")


def in_use() -> int:
    """What all processes take, in bytes."""
    backend: Any = sessions.active()
    used: int = backend.sharing.usage().bytes
    return used


def fills_up(size: int = SIZE) -> list[Any]:
    """Refs to as many objects as there is room for."""
    refs = []
    while len(refs) < 1000:
        try:
            refs.append(ray.put(array(1, size)))
        except exceptions.ObjectStoreFullError:
            return refs
    raise AssertionError("there is no limit")


def test_an_array_is_the_same_memory_everywhere(session: Callable[..., None]) -> None:
    session(object_store_memory=2 * SIZE - 1)  # there is no room for a second one
    one, two = Holder.remote(), Holder.remote()
    got = ray.get(ray.put(array(7)))
    assert ray.get([one.keep.remote(got), two.keep.remote(got)]) == [7, 7]
    passed = ray.get(two.give.remote())
    assert ray.get(one.keep.remote({"a": passed[SIZE // 2 :]}["a"])) == 7
    ref = ray.put(passed)
    assert all(int(a.sum()) == 7 * SIZE for a in (got, passed, ray.get(ref)))
    assert not any(a.flags.writeable for a in (got, passed))
    with pytest.raises(exceptions.ObjectStoreFullError):
        ray.put(array(8))


def test_what_it_was_made_of_may_change(session: Callable[..., None]) -> None:
    session()
    mine = array(1)
    ref, holder = ray.put(mine), Holder.remote()
    answer = holder.keep.remote(mine)
    mine[:] = 2
    assert ray.get(ref)[0] == ray.get(answer) == ray.get(holder.give.remote())[0] == 1


def test_arrays_stay_whole_while_memory_is_used_again(session: Callable[..., None]) -> None:
    session(object_store_memory=20 * SIZE)
    holder = Holder.remote()
    kept = []
    for round_ in range(60):
        value = ray.get(holder.make.remote(round_))
        ray.get(ray.put(array(round_ + 100)))
        kept.append((round_, value))
        if len(kept) > 6:
            kept.pop(round_ % 6)
        assert all((v[::1000] == letter).all() for letter, v in kept)


def test_memory_is_free_when_ref_and_arrays_are_gone(session: Callable[..., None]) -> None:
    session(object_store_memory=5 * SIZE)
    for letter in range(12):
        ref = ray.put(array(letter))
        part = ray.get(ref)[10:20]
        del ref
        assert part[0] == letter
    del part
    holder = Holder.remote()
    for letter in range(12):
        assert ray.get(holder.keep.remote(array(letter))) == letter
        ray.get(holder.drop.remote())
    for letter in range(12):
        assert ray.get(holder.make.remote(letter))[0] == letter


def test_who_wrote_it_hears_that_others_have_dropped_it(session: Callable[..., None]) -> None:
    size = 300 * MIB  # more than is kept warm
    session(object_store_memory=1024 * MIB)
    holder = Holder.remote()
    assert ray.get(holder.keep.remote(array(1, size))) == 1
    assert in_use() >= size
    ray.get(holder.drop.remote())
    assert comes_true(lambda: in_use() == 0, NOTICED_S)
    got = ray.get(holder.make.remote(2, size))
    assert in_use() >= size
    del got
    assert comes_true(lambda: in_use() == 0, NOTICED_S)


def test_a_full_store_says_so_in_whatever_process_and_work_goes_on(session: Callable[..., None]) -> None:
    session(object_store_memory=5 * SIZE)
    holder = Holder.remote()
    refs = fills_up()
    assert len(refs) == 5
    with pytest.raises(
        exceptions.ObjectStoreFullError, match=r"5 large objects take \d+ bytes.*object_store_memory="
    ):
        holder.keep.remote(array(1))
    with pytest.raises(exceptions.ObjectStoreFullError) as caught:
        ray.get(holder.make.remote(1))
    assert isinstance(caught.value, exceptions.RayTaskError)
    assert ray.get(holder.make.remote(1, 100))[0] == 1
    refs.pop()
    assert ray.get(holder.make.remote(3))[0] == 3


def test_what_others_keep_warm_makes_room(session: Callable[..., None]) -> None:
    session(object_store_memory=6 * SIZE)
    holder = Holder.remote()
    values = [ray.get(holder.make.remote(i)) for i in range(5)]
    del values
    assert len(fills_up()) == 6


def test_a_killed_holder_holds_nothing(session: Callable[..., None]) -> None:
    session(object_store_memory=4 * SIZE)
    holder = Holder.remote()
    pid = ray.get(holder.pid.remote())
    assert ray.get([holder.keep.remote(array(i)) for i in (1, 2)]) == [1, 2]
    ray.get(holder.put.remote(3))
    assert len(fills_up()) == 1
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(exceptions.ActorDiedError):
        ray.get(holder.pid.remote())
    assert len(fills_up()) == 4


def test_the_answer_of_a_dead_process_stays_and_counts(session: Callable[..., None]) -> None:
    session(object_store_memory=4 * SIZE)
    holder = Holder.remote()
    got = ray.get(holder.make.remote(9))
    ray.kill(holder)
    with pytest.raises(exceptions.ActorDiedError):
        ray.get(holder.pid.remote())
    assert (got == 9).all()
    assert len(fills_up()) == 3
    del got
    assert len(fills_up()) == 4


def test_thousands_of_objects_with_few_descriptors(session: Callable[..., None]) -> None:
    session()
    holder = Holder.remote()
    ray.get(holder.allow_files.remote(12))
    refs = [ray.put(array(i % 200, MIB // 4)) for i in range(1000)]
    for i, ref in enumerate(refs):
        assert ray.get(holder.keep.remote(ray.get(ref))) == i % 200
    assert ray.get(holder.make.remote(3, SIZE))[0] == 3


def test_too_many_open_files_are_told_and_survived(session: Callable[..., None]) -> None:
    session()
    holder = Holder.remote()
    ray.get(holder.allow_files.remote(0))
    with pytest.raises(exceptions.RaySystemError, match="too many open files"):
        ray.get(holder.keep.remote(array(1)))
    assert ray.get(holder.keep.remote(array(1, 100))) == 1
    # What it makes itself travels in the message then.
    assert ray.get(holder.make.remote(5))[0] == 5


def test_arrays_outlive_their_session(session: Callable[..., None]) -> None:
    gc.collect()
    before = shared_bytes()  # of arrays that tests before this one have left to the garbage collector
    session()
    got = ray.get(ray.put(array(4)))
    other = ray.get(Holder.remote().make.remote(5))
    ray.shutdown()
    assert int(got.sum()) == 4 * SIZE
    assert int(other.sum()) == 5 * SIZE
    assert shared_bytes() >= 2 * SIZE
    del got, other
    assert shared_bytes() <= before


@pytest.mark.parametrize("wrong", [0, -1, "1GB", 0.5])
def test_a_wrong_size_of_the_store_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="object_store_memory must be a whole number of bytes"):
        ray.init(backend="local", object_store_memory=wrong)


def test_a_session_that_is_over_keeps_no_memory(session: Callable[..., None]) -> None:
    before = shared_files()
    for _ in range(4):
        session()
        holder = Holder.remote()
        # Its process, and not ours, uses the arrays when the session ends.
        ray.get([holder.keep.remote(ray.put(array(1))), holder.keep.remote(array(2))])
        ray.shutdown()
        gc.collect()
        assert shared_files() == before

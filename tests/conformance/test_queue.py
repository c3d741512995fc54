"""`util.queue.Queue`: a queue that several processes share."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from types import ModuleType
from typing import Any

import pytest

import simactors


def make(maxsize: int = 0, **options: Any) -> Any:
    from simactors.util.queue import Queue

    return Queue(maxsize, **options)


def errors() -> tuple[type[Exception], type[Exception]]:
    from simactors.util.queue import Empty, Full

    return Empty, Full


@simactors.remote
def produce(items: Any, n: int) -> int:
    for i in range(n):
        items.put(i)
    return n


@simactors.remote
def consume(items: Any, n: int) -> list[Any]:
    return [items.get() for _ in range(n)]


def test_a_queue_is_first_in_first_out(ray: ModuleType) -> None:
    items = make()
    for i in range(5):
        assert items.put(i) is None
    assert [items.get() for _ in range(5)] == [0, 1, 2, 3, 4]


def test_a_queue_knows_its_size(ray: ModuleType) -> None:
    items = make(2)
    assert items.maxsize == 2
    assert items.empty() is True
    assert items.full() is False
    items.put("a")
    assert (items.size(), items.qsize(), len(items), items.empty(), items.full()) == (1, 1, 1, False, False)
    items.put("b")
    assert items.full() is True
    unlimited = make()
    for i in range(10):
        unlimited.put_nowait(i)
    assert unlimited.full() is False


def test_an_empty_queue_raises_at_once_or_in_time(ray: ModuleType) -> None:
    empty, _ = errors()
    assert issubclass(empty, queue.Empty)
    items = make()
    for ask in (
        items.get_nowait,
        lambda: items.get(block=False),
        lambda: items.get(timeout=0.05),
        lambda: items.get(True, 0),
    ):
        with pytest.raises(empty):
            ask()
    items.put(1)
    assert items.get(timeout=1) == 1


def test_a_full_queue_raises_at_once_or_in_time(ray: ModuleType) -> None:
    _, full = errors()
    assert issubclass(full, queue.Full)
    items = make(1)
    items.put(1)
    for ask in (
        lambda: items.put_nowait(2),
        lambda: items.put(2, block=False),
        lambda: items.put(2, timeout=0.05),
        lambda: items.put(2, True, 0),
    ):
        with pytest.raises(full):
            ask()
    assert items.get() == 1
    assert items.size() == 0


def test_timeouts_are_not_negative(ray: ModuleType) -> None:
    items = make()
    with pytest.raises(ValueError, match="'timeout' must be a non-negative number"):
        items.get(timeout=-1)
    with pytest.raises(ValueError, match="'timeout' must be a non-negative number"):
        items.put(1, timeout=-1)


def test_several_items_travel_at_once_or_not_at_all(ray: ModuleType) -> None:
    empty, full = errors()
    items = make(3)
    items.put_nowait_batch([1, 2])
    with pytest.raises(full):
        items.put_nowait_batch([3, 4])
    with pytest.raises(empty):
        items.get_nowait_batch(3)
    assert items.get_nowait_batch(0) == []
    assert items.get_nowait_batch(2) == [1, 2]
    with pytest.raises(TypeError, match="Argument 'items' must be an Iterable"):
        items.put_nowait_batch(5)
    with pytest.raises(TypeError, match="Argument 'num_items' must be an int"):
        items.get_nowait_batch("two")
    with pytest.raises(ValueError, match="'num_items' must be nonnegative"):
        items.get_nowait_batch(-1)


def test_a_queue_joins_producers_and_consumers(ray: ModuleType) -> None:
    items = make(2)
    refs = [produce.remote(items, 10), consume.remote(items, 10)]
    assert ray.get(refs) == [10, list(range(10))]
    refs = [produce.remote(items, 5), produce.remote(items, 5), consume.remote(items, 10)]
    assert sorted(ray.get(refs)[2]) == sorted([*range(5), *range(5)])


def test_a_consumer_waits_for_its_producer(ray: ModuleType) -> None:
    items = make()
    ref = consume.remote(items, 1)
    assert ray.wait([ref], timeout=0.1)[0] == []
    items.put("late")
    assert ray.get(ref) == ["late"]


def test_items_are_any_values_and_bare_refs_are_resolved(ray: ModuleType) -> None:
    items = make()
    items.put(ValueError("an item"))
    assert isinstance(items.get(), ValueError)
    items.put(ray.put(3))
    assert items.get() == 3
    ref = ray.put(4)
    items.put([ref])
    assert items.get() == [ref]
    with pytest.raises(TypeError, match="Could not serialize the argument"):
        items.put(threading.Lock())


def test_the_async_methods_do_the_same(ray: ModuleType) -> None:
    empty, full = errors()
    items = make(1)

    async def main() -> Any:
        await items.put_async("first")
        for arguments in ({"block": False}, {"timeout": 0.05}):
            with pytest.raises(full):
                await items.put_async("second", **arguments)
        waiting = asyncio.ensure_future(items.put_async("second"))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        got = [await items.get_async()]
        await waiting
        got.append(await items.get_async(timeout=1))
        for arguments in ({"block": False}, {"timeout": 0.05}):
            with pytest.raises(empty):
                await items.get_async(**arguments)
        return got

    assert asyncio.run(main()) == ["first", "second"]


def test_options_are_those_of_the_actor_behind_it(ray: ModuleType) -> None:
    items = make(actor_options={"name": "the queue", "num_cpus": 1})
    items.put(1)
    assert ray.get_actor("the queue") == items.actor
    with pytest.raises(ValueError, match="Invalid option keyword colour for actors"):
        make(actor_options={"colour": "red"})


def test_a_queue_can_be_sent_inside_a_value(ray: ModuleType) -> None:
    items = make()
    ray.get(ray.put({"queue": items}))["queue"].put(5)
    assert items.get() == 5


@pytest.mark.parametrize("force", [True, False])
def test_a_queue_that_was_shut_down_is_gone(ray: ModuleType, force: bool) -> None:
    items = make(actor_options={"name": "mortal"})
    items.put(1)
    assert items.shutdown(force=force) is None
    items.shutdown()
    assert items.actor is None
    for _ in range(500):
        try:
            ray.get_actor("mortal")
        except ValueError:
            return
        time.sleep(0.01)
    raise AssertionError("it lives on")


def test_whoever_waits_for_a_queue_learns_of_its_death(ray: ModuleType) -> None:
    items = make()
    ref = consume.remote(items, 1)
    assert ray.wait([ref], timeout=0.1)[0] == []
    ray.kill(items.actor)
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(ref)
    with pytest.raises(ray.exceptions.ActorDiedError):
        items.put(1)

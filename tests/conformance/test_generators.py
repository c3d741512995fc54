"""Functions and methods with `yield`: their items arrive one by one while they run."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import simactors


@simactors.remote
class Tally:
    """Outlives those whose doings it counts, and lets them go on."""

    def __init__(self) -> None:
        self.notes: list[Any] = []
        self.opened = False

    def note(self, what: Any) -> int:
        self.notes.append(what)
        return self.notes.count(what)

    def read(self) -> list[Any]:
        return self.notes

    def open(self) -> None:
        self.opened = True

    def is_open(self) -> bool:
        return self.opened


@simactors.remote
def count(n: int, fail_at: int = -1) -> Iterator[int]:
    for i in range(n):
        if i == fail_at:
            raise KeyError(i)
        yield i


@simactors.remote
def note_and_count(tally: Any, n: int) -> Iterator[int]:
    for i in range(n):
        simactors.get(tally.note.remote(i))
        yield i


@simactors.remote
def trip_once(tally: Any, n: int, at: int, how: str) -> Iterator[int]:
    for i in range(n):
        first = simactors.get(tally.note.remote(i)) == 1
        if i == at and first:
            if how == "die":
                os._exit(1)
            raise KeyError(i)
        yield i


@simactors.remote
def tell_attempts(tally: Any, n: int, at: int, how: str) -> Iterator[int]:
    for i in range(n):
        attempt = simactors.get(tally.note.remote(i))
        if i == at and attempt == 1:
            if how == "die":
                os._exit(1)
            raise KeyError(i)
        yield attempt


@simactors.remote
def wait_between(gate: Any) -> Iterator[str]:
    yield "before"
    while not simactors.get(gate.is_open.remote()):
        time.sleep(0.01)
    yield "after"


@simactors.remote
def strange_items() -> Iterator[Any]:
    yield simactors.put(1)
    yield [simactors.put(2)]
    return "not an item"


@simactors.remote
def unpicklable_item() -> Iterator[Any]:
    yield 1
    yield threading.Lock()
    yield 3


@simactors.remote
def plain() -> list[int]:
    return [1, 2]


@simactors.remote
def add_up(n: int) -> int:
    return sum(simactors.get(ref) for ref in count.remote(n))


@simactors.remote
def take(x: Any) -> Any:
    return x


@simactors.remote
class Streamer:
    """Its methods are generators."""

    def __init__(self) -> None:
        self.made = 0

    def count(self, n: int) -> Iterator[int]:
        for i in range(n):
            self.made += 1
            yield i

    def trip_once(self, tally: Any, n: int, at: int, how: str) -> Iterator[int]:
        for i in range(n):
            first = simactors.get(tally.note.remote(i)) == 1
            if i == at and first:
                if how == "die":
                    os._exit(1)
                raise KeyError(i)
            yield i

    def wait_between(self, gate: Any) -> Iterator[str]:
        yield "before"
        while not simactors.get(gate.is_open.remote()):
            time.sleep(0.01)
        yield "after"

    def how_many(self) -> int:
        return self.made


@simactors.remote
class Ticker:
    """Yields until it is told to stop, and awaits nothing."""

    def __init__(self) -> None:
        self.stopped = False

    async def tick(self) -> AsyncIterator[int]:
        number = 0
        while not self.stopped:
            yield number
            number += 1

    async def stop(self) -> None:
        self.stopped = True


def until(ask: Callable[[], Any], wanted: Any) -> None:
    """Asks until the answer is the wanted one."""
    for _ in range(1000):
        answer = simactors.get(ask())
        if answer == wanted:
            return
        time.sleep(0.01)
    raise AssertionError(f"{answer}, never {wanted}")


def drain(items: Any) -> list[Any]:
    """The values, and the names of the errors."""
    values = []
    for ref in items:
        try:
            values.append(simactors.get(ref))
        except Exception as error:
            values.append(type(error).__name__)
    return values


def test_a_generator_function_gives_a_ref_for_each_item(ray: ModuleType) -> None:
    items = count.remote(3)
    assert isinstance(items, ray.ObjectRefGenerator)
    refs = list(items)
    assert all(isinstance(ref, ray.ObjectRef) for ref in refs)
    assert ray.get(refs) == [0, 1, 2]
    assert drain(count.remote(0)) == []
    assert drain(count.options(num_returns="streaming").remote(2)) == [0, 1]


def test_a_generator_is_exhausted_once_and_for_all(ray: ModuleType) -> None:
    items = count.remote(1)
    assert iter(items) is items
    assert ray.get(next(items)) == 0
    for _ in range(2):
        with pytest.raises(StopIteration):
            next(items)
    assert list(items) == []


def test_items_arrive_while_the_generator_still_runs(ray: ModuleType) -> None:
    for make in (wait_between.remote, Streamer.remote().wait_between.remote):
        gate = Tally.remote()
        items = make(gate)
        assert ray.get(next(items)) == "before"
        assert not items.next_ready()
        assert not items.is_finished()
        ray.get(gate.open.remote())
        assert ray.get(next(items)) == "after"


def test_an_error_is_the_last_item(ray: ModuleType) -> None:
    items = count.remote(3, fail_at=2)
    refs = list(items)
    assert ray.get(refs[:2]) == [0, 1]
    assert len(refs) == 3
    with pytest.raises(KeyError) as raised:
        ray.get(refs[2])
    assert isinstance(raised.value, ray.exceptions.RayTaskError)
    assert drain(count.remote(3, fail_at=0)) == ["RayTaskError(KeyError)"]


def test_an_item_that_cannot_be_sent_is_an_error_and_the_last_item(ray: ModuleType) -> None:
    assert drain(unpicklable_item.remote()) == [1, "RayTaskError(TypeError)"]


def test_a_failed_argument_is_the_only_item(ray: ModuleType) -> None:
    items = count.remote(take.remote(add_up.remote("three")))
    (ref,) = list(items)
    with pytest.raises(TypeError, match="input arguments for this task could not be computed"):
        ray.get(ref)
    with pytest.raises(TypeError):
        ray.get(items.completed())


def test_completed_is_ready_when_the_generator_has_run_to_its_end(ray: ModuleType) -> None:
    gate = Tally.remote()
    items = wait_between.remote(gate)
    completed = items.completed()
    assert isinstance(completed, ray.ObjectRef)
    assert ray.wait([completed], timeout=0.1) == ([], [completed])
    ray.get(gate.open.remote())
    assert ray.get(completed) is None
    assert not items.is_finished()
    assert items.next_ready()
    assert drain(items) == ["before", "after"]
    assert items.is_finished()
    assert not items.next_ready()


def test_completed_does_not_raise_what_the_code_raised(ray: ModuleType) -> None:
    items = count.remote(2, fail_at=1)
    assert ray.get(items.completed()) is None
    assert drain(items) == [0, "RayTaskError(KeyError)"]
    assert items.is_finished()


def test_items_can_be_taken_after_the_generator_has_ended(ray: ModuleType) -> None:
    streamer = Streamer.remote()
    items = streamer.count.remote(4)
    assert ray.get(streamer.how_many.remote()) == 4
    assert drain(items) == [0, 1, 2, 3]


def test_refs_outlive_their_generator(ray: ModuleType) -> None:
    items = count.remote(3)
    first = next(items)
    del items
    assert ray.get(first) == 0


def test_items_may_be_refs_and_the_returned_value_is_lost(ray: ModuleType) -> None:
    first, second = (ray.get(ref) for ref in strange_items.remote())
    assert ray.get(first) == 1
    assert ray.get(second[0]) == 2


def test_items_can_be_arguments(ray: ModuleType) -> None:
    assert ray.get([take.remote(ref) for ref in count.remote(3)]) == [0, 1, 2]


def test_a_task_may_consume_a_generator(ray: ModuleType) -> None:
    assert ray.get(add_up.remote(4)) == 6


def test_wait_takes_generators_and_refs(ray: ModuleType) -> None:
    gate = Tally.remote()
    slow, fast, ref = wait_between.remote(gate), count.remote(1), ray.put(1)
    assert ray.get(next(slow)) == "before"
    ready, others = ray.wait([slow, fast, ref], num_returns=2)
    assert ready == [fast, ref]
    assert others == [slow]
    assert ray.wait([slow], timeout=0.05) == ([], [slow])
    ray.get(gate.open.remote())
    assert ray.wait([slow]) == ([slow], [])
    assert drain(slow) == ["after"]
    assert drain(fast) == [0]
    assert ray.wait([fast]) == ([fast], [])


def test_get_of_a_generator_is_that_generator(ray: ModuleType) -> None:
    items = count.remote(2)
    assert ray.get(items) is items


def test_generators_stay_with_their_owner(ray: ModuleType) -> None:
    reason = "You cannot return or pass a generator to other task"
    for send in (take.remote, lambda x: take.remote([x]), ray.put):
        with pytest.raises(TypeError, match=reason):
            send(count.remote(1))


@pytest.mark.parametrize("method", ["send", "throw", "close"])
def test_nothing_can_be_sent_into_a_generator(ray: ModuleType, method: str) -> None:
    arguments = () if method == "close" else (1,)
    with pytest.raises(NotImplementedError, match=f"`gen.{method}` is not supported."):
        getattr(count.remote(1), method)(*arguments)


def test_a_generator_runs_ahead_of_its_consumer(ray: ModuleType) -> None:
    tally = Tally.remote()
    items = note_and_count.remote(tally, 6)
    until(tally.read.remote, [0, 1, 2, 3, 4, 5])
    assert drain(items) == [0, 1, 2, 3, 4, 5]


def test_backpressure_holds_a_generator_back(ray: ModuleType) -> None:
    tally = Tally.remote()
    items = note_and_count.options(_generator_backpressure_num_objects=2).remote(tally, 5)
    until(tally.read.remote, [0, 1])
    time.sleep(0.1)
    assert ray.get(tally.read.remote()) == [0, 1]
    assert ray.get(next(items)) == 0
    until(tally.read.remote, [0, 1, 2])
    time.sleep(0.1)
    assert ray.get(tally.read.remote()) == [0, 1, 2]
    assert drain(items) == [1, 2, 3, 4]


def test_backpressure_is_at_least_one_item(ray: ModuleType) -> None:
    with pytest.raises(ValueError, match="_generator_backpressure_num_objects=0 is not allowed"):
        count.options(_generator_backpressure_num_objects=0).remote(1)
    assert drain(count.options(_generator_backpressure_num_objects=-1).remote(2)) == [0, 1]


def test_other_calls_go_on_between_the_items_of_an_async_generator(ray: ModuleType) -> None:
    ticker = Ticker.remote()
    items = ticker.tick.remote()
    assert ray.get(next(items)) == 0
    ray.get(ticker.stop.remote(), timeout=30)
    rest = drain(items)
    assert rest == list(range(1, len(rest) + 1))


@pytest.mark.parametrize("limit", [-1, 1])
def test_a_generator_that_is_dropped_runs_to_its_end(ray: ModuleType, limit: int) -> None:
    tally = Tally.remote()
    items = note_and_count.options(_generator_backpressure_num_objects=limit).remote(tally, 6)
    assert ray.get(next(items)) == 0
    del items
    until(tally.read.remote, [0, 1, 2, 3, 4, 5])


def test_a_generator_whose_worker_dies_starts_over_and_no_item_comes_twice(ray: ModuleType) -> None:
    tally = Tally.remote()
    assert drain(trip_once.remote(tally, 4, 2, "die")) == [0, 1, 2, 3]
    assert ray.get(tally.read.remote()) == [0, 1, 2, 0, 1, 2, 3]


def test_a_generator_that_is_not_retried_ends_with_its_worker(ray: ModuleType) -> None:
    items = trip_once.options(max_retries=0).remote(Tally.remote(), 4, 0, "die")
    assert drain(items) == ["WorkerCrashedError"]
    with pytest.raises(ray.exceptions.WorkerCrashedError):
        ray.get(items.completed())


def test_a_generator_whose_exceptions_are_retried_starts_over(ray: ModuleType) -> None:
    tally = Tally.remote()
    assert drain(trip_once.options(retry_exceptions=True).remote(tally, 4, 2, "raise")) == [0, 1, 2, 3]
    assert ray.get(tally.read.remote()) == [0, 1, 2, 0, 1, 2, 3]
    tally = Tally.remote()
    streamer = Streamer.options(max_task_retries=1).remote()
    method = streamer.trip_once.options(retry_exceptions=True)
    assert drain(method.remote(tally, 4, 2, "raise")) == [0, 1, 2, 3]
    assert ray.get(tally.read.remote()) == [0, 1, 2, 0, 1, 2, 3]


def test_a_stream_ends_with_its_actor(ray: ModuleType) -> None:
    streamer = Streamer.remote()
    items = streamer.wait_between.remote(Tally.remote())
    assert ray.get(next(items)) == "before"
    ray.kill(streamer)
    assert drain(items) == ["ActorDiedError"]
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(items.completed())


def test_a_stream_of_an_actor_that_restarts_starts_over_if_it_may_be_retried(ray: ModuleType) -> None:
    streamer = Streamer.options(max_restarts=1, max_task_retries=1).remote()
    assert drain(streamer.trip_once.remote(Tally.remote(), 4, 2, "die")) == [0, 1, 2, 3]
    streamer = Streamer.options(max_restarts=1).remote()
    assert drain(streamer.trip_once.remote(Tally.remote(), 4, 0, "die")) == ["ActorUnavailableError"]


def test_a_fixed_number_of_results_takes_the_first_items(ray: ModuleType) -> None:
    assert ray.get(count.options(num_returns=2).remote(2)) == [0, 1]
    assert ray.get(count.options(num_returns=2).remote(5)) == [0, 1]
    assert ray.get(count.options(num_returns=1).remote(5)) == 0
    assert ray.get(Streamer.remote().count.options(num_returns=2).remote(2)) == [0, 1]


def test_a_fixed_number_of_results_may_fail_one_by_one(ray: ModuleType) -> None:
    first, second = count.options(num_returns=2).remote(2, fail_at=1)
    assert ray.get(first) == 0
    with pytest.raises(KeyError):
        ray.get(second)
    with pytest.raises(ValueError, match="Task returned 1 objects, but num_returns=2"):
        ray.get(count.options(num_returns=2).remote(1)[1])


@pytest.mark.filterwarnings("ignore:num_returns='dynamic' is deprecated")
def test_dynamic_results_come_all_at_once(ray: ModuleType) -> None:
    ref = count.options(num_returns="dynamic").remote(3)
    failing = count.options(num_returns="dynamic").remote(3, fail_at=1)
    assert isinstance(ref, ray.ObjectRef)
    items = ray.get(ref)
    assert isinstance(items, ray.DynamicObjectRefGenerator)
    assert len(items) == 3
    assert [ray.get(item) for item in items] == [0, 1, 2]
    assert drain(ray.get(failing)) == [0, "RayTaskError(KeyError)"]


@pytest.mark.filterwarnings("ignore:num_returns='dynamic' is deprecated")
@pytest.mark.parametrize("how", ["die", "raise"])
def test_dynamic_results_are_all_of_the_attempt_that_succeeded(ray: ModuleType, how: str) -> None:
    again = tell_attempts.options(num_returns="dynamic", retry_exceptions=True)
    assert [ray.get(item) for item in ray.get(again.remote(Tally.remote(), 3, 1, how))] == [2, 2, 1]


@pytest.mark.filterwarnings("ignore:num_returns='dynamic' is deprecated")
@pytest.mark.parametrize("num_returns", ["streaming", "dynamic"])
def test_only_generators_have_an_open_number_of_results(ray: ModuleType, num_returns: str) -> None:
    with pytest.raises(ValueError, match="can only be used with generator functions"):
        plain.options(num_returns=num_returns).remote()
    with pytest.raises(ValueError, match="can only be used with generator functions"):
        Streamer.remote().how_many.options(num_returns=num_returns).remote()


@simactors.remote
class Told:
    def sync(self) -> Iterator[Any]:
        told = yield 0
        yield type(told).__name__

    def inner(self) -> Iterator[Any]:
        yield from self.sync()

    def of_a_range(self) -> Iterator[int]:
        yield from range(3)


@simactors.remote
class ToldLater:
    async def later(self) -> AsyncIterator[Any]:
        told = yield 0
        yield type(told).__name__

    def of_a_range(self) -> Iterator[int]:
        yield from range(3)


@simactors.remote
def of_a_list() -> Iterator[int]:
    yield from [1, 2]


def test_a_yield_gives_statistics(ray: ModuleType) -> None:
    told = Told.remote()
    assert ray.get(list(told.sync.remote())) == [0, "StreamingGeneratorStats"]
    assert ray.get(list(told.inner.remote())) == [0, "StreamingGeneratorStats"]
    assert ray.get(list(ToldLater.remote().later.remote())) == [0, "StreamingGeneratorStats"]


def test_so_what_is_no_generator_cannot_be_yielded_from(ray: ModuleType) -> None:
    told, later = Told.remote(), ToldLater.remote()
    for items in (of_a_list.remote(), told.of_a_range.remote(), later.of_a_range.remote()):
        first, last = items
        assert ray.get(first) in (0, 1)
        with pytest.raises(AttributeError, match="no attribute 'send'"):
            ray.get(last)
    assert ray.get(of_a_list.options(num_returns=2).remote()) == [1, 2]

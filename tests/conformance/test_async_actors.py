"""Async actors: many calls under way in one actor, one at a time on its event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from types import ModuleType
from typing import Any

import pytest

import simactors


@simactors.remote
class Tally:
    """Outlives and outpaces those whose doings it counts."""

    def __init__(self) -> None:
        self.notes: list[Any] = []

    def note(self, what: Any) -> Any:
        self.notes.append(what)
        return what

    def read(self) -> list[Any]:
        return self.notes

    def count(self) -> int:
        return len(self.notes)

    def fail(self) -> None:
        raise KeyError("k")


@simactors.remote
class Loop:
    """Its calls wait for each other."""

    def __init__(self, tally: Any = None) -> None:
        self.tally = tally
        self.log: list[Any] = []
        self.gate = asyncio.Event()
        self.running = 0
        self.peak = 0

    async def read(self) -> list[Any]:
        return self.log

    async def pass_gate(self, i: int = 0) -> int:
        if self.tally is not None:
            await self.tally.note.remote(i)
        await self.gate.wait()
        return i

    async def open_gate(self) -> None:
        self.gate.set()

    async def on_and_off(self, i: int) -> int:
        self.running += 1
        self.peak = max(self.peak, self.running)
        self.log.append(("on", i))
        await asyncio.sleep(0.02)
        self.log.append(("off", i))
        self.running -= 1
        return i

    async def most_at_once(self) -> int:
        return self.peak

    def block(self, i: int) -> int:
        self.log.append(("on", i))
        time.sleep(0.05)
        self.log.append(("off", i))
        return i

    async def block_in_get(self, i: int) -> Any:
        self.log.append(("on", i))
        value = simactors.get(self.tally.note.remote(i))
        self.log.append(("off", i))
        return value

    def wait_plainly(self, refs: list[Any]) -> Any:
        return simactors.get(refs)

    async def await_first(self, refs: list[Any]) -> Any:
        return await refs[0]

    async def gather(self, refs: list[Any]) -> Any:
        return await asyncio.gather(*refs)

    async def gather_kinds(self, refs: list[Any]) -> list[str]:
        results = await asyncio.gather(*refs, return_exceptions=True)
        return ["failed" if isinstance(r, KeyError) else type(r).__name__ for r in results]

    async def first_of(self, refs: list[Any]) -> tuple[list[Any], int]:
        waits = [asyncio.wrap_future(ref.future()) for ref in refs]
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in pending:
            wait.cancel()
        return [wait.result() for wait in done], len(pending)

    async def wait_a_little(self, refs: list[Any]) -> str:
        try:
            await asyncio.wait_for(refs[0], 0.05)
        except TimeoutError:
            return "too late"
        return "in time"

    async def in_group(self, refs: list[Any]) -> list[Any]:
        async def fetch(ref: Any) -> Any:
            return await ref

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(fetch(ref)) for ref in refs]
        return [task.result() for task in tasks]

    async def wait_for_bare_refs(self, refs: list[Any]) -> Any:
        return await asyncio.wait(refs)

    async def leave_something_behind(self) -> None:
        self.behind = asyncio.get_running_loop().create_task(self.on_and_off(7))

    async def fail(self) -> None:
        await asyncio.sleep(0.001)
        raise KeyError("k")

    async def give_up(self) -> None:
        raise asyncio.CancelledError

    async def sleep(self, seconds: float, result: Any = None) -> Any:
        self.log.append("asleep")
        await asyncio.sleep(seconds)
        return result

    async def sleep_side_by_side(self, count: int) -> list[int]:
        async def sleep(i: int) -> None:
            await asyncio.sleep(0.01)
            self.log.append(i)

        await asyncio.gather(*map(sleep, range(count)))
        return self.log

    async def leave(self) -> None:
        simactors.exit_actor()

    async def count_to(self, n: int) -> AsyncIterator[int]:
        for i in range(n):
            yield i
            await asyncio.sleep(0.001)

    async def count_then_fail(self, n: int) -> AsyncIterator[int]:
        for i in range(n):
            yield i
        raise KeyError("k")

    async def add_up(self, other: Any, n: int) -> int:
        total = 0
        async for ref in other.count_to.remote(n):
            total += await ref
        return total

    async def on_main_thread(self) -> bool:
        return threading.current_thread() is threading.main_thread()

    async def same_loop_and_thread(self) -> tuple[int, int]:
        return id(asyncio.get_running_loop()), threading.get_ident()


@simactors.remote
class Mixed:
    """One async method makes an async actor; its constructor may be async too."""

    async def __init__(self, start: int) -> None:  # type: ignore[misc]
        await asyncio.sleep(0.001)
        self.value = start

    def plain(self) -> int:
        return self.value


@simactors.remote
def slow(seconds: float, result: Any) -> Any:
    time.sleep(seconds)
    return result


@simactors.remote
def fail() -> None:
    raise KeyError("k")


def until(ask: Callable[[], Any], wanted: Any) -> None:
    """Asks until the answer is the wanted one."""
    for _ in range(1000):
        answer = simactors.get(ask())
        if answer == wanted:
            return
        time.sleep(0.01)
    raise AssertionError(f"{answer}, never {wanted}")


def in_one_piece(log: list[Any]) -> bool:
    """Whether nothing came between an `on` and its `off`."""
    pairs = zip(log[::2], log[1::2], strict=True)
    return all(a == ("on", b[1]) and b == ("off", a[1]) for a, b in pairs)


def test_a_call_may_wait_for_a_later_call(ray: ModuleType) -> None:
    loop = Loop.remote()
    refs = [loop.pass_gate.remote(i) for i in range(5)]
    loop.open_gate.remote()
    assert ray.get(refs) == [0, 1, 2, 3, 4]


def test_a_thousand_calls_are_under_way_at_once_and_no_more(ray: ModuleType) -> None:
    tally = Tally.remote()
    loop = Loop.remote(tally)
    refs = [loop.pass_gate.remote(i) for i in range(999)]
    until(tally.count.remote, 999)
    assert ray.get(loop.read.remote()) == []
    refs.append(loop.pass_gate.remote(999))
    until(tally.count.remote, 1000)
    key = loop.open_gate.remote()
    assert ray.wait([key, *refs], timeout=0.2)[0] == []
    ray.kill(loop)


def test_max_concurrency_limits_the_calls_under_way(ray: ModuleType) -> None:
    loop = Loop.options(max_concurrency=2).remote()
    assert ray.get([loop.on_and_off.remote(i) for i in range(6)]) == [0, 1, 2, 3, 4, 5]
    assert ray.get(loop.most_at_once.remote()) == 2


def test_max_concurrency_one_makes_calls_run_one_after_the_other_in_any_order(ray: ModuleType) -> None:
    loop = Loop.options(max_concurrency=1).remote()
    ray.get([loop.on_and_off.remote(i) for i in range(6)])
    log = ray.get(loop.read.remote())
    assert in_one_piece(log)
    assert sorted(i for kind, i in log if kind == "on") == [0, 1, 2, 3, 4, 5]


def test_a_sync_method_blocks_the_event_loop(ray: ModuleType) -> None:
    loop = Loop.remote()
    ray.get([loop.block.remote(i) for i in range(4)])
    assert in_one_piece(ray.get(loop.read.remote()))


def test_get_in_an_async_method_works_and_blocks_the_event_loop(ray: ModuleType) -> None:
    loop = Loop.remote(Tally.remote())
    assert ray.get([loop.block_in_get.remote(i) for i in range(4)]) == [0, 1, 2, 3]
    assert in_one_piece(ray.get(loop.read.remote()))


def test_a_plain_wait_for_a_call_of_its_own_actor_never_ends(ray: ModuleType) -> None:
    loop = Loop.remote()
    later = loop.pass_gate.remote()
    stuck = loop.wait_plainly.remote([later])
    assert not ray.wait([stuck], timeout=0.1)[0]  # so that it has begun: nobody promises an order
    assert ray.wait([stuck, loop.open_gate.remote()], num_returns=2, timeout=0.2)[1][0] == stuck
    ray.kill(loop)


def test_a_call_that_waits_for_its_argument_is_overtaken(ray: ModuleType) -> None:
    gate = Loop.remote()
    loop = Loop.remote()
    held = loop.on_and_off.remote(gate.pass_gate.remote(1))
    assert ray.get(loop.on_and_off.remote(2)) == 2
    gate.open_gate.remote()
    assert ray.get(held) == 1
    assert ray.get(loop.read.remote()) == [("on", 2), ("off", 2), ("on", 1), ("off", 1)]


def test_refs_can_be_awaited_and_gathered(ray: ModuleType) -> None:
    loop = Loop.remote()
    assert ray.get(loop.await_first.remote([slow.remote(0.01, 7)])) == 7
    assert ray.get(loop.gather.remote([slow.remote(0.01, 7), ray.put(3)])) == [7, 3]
    assert ray.get(loop.in_group.remote([slow.remote(0.01, 7), ray.put(3)])) == [7, 3]


def test_awaiting_a_failed_ref_raises_its_error(ray: ModuleType) -> None:
    loop = Loop.remote()
    for method in (loop.await_first, loop.gather):
        with pytest.raises(KeyError) as raised:
            ray.get(method.remote([fail.remote()]))
        assert isinstance(raised.value, ray.exceptions.RayTaskError)
    assert ray.get(loop.gather_kinds.remote([fail.remote(), ray.put(3)])) == ["failed", "int"]


def test_the_future_of_a_ref_can_be_waited_for_in_asyncio(ray: ModuleType) -> None:
    loop = Loop.remote()
    never = loop.pass_gate.remote()
    assert ray.get(loop.first_of.remote([never, slow.remote(0.01, 3)])) == ([3], 1)


def test_bare_refs_cannot_be_waited_for_in_asyncio(ray: ModuleType) -> None:
    loop = Loop.remote()
    with pytest.raises(AttributeError, match="ObjectRef' object has no attribute 'add_done_callback'"):
        ray.get(loop.wait_for_bare_refs.remote([ray.put(1)]))


def test_an_await_may_be_given_up_and_the_ref_asked_again(ray: ModuleType) -> None:
    loop = Loop.remote()
    gate = Loop.remote()
    ref = gate.pass_gate.remote(4)
    assert ray.get(loop.wait_a_little.remote([ref])) == "too late"
    gate.open_gate.remote()
    assert ray.get(loop.await_first.remote([ref])) == 4


def test_who_falls_asleep_first_wakes_up_first(ray: ModuleType) -> None:
    assert ray.get(Loop.remote().sleep_side_by_side.remote(8)) == list(range(8))


def test_asyncio_tasks_go_on_after_the_call_that_made_them(ray: ModuleType) -> None:
    loop = Loop.remote()
    assert ray.get(loop.leave_something_behind.remote()) is None
    until(loop.read.remote, [("on", 7), ("off", 7)])


def test_an_async_method_raises_like_a_plain_one(ray: ModuleType) -> None:
    loop = Loop.remote()
    with pytest.raises(KeyError) as raised:
        ray.get(loop.fail.remote())
    assert type(raised.value).__name__ == "RayTaskError(KeyError)"
    assert ray.get(loop.read.remote()) == []


def test_a_cancelled_error_of_the_method_itself_arrives_as_a_cancelled_task(ray: ModuleType) -> None:
    loop = Loop.remote()
    with pytest.raises(ray.exceptions.TaskCancelledError) as raised:
        ray.get(loop.give_up.remote())
    assert type(raised.value).__name__ == "RayTaskError(TaskCancelledError)"


def test_exit_actor_lets_the_calls_under_way_end(ray: ModuleType) -> None:
    loop = Loop.remote()
    running = loop.sleep.remote(0.3, "slept")
    until(loop.read.remote, ["asleep"])
    last = loop.leave.remote()
    assert ray.get(running) == "slept"
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(last)
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(loop.read.remote())


def test_kill_ends_all_calls_under_way(ray: ModuleType) -> None:
    tally = Tally.remote()
    loop = Loop.remote(tally)
    refs = [loop.pass_gate.remote(i) for i in range(3)]
    until(tally.count.remote, 3)
    ray.kill(loop)
    for ref in refs:
        with pytest.raises(ray.exceptions.ActorDiedError):
            ray.get(ref)


def test_a_constructor_may_be_async(ray: ModuleType) -> None:
    assert ray.get(Mixed.remote(5).plain.remote()) == 5


def test_all_calls_share_one_loop_which_is_not_on_the_main_thread(ray: ModuleType) -> None:
    loop = Loop.remote()
    assert ray.get(loop.on_main_thread.remote()) is False
    assert len(set(ray.get([loop.same_loop_and_thread.remote() for _ in range(3)]))) == 1


def test_an_async_generator_streams_its_items(ray: ModuleType) -> None:
    loop = Loop.remote()
    assert [ray.get(ref) for ref in loop.count_to.remote(3)] == [0, 1, 2]
    assert ray.get(Loop.remote().add_up.remote(loop, 5)) == 10
    items = loop.count_then_fail.remote(2)
    assert [ray.get(next(items)), ray.get(next(items))] == [0, 1]
    with pytest.raises(KeyError):
        ray.get(next(items))
    assert list(items) == []


def test_two_async_generators_of_one_actor_run_at_the_same_time(ray: ModuleType) -> None:
    loop = Loop.remote()
    first, second = loop.count_to.remote(3), loop.count_to.remote(3)
    assert [(ray.get(a), ray.get(b)) for a, b in zip(first, second, strict=True)] == [(0, 0), (1, 1), (2, 2)]


def test_an_async_generator_has_no_fixed_number_of_results(ray: ModuleType) -> None:
    loop = Loop.remote()
    for ref in loop.count_to.options(num_returns=2).remote(2):
        with pytest.raises(TypeError, match="'async_generator' object is not iterable"):
            ray.get(ref)


def test_functions_may_not_be_async(ray: ModuleType) -> None:
    async def f() -> int:
        return 1

    with pytest.raises(ValueError, match="'async def' should not be used for remote tasks"):
        ray.remote(f)


def test_the_driver_may_await_refs(ray: ModuleType) -> None:
    loop = Loop.remote()

    async def main() -> Any:
        one = await slow.remote(0.01, 1)
        both = await asyncio.gather(slow.remote(0.01, 2), loop.on_and_off.remote(3))
        with pytest.raises(KeyError):
            await loop.fail.remote()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(loop.pass_gate.remote(), 0.05)
        items = [await ref async for ref in loop.count_to.remote(2)]
        return one, both, items, await asyncio.wait_for(slow.remote(0.01, 4), 5)

    assert asyncio.run(main()) == (1, [2, 3], [0, 1], 4)


def test_futures_of_refs_can_be_used_without_asyncio(ray: ModuleType) -> None:
    assert slow.remote(0.01, 3).future().result() == 3
    assert isinstance(fail.remote().future().exception(), KeyError)
    done: list[Any] = []
    future = ray.put(5).future()
    future.add_done_callback(lambda f: done.append(f.result()))
    assert future.result() == 5
    for _ in range(100):
        if done:
            break
        time.sleep(0.01)
    assert done == [5]


@simactors.remote
class Leaver:
    async def leave(self) -> None:
        await asyncio.sleep(0.01)
        simactors.exit_actor()

    async def gather(self) -> None:
        await asyncio.gather(self.leave(), asyncio.sleep(0.05))

    async def catch(self) -> str:
        try:
            simactors.exit_actor()
        except Exception as error:
            return type(error).__name__

    async def fail_instead(self) -> None:
        try:
            simactors.exit_actor()
        except Exception as error:
            raise KeyError("another one") from error

    async def yield_and_leave(self) -> AsyncIterator[int]:
        yield 1
        simactors.exit_actor()

    async def start(self, for_s: float) -> str:
        self.task = asyncio.get_running_loop().create_task(self.leave())
        await asyncio.sleep(for_s)
        return "started"

    async def sleep(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "slept"


def test_exit_actor_in_a_coroutine_that_is_gathered_ends_the_actor(ray: ModuleType) -> None:
    leaver = Leaver.remote()
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(leaver.gather.remote(), timeout=60)
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(leaver.gather.remote(), timeout=60)


@pytest.mark.parametrize(("how", "told"), [("catch", "ActorDiedError"), ("fail_instead", "KeyError")])
def test_who_catches_what_exit_actor_raises_in_a_coroutine_ends_all_the_same(
    ray: ModuleType, how: str, told: str
) -> None:
    leaver = Leaver.remote()
    with pytest.raises(ray.exceptions.RayError) as caught:
        ray.get(getattr(leaver, how).remote(), timeout=60)
    assert type(caught.value).__name__ in (told, f"RayTaskError({told})")
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(leaver.sleep.remote(0), timeout=60)


def test_exit_actor_in_a_task_takes_the_answer_from_the_call_that_has_started_it(ray: ModuleType) -> None:
    leaver = Leaver.remote()
    beside = leaver.sleep.remote(0.3)
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(leaver.start.remote(0.1), timeout=60)
    assert ray.get(beside) == "slept"
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(leaver.sleep.remote(0), timeout=60)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_exit_actor_in_a_task_that_outlives_its_call_lets_the_others_end(ray: ModuleType) -> None:
    leaver = Leaver.options(max_restarts=1).remote()
    beside = leaver.sleep.remote(0.3)
    assert ray.get(leaver.start.remote(0)) == "started"
    assert ray.get(beside) == "slept"
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(leaver.sleep.remote(0), timeout=60)


def test_exit_actor_in_an_async_generator_ends_the_stream_and_the_actor(ray: ModuleType) -> None:
    leaver = Leaver.remote()
    items = leaver.yield_and_leave.remote()
    assert ray.get(next(items)) == 1
    with pytest.raises(ray.exceptions.RayError):
        ray.get(next(items), timeout=60)
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(leaver.sleep.remote(0), timeout=60)


def timed(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return call


@simactors.remote
class Returner:
    async def one(self) -> int:
        return 1

    def plain(self) -> Any:
        return self.one()

    @timed
    async def decorated(self) -> int:
        return 1


@pytest.mark.filterwarnings("ignore:coroutine.*never awaited:RuntimeWarning")
def test_what_a_plain_method_returns_is_not_awaited(ray: ModuleType) -> None:
    returner = Returner.remote()
    for ref in (returner.plain.remote(), returner.decorated.remote()):
        with pytest.raises(TypeError, match="coroutine"):
            ray.get(ref)
    assert ray.get(returner.one.remote()) == 1

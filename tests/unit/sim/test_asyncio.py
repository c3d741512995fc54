"""asyncio in virtual time: in the driver, in tasks and in threads, with the threads that it uses."""

from __future__ import annotations

import asyncio
import concurrent.futures as futures
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import simactors
from simactors.sim.config import Slack


async def after(delay_s: float) -> float:
    await asyncio.sleep(delay_s)
    return delay_s


async def everything() -> list[Any]:
    loop = asyncio.get_running_loop()
    seen: list[Any] = [await asyncio.gather(*[after(n) for n in (2, 0, 1)])]
    async with asyncio.TaskGroup() as group:
        made = [group.create_task(after(n)) for n in (1, 2)]
    seen.append([task.result() for task in made])
    seen.append([await done for done in asyncio.as_completed([after(n) for n in (3, 1, 2)])])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await after(5)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(after(5), 1)
    seen.append(await asyncio.to_thread(lambda: (time.sleep(1), threading.current_thread().name)[1]))
    with futures.ThreadPoolExecutor(1) as pool:
        await asyncio.gather(*[loop.run_in_executor(pool, time.sleep, 1) for _ in range(2)])
    seen.append(await asyncio.to_thread(lambda: asyncio.run_coroutine_threadsafe(after(1), loop).result()))
    event, items = asyncio.Event(), asyncio.Queue[int](maxsize=1)
    threading.Thread(target=lambda: (time.sleep(1), loop.call_soon_threadsafe(event.set))).start()
    await event.wait()
    putting = asyncio.create_task(items.put(1))
    seen.append(await items.get())
    await putting
    lock, barrier = asyncio.Lock(), asyncio.Barrier(2)
    async with lock, asyncio.Semaphore(1), asyncio.Condition():
        await asyncio.gather(barrier.wait(), barrier.wait())
    return seen


EXPECTED = [[2, 0, 1], [1, 2], [1, 2, 3], "asyncio_0", 1, 1]


@simactors.remote
def in_a_task() -> list[Any]:
    return asyncio.run(everything())


def in_a_thread() -> list[Any]:
    seen: list[Any] = []
    thread = threading.Thread(target=lambda: seen.append(asyncio.run(everything())))
    thread.start()
    thread.join()
    return seen


@pytest.mark.parametrize("seed", range(3))
def test_all_of_it_works_in_the_driver_in_tasks_and_in_threads(seed: int) -> None:
    digests = []
    for _ in range(2):
        with simactors.simulate(seed=seed) as sim:
            began = time.monotonic()
            assert asyncio.run(everything()) == EXPECTED
            assert 12 < time.monotonic() - began < 16
            assert simactors.get(in_a_task.remote()) == EXPECTED
            assert in_a_thread() == [EXPECTED]
        digests.append(sim.digest)
    assert digests[0] == digests[1]


def test_generators_that_nobody_finished_are_closed_with_the_loop() -> None:
    seen: list[str] = []
    kept: list[Any] = []

    async def numbers() -> Any:
        try:
            yield 1
        finally:
            await asyncio.sleep(1)
            seen.append("closed")

    async def main() -> None:
        kept.append(numbers())
        await anext(kept[0])
        seen.append("left")

    with simactors.simulate():
        asyncio.run(main())
        assert seen == ["left", "closed"]


def test_get_event_loop_gives_one_in_virtual_time() -> None:
    with simactors.simulate() as sim:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(after(50))
        loop.close()
        assert sim.now_s >= 50


def test_what_the_driver_gives_to_threads_in_a_copy_of_its_context_is_simulated_too() -> None:
    def blocking(seconds: float) -> str:
        time.sleep(seconds)
        return str(simactors.get(simactors.put("answer"), timeout=1))

    async def main() -> str:
        return await asyncio.to_thread(blocking, 0.001)

    with simactors.simulate() as sim:
        assert asyncio.run(main()) == "answer"
        assert sim.now_s >= 0.001


def test_tasks_are_named_and_printed_as_in_a_fresh_interpreter() -> None:
    async def main() -> list[str]:
        mine = asyncio.current_task()
        assert mine is not None
        return [mine.get_name(), repr(mine).split()[0], asyncio.create_task(after(0)).get_name()]

    for _ in range(2):
        with simactors.simulate():
            assert asyncio.run(main()) == ["Task-1", "<Task", "Task-2"]


async def signalled() -> list[Any]:
    loop = asyncio.get_running_loop()
    got: list[Any] = []
    began = time.monotonic()
    loop.add_signal_handler(signal.SIGUSR1, lambda what: got.append((what, time.monotonic() - began)), "one")
    threading.Timer(1, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
    await asyncio.sleep(3)
    assert loop.remove_signal_handler(signal.SIGUSR1)
    assert not loop.remove_signal_handler(signal.SIGUSR1)
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
    with pytest.raises(RuntimeError, match="cannot be caught"):
        loop.add_signal_handler(signal.SIGKILL, print)
    with pytest.raises(TypeError, match="coroutines"):
        loop.add_signal_handler(signal.SIGUSR1, signalled)
    loop.add_signal_handler(signal.SIGUSR2, print)
    return got


def test_handlers_of_signals_are_called_by_the_loop() -> None:
    run = simactors.remote(lambda: (asyncio.run(signalled()), signal.getsignal(signal.SIGUSR2)))
    with simactors.simulate():
        got, of_other = simactors.get(run.remote())
    assert got == [("one", pytest.approx(1, abs=0.01))]
    assert of_other == signal.SIG_DFL  # the loop was closed


def test_loops_of_async_actors_have_no_handlers_as_on_ray() -> None:
    @simactors.remote
    class Actor:
        async def handle(self) -> None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, print)

    with simactors.simulate(), pytest.raises(RuntimeError, match="only works in main thread"):
        simactors.get(Actor.remote().handle.remote())


OUTSIDE: list[Callable[[], Awaitable[Any]]] = [
    lambda: asyncio.open_connection("localhost", 1),
    lambda: asyncio.start_server(print, "localhost", 1),
    lambda: asyncio.create_subprocess_exec("true"),
    lambda: asyncio.create_subprocess_shell("true"),
]


@pytest.mark.parametrize("what", OUTSIDE)
def test_what_a_loop_cannot_do_in_virtual_time_says_what_to_do_instead(
    what: Callable[[], Awaitable[Any]],
) -> None:
    async def ask() -> None:
        await what()

    with simactors.simulate(), pytest.raises(NotImplementedError, match="Let actors stand for servers"):
        asyncio.run(ask())


def test_descriptors_are_refused_too() -> None:
    async def ask() -> None:
        asyncio.get_running_loop().add_reader(0, print)

    with simactors.simulate(), pytest.raises(NotImplementedError, match=r"no add_reader\(\)"):
        asyncio.run(ask())


def test_nothing_begins_behind_code_of_a_turn_that_is_ended_and_that_still_has_its_loop(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @simactors.remote
    class Slow:
        async def work(self, seconds: float) -> None:
            print("begins", seconds)
            try:
                time.sleep(seconds)
            finally:
                print("ends", asyncio.get_running_loop().is_running())

    with simactors.simulate():
        slow = Slow.remote()
        simactors.get(slow.work.remote(0))
        refs = [slow.work.remote(1), slow.work.remote(100), slow.work.remote(100)]
        simactors.get(refs[0])
        time.sleep(1)
        capsys.readouterr()
    assert [line.partition(") ")[2] for line in capsys.readouterr().out.splitlines()] == ["ends True"]


def test_timers_of_one_time_come_due_in_one_turn_or_in_several_where_the_order_is_explored() -> None:
    """A real clock goes on while code runs: it may find the first timer due, and the second one a turn later."""
    steps: list[str] = []

    async def sleeper(name: str) -> None:
        await asyncio.sleep(0.01)
        steps.append(f"{name} wakes")
        await asyncio.sleep(0)
        steps.append(f"{name} goes on")

    async def both() -> None:
        await asyncio.gather(sleeper("first"), sleeper("second"))

    seen = set()
    for seed in range(20):
        steps.clear()
        with simactors.simulate(seed, config=simactors.SimConfig(slack=Slack())):
            asyncio.run(both())
        seen.add(tuple(steps))
    assert seen == {
        ("first wakes", "second wakes", "first goes on", "second goes on"),
        ("first wakes", "first goes on", "second wakes", "second goes on"),
    }


def test_what_is_there_already_is_told_in_one_of_some_turns_where_the_order_is_explored() -> None:
    async def turns_missed() -> int:
        ref, turns = simactors.put(1), 0
        waiting = asyncio.ensure_future(ref)
        while not waiting.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    def missed(seed: int, slack: Slack | None) -> int:
        with simactors.simulate(seed, config=simactors.SimConfig(slack=slack)):
            return asyncio.run(turns_missed())

    usual = {missed(seed, None) for seed in range(5)}
    assert len(usual) == 1
    explored = {missed(seed, Slack()) for seed in range(60)}
    assert min(explored) == usual.pop()
    assert max(explored) - min(explored) == 9

"""Threads, executors and queues of user code: simulated inside, as they were outside.

Goal: what a program builds of them works in virtual time, repeats, and leaves nothing behind. Method: small programs on
the driver and in processes; each runs twice under each seed.
"""

from __future__ import annotations

import concurrent.futures as futures
import os
import queue
import sched
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import thread as of_executors
from multiprocessing.pool import ThreadPool
from typing import Any

import pytest

import simactors
from simactors import SimConfig, simulate
from simactors.exceptions import DeadlockError
from simactors.sim.config import Slack

NAMES = (
    *("Thread", "Timer", "Lock", "RLock", "Condition", "Event", "Semaphore", "Barrier", "local", "get_ident"),
    *(
        "get_native_id",
        "current_thread",
        "main_thread",
        "enumerate",
        "active_count",
        "_newname",
        "_allocate_lock",
    ),
)


class Own(threading.local):
    """Made before any simulation."""

    def __init__(self, start: int) -> None:
        self.value = start


OWN = Own(5)


@simactors.remote
def double(x: int) -> int:
    time.sleep(0.1)
    return 2 * x


@simactors.remote
class Host:
    """Starts threads in its process."""

    def __init__(self) -> None:
        self.count = 0

    def count_aside(self) -> None:
        threading.Thread(target=self._count).start()

    def _count(self) -> None:
        for _ in range(10):
            time.sleep(0.1)
            self.count += 1

    def counted(self) -> int:
        return self.count

    def who(self) -> tuple[str, bool, int]:
        now = threading.current_thread()
        return now.name, now is threading.main_thread(), threading.get_ident()

    def names(self) -> list[str]:
        threads = [threading.Thread(target=time.sleep, args=(1,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        return [thread.name for thread in threading.enumerate()]


def in_threads(*bodies: Callable[[], object]) -> None:
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def twice(program: Callable[[], Any], seed: int = 0) -> Any:
    found = []
    for _ in range(2):
        with simactors.simulate(seed=seed) as sim:
            result = program()
        found.append((sim.digest, result))
    assert found[0] == found[1]
    return found[0][1]


def test_everything_is_restored_also_after_an_exception_and_when_nested() -> None:
    def now() -> list[object]:
        module = [getattr(threading, name) for name in NAMES]
        methods = [
            threading.Thread.start,
            threading.Thread.join,
            threading.Thread.is_alive,
            queue.SimpleQueue,
        ]
        pools = [futures.ThreadPoolExecutor.__init__, futures.Future.__init__, futures.Future.__hash__]
        return [*module, *methods, *pools, of_executors._global_shutdown_lock, Own.__getattribute__]  # type: ignore[attr-defined]

    def fail() -> None:
        with simactors.simulate(), simactors.simulate():
            assert threading.get_ident() == 1
            assert now() != before
            threading.Thread(target=time.sleep, args=(9,)).start()
            futures.ThreadPoolExecutor(2).submit(time.sleep, 9)
            raise ZeroDivisionError

    before, alive = now(), threading.enumerate()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            fail()
        assert now() == before
        assert threading.enumerate() == alive
        assert not list(of_executors._threads_queues)


def test_threads_of_the_driver_use_the_cluster_and_are_joined_at_the_end() -> None:
    def program() -> list[object]:
        seen: list[object] = []

        def work(x: int) -> None:
            seen.append(
                (threading.current_thread().name, threading.get_ident(), simactors.get(double.remote(x)))
            )

        in_threads(lambda: work(1), lambda: work(2))
        assert sorted(seen) == [("Thread-1 (<lambda>)", 2, 2), ("Thread-2 (<lambda>)", 3, 4)]  # type: ignore[type-var]
        return seen

    twice(program)
    late: list[int] = []
    with simactors.simulate():
        threading.Thread(target=lambda: (time.sleep(5), late.append(1))).start()
        threading.Thread(target=lambda: (time.sleep(9), late.append(2)), daemon=True).start()
    assert late == [1]


def test_both_orders_of_two_woken_threads_occur_and_each_repeats() -> None:
    def program() -> str:
        event, seen = threading.Event(), list[str]()
        threads = [threading.Thread(target=lambda n=n: (event.wait(), seen.append(n))) for n in "ab"]
        for thread in threads:
            thread.start()
        event.set()
        for thread in threads:
            thread.join()
        return "".join(seen)

    assert {twice(program, seed) for seed in range(30)} == {"ab", "ba"}


def test_a_new_thread_may_run_before_its_starter_goes_on() -> None:
    def program() -> list[str]:
        seen: list[str] = []
        thread = threading.Thread(target=seen.append, args=("new",))
        thread.start()
        seen.append("starter")
        thread.join()
        return seen

    assert {tuple(twice(program, seed)) for seed in range(30)} == {("new", "starter"), ("starter", "new")}


def test_a_thread_of_an_actor_goes_on_beside_its_calls_and_dies_with_it() -> None:
    with simactors.simulate():
        host = Host.remote()
        simactors.get(host.count_aside.remote())
        time.sleep(0.55)
        assert simactors.get(host.counted.remote()) == 5
        simactors.kill(host)
        time.sleep(1)


def test_each_process_has_a_main_thread_and_names_and_idents_of_its_own() -> None:
    with simactors.simulate():
        hosts = [Host.remote() for _ in range(2)]
        assert simactors.get([host.who.remote() for host in hosts]) == [("MainThread", True, 1)] * 2
        expected = ["MainThread", "Thread-1 (sleep)", "Thread-2 (sleep)"]
        assert simactors.get([host.names.remote() for host in hosts]) == [expected] * 2
        assert threading.active_count() == 1
        assert threading.main_thread().native_id == threading.get_native_id() == os.getpid()


def test_what_a_thread_raises_goes_to_the_hook_and_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: told.append((args.exc_type, args.thread.name)))
    with simactors.simulate():
        thread = threading.Thread(target=lambda: [][1], name="bad")
        thread.start()
        thread.join(timeout=1)
        assert not thread.is_alive()
        assert simactors.get(double.remote(1)) == 2
    assert told == [(IndexError, "bad")]


def test_joining_waits_in_virtual_time_and_knows_misuse() -> None:
    with simactors.simulate() as sim:
        thread = threading.Thread(target=time.sleep, args=(5,))
        with pytest.raises(RuntimeError, match="before it is started"):
            thread.join()
        thread.start()
        with pytest.raises(RuntimeError, match="only be started once"):
            thread.start()
        thread.join(2)
        assert thread.is_alive()
        assert 2 <= sim.now_s < 2.1
        thread.join()
        assert "stopped" in repr(thread)
        with pytest.raises(RuntimeError, match="current thread"):
            threading.current_thread().join()
    thread.join()
    assert not thread.is_alive()


def test_a_deadlock_of_threads_names_them() -> None:
    def program() -> None:
        locks = threading.Lock(), threading.Lock()

        def take(mine: int) -> None:
            with locks[mine]:
                time.sleep(1)
                with locks[1 - mine]:
                    pass

        for number in (0, 1):
            threading.Thread(target=take, args=(number,), name=f"taker-{number}").start()

    with pytest.raises(DeadlockError) as raised:
        twice(program)
    assert "a circle of 2:" in str(raised.value)
    assert "driver (thread 'taker-0') waits for a lock that thread 'taker-1' has" in str(raised.value)
    assert "driver waits for the end of thread 'taker-0'" in str(raised.value)


def test_thread_local_state_is_each_threads_own() -> None:
    def program() -> list[object]:
        class Inside(threading.local):
            def __init__(self, start: int) -> None:
                self.value = start

            @property
            def twice(self) -> int:
                return 2 * self.value

        plain, inside, seen = threading.local(), Inside(1), list[object]()
        plain.x, inside.value, OWN.value = "main", 7, 6

        def look() -> None:
            seen.append((hasattr(plain, "x"), inside.twice, OWN.value))
            plain.x, inside.value, OWN.value = 1, 2, 3
            time.sleep(1)
            seen.append((plain.x, inside.value, OWN.value, vars(inside)))

        in_threads(look, look)
        assert isinstance(plain, threading.local)
        assert (plain.x, inside.value, OWN.value) == ("main", 7, 6)
        del plain.x
        assert not hasattr(plain, "x")
        return seen

    assert twice(program) == [(False, 2, 5)] * 2 + [(1, 2, 3, {"value": 2})] * 2
    assert OWN.value == 6


def test_timers_barriers_and_conditions_wait_in_virtual_time() -> None:
    def program() -> list[object]:
        seen: list[object] = []
        timer, never = threading.Timer(2, seen.append, ("rang",)), threading.Timer(2, seen.append, ("never",))
        timer.start()
        never.start()
        never.cancel()
        timer.join()
        barrier, condition = threading.Barrier(3), threading.Condition()
        in_threads(*[lambda: seen.append(barrier.wait() >= 0)] * 3)
        with condition:
            seen.append(condition.wait(0.5))
            seen.append(condition.wait_for(lambda: False, 0.5))
        seen.append(threading.Semaphore(0).acquire(timeout=1))
        return [*seen, 3 < time.monotonic() < 5]

    assert twice(program) == ["rang", True, True, True, False, False, False, True]


@pytest.mark.parametrize(
    "kind", [queue.Queue, queue.LifoQueue, queue.PriorityQueue, lambda: queue.SimpleQueue()]
)
def test_queues_hold_up_in_virtual_time(kind: Callable[[], Any]) -> None:
    def program() -> list[object]:
        items, seen = kind(), list[object]()

        def take() -> None:
            seen.extend(items.get() for _ in range(2))

        in_threads(take, take, lambda: [(time.sleep(1), items.put(n)) for n in range(4)])
        with pytest.raises(queue.Empty):
            items.get(timeout=1)
        return seen

    assert sorted(twice(program)) == [0, 1, 2, 3]


def test_executors_run_on_simulated_threads() -> None:
    def program() -> list[object]:
        with futures.ThreadPoolExecutor(2) as pool:
            names = list(
                pool.map(lambda n: (simactors.get(double.remote(n)), threading.current_thread().name), [1, 2])
            )
            slow = [pool.submit(lambda n=n: (time.sleep(n), n)[1]) for n in (3, 1, 2)]
            order = [done.result() for done in futures.as_completed(slow)]
            done, pending = futures.wait([pool.submit(time.sleep, n) for n in (1, 5)], timeout=2)
            with pytest.raises(futures.TimeoutError):
                pool.submit(time.sleep, 5).result(timeout=1)
        assert all(name.startswith("ThreadPoolExecutor-0_") for _, name in names)
        with ThreadPool(3) as threads:
            mapped = threads.map(lambda n: (time.sleep(0.1), n)[1], range(5))
        planned = sched.scheduler(time.monotonic, time.sleep)
        planned.enter(3, 1, order.append, ("late",))
        planned.run()
        return [order, len(done), len(pending), mapped]

    assert twice(program) == [[1, 3, 2, "late"], 1, 1, [0, 1, 2, 3, 4]]


def test_as_many_futures_as_you_like_complete_in_an_order_that_repeats() -> None:
    def program() -> list[int]:
        with futures.ThreadPoolExecutor(8) as pool:
            made = [pool.submit(lambda n=n: n) for n in range(20)]
            futures.wait(made)
            return [done.result() for done in futures.as_completed(made)]

    assert sorted(twice(program)) == list(range(20))


def test_an_executor_that_nobody_waits_for_is_ended_whatever_its_threads_have_done_by_then() -> None:
    for seed in range(40):  # in some of them a thread has done its work, and has not ended yet
        with simulate(seed=seed, config=SimConfig(slack=Slack(), preemption="stores")):
            pool = futures.ThreadPoolExecutor(3)
            futures.wait([pool.submit(int) for _ in range(3)])
            pool.shutdown(wait=False)


def test_executors_of_processes_are_refused_by_name() -> None:
    with simactors.simulate(), pytest.raises(RuntimeError, match="ThreadPoolExecutor"):
        futures.ProcessPoolExecutor(1)


def test_a_run_with_threads_is_the_same_under_another_hash_seed() -> None:
    code = (
        "import threading, time, simactors, concurrent.futures as f\n"
        "with simactors.simulate(seed=3) as sim:\n"
        "    with f.ThreadPoolExecutor() as pool:\n"
        "        made = [pool.submit(time.sleep, n % 3) for n in range(9)]\n"
        "        print([made.index(x) for x in f.as_completed(made)])\n"
        "        print([t.name for t in threading.enumerate()])\n"
        "print(sim.digest)\n"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert found[0] == found[1]


def test_threads_of_the_driver_are_joined_by_shutdown_too() -> None:
    done: list[float] = []
    simactors.init(backend="sim", num_cpus=2)
    try:
        threading.Thread(target=lambda: (time.sleep(2), done.append(time.monotonic()))).start()
        threading.Thread(target=lambda: (time.sleep(9), done.append(9)), daemon=True).start()
    finally:
        simactors.shutdown()
    assert done == [2]


def test_shutdown_does_not_wait_for_the_threads_of_a_run_that_has_failed() -> None:
    simactors.init(backend="sim", num_cpus=2)
    try:
        threading.Thread(target=threading.Lock().acquire).start()
        stuck = threading.Lock()
        stuck.acquire()
        threading.Thread(target=stuck.acquire).start()
        with pytest.raises(simactors.exceptions.DeadlockError):
            stuck.acquire()
    finally:
        simactors.shutdown()


PROGRAM = """
import os, sys, threading, time
import simactors

simactors.init(backend="sim", num_cpus=2)

@simactors.remote
def double(x):
    time.sleep(3)
    return 2 * x

def body():
    print(simactors.get(double.remote(21)), flush=True)
    {then}

threading.Thread(target=body).start()
{main}
print("the main code has ended", flush=True)
"""


@pytest.mark.parametrize(
    ("then", "main", "code", "printed"),
    [
        ("", "", 0, "the main code has ended 42"),
        ("os._exit(5)", "time.sleep(100)", 5, "42"),
        ("os._exit(5)", "", 5, "the main code has ended 42"),
        ("", "raise KeyError", 1, "42"),
    ],
)
def test_the_interpreter_ends_after_the_threads_of_its_program(
    then: str, main: str, code: int, printed: str
) -> None:
    text = PROGRAM.format(then=then, main=main)
    ended = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.stdout.split(), ended.returncode) == (printed.split(), code), ended.stderr


def test_what_is_left_of_a_time_out_is_over_some_day() -> None:
    for seed in range(30):
        with simactors.simulate(seed):
            time.sleep(0.0137 * seed)  # so that the clock and 0.1 s more are no whole number of nanoseconds
            with pytest.raises(queue.Empty):
                queue.Queue[int]().get(timeout=0.1)


def test_futures_are_locked_in_the_order_in_which_they_were_made_not_by_address() -> None:
    with simactors.simulate():
        made = [futures.Future[int]() for _ in range(60)]
        kept = made[::2]
        del made
        kept += [futures.Future[int]() for _ in range(30)]  # in the places of those that are gone
        assert futures._base._AcquireFutures(set(kept)).futures == kept  # type: ignore[attr-defined]


def test_tools_are_told_the_real_threads_while_a_simulation_is_open():
    tool: dict[str, object] = {"__name__": "pytest_timeout"}
    exec("import threading\ndef ask(): return threading.current_thread(), threading.main_thread()", tool)
    before = threading.current_thread(), threading.main_thread()
    with simactors.simulate():
        assert tool["ask"]() == before

"""Faults of connections, of time, and of what stands still: what they do, and that they do nothing when they are off.

As `test_faults.py`. Zombies are the hard part: processes that the cluster takes for dead run on until they hear of it,
so a call may run twice, but it is answered once.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

import simactors
from simactors import exceptions
from simactors.core.fault_plan import (
    CrashNode,
    CrashProcess,
    Cut,
    DelayCall,
    FailCall,
    Fault,
    FaultPlan,
    JumpClock,
    LoseObject,
    Partition,
    Pause,
    SlowNode,
)
from simactors.sim.config import NodeConfig, SimConfig
from simactors.sim.distributions import Constant
from simactors.util.scheduling_strategies import NodeAffinitySchedulingStrategy

TWO = SimConfig(share_globals=True, nodes=(NodeConfig(count=2),))
THREE = SimConfig(share_globals=True, nodes=(NodeConfig(zone="a"), NodeConfig(zone="b", count=2)))
RUNS: list[Any] = []  # what has run, in simulated processes too: they share this module's memory


@pytest.fixture(autouse=True)
def _forget_runs() -> None:
    RUNS.clear()


def on(number: int, *, soft: bool = False) -> Any:
    return NodeAffinitySchedulingStrategy(node_id=f"{number:056x}", soft=soft)


def asked(ref: Any) -> Any:
    """What a call returns, or the name of what it raises."""
    try:
        return simactors.get(ref)
    except exceptions.RayError as error:
        return type(error).__name__


@simactors.remote
class Counter:
    def __init__(self) -> None:
        self.count = 0

    def add(self) -> int:
        self.count += 1
        RUNS.append(self.count)
        return self.count

    def slow_add(self, seconds: float) -> int:
        time.sleep(seconds)
        return self.add()

    def stream(self) -> Any:
        for number in range(3):
            RUNS.append(number)
            yield number

    def where(self) -> int:
        return int(simactors.get_runtime_context().get_node_id(), 16)

    def forward(self, other: Any, seconds: float) -> None:
        time.sleep(seconds)
        simactors.get(other.add.remote())


@simactors.remote
def work(seconds: float = 0.0) -> float:
    time.sleep(seconds)
    RUNS.append("work")
    return time.monotonic()


# Pauses


def test_a_paused_process_does_nothing_for_a_while_and_then_goes_on(results):
    def program() -> list[float]:
        counter, other = Counter.remote(), Counter.remote()
        simactors.get([counter.add.remote(), other.add.remote()])
        time.sleep(1.5)
        found = []
        for actor in (other, counter):
            assert simactors.get(actor.add.remote()) == 2
            found.append(round(time.monotonic(), 1))
        return found

    assert results(program) == [[1.5, 1.5]] * 4
    assert results(program, Pause(process="Counter#1", at_s=1, for_s=3)) == [[1.5, 4.0]] * 4
    # Two that overlap: it goes on when both are over.
    overlapping = Pause(process="Counter#1", at_s=1, for_s=3), Pause(process="actor-1", at_s=2, for_s=4)
    assert results(program, *overlapping) == [[1.5, 6.0]] * 4


@pytest.mark.parametrize("kind", ["plain", "threads", "async"])
def test_a_pause_holds_code_that_sleeps_and_calls_that_wait(results, kind):
    class Plain:
        def nap(self, seconds: float) -> float:
            time.sleep(seconds)
            return time.monotonic()

    class Async:
        async def nap(self, seconds: float) -> float:
            import asyncio

            await asyncio.sleep(seconds)
            return time.monotonic()

    cls: Any = simactors.remote(Async if kind == "async" else Plain)

    def program() -> list[float]:
        actor = cls.options(max_concurrency=3 if kind == "threads" else None).remote()
        refs = [actor.nap.remote(1.5), actor.nap.remote(0.5)]
        return [round(at, 1) for at in simactors.get(refs)]

    plain = kind == "plain"
    assert results(program) == [[1.5, 2.0 if plain else 0.5]] * 4
    found = results(program, Pause(process="actor-1", at_s=1, for_s=3))
    assert found == [[4.0, 4.5 if plain else 0.5]] * 4


def test_a_node_that_stands_still_for_a_short_time_is_only_late(results):
    def program() -> list[Any]:
        counter = Counter.options(scheduling_strategy=on(2)).remote()
        simactors.get(counter.add.remote())
        time.sleep(1.5)
        task = work.options(scheduling_strategy=on(2)).remote()  # in a process that starts meanwhile
        return [asked(counter.add.remote()), round(simactors.get(task), 1)]

    assert results(program, config=TWO) == [[2, 1.5]] * 4
    assert results(program, Pause(node="node-2", at_s=1, for_s=3), config=TWO) == [[2, 4.0]] * 4


def test_a_node_that_stands_still_for_too_long_is_declared_dead(results):
    def program() -> list[Any]:
        counter = Counter.options(max_restarts=1, scheduling_strategy=on(2, soft=True)).remote()
        simactors.get(counter.add.remote())
        time.sleep(10)
        return [asked(counter.add.remote()), simactors.get(counter.where.remote())]

    assert results(program, config=TWO) == [[2, 2]] * 4
    assert results(program, Pause(node="node-2", at_s=1, for_s=20), config=TWO) == [[1, 1]] * 4


def test_work_does_not_go_on_while_its_process_stands_still(results):
    config = SimConfig(service_times={"work": Constant(2.0)}, share_globals=True)

    def program() -> float:
        return round(simactors.get(work.remote()), 1)

    assert results(program, config=config) == [2.0] * 4
    assert results(program, Pause(process="work", at_s=1, for_s=5), config=config) == [7.0] * 4
    assert results(program, Pause(node="node-1", at_s=1, for_s=5), config=config) == [7.0] * 4


def test_the_driver_can_stand_still_too(results):
    def program() -> float:
        time.sleep(2)
        return time.monotonic()

    assert results(program) == [2.0] * 4
    assert results(program, Pause(process="driver", at_s=1, for_s=5)) == [6.0] * 4
    assert results(program, Pause(process="*", at_s=1, for_s=5)) == [2.0] * 4


def test_a_cancelled_task_that_stands_still_meets_it_when_it_goes_on(results):
    def program() -> list[Any]:
        ref = work.remote(3.0)
        time.sleep(2)
        simactors.cancel(ref)
        return [asked(ref), round(time.monotonic(), 1)]

    assert results(program) == [["RayTaskError(TaskCancelledError)", 3.0]] * 4
    pause = Pause(process="work", at_s=1, for_s=5)
    assert results(program, pause) == [["RayTaskError(TaskCancelledError)", 6.0]] * 4


# Slow nodes and clocks


def test_a_slow_node_takes_longer_for_its_work_as_long_as_it_is_slow(results):
    config = SimConfig(service_times={"work": Constant(2.0)}, share_globals=True)

    def program() -> float:
        return round(simactors.get(work.remote()), 1)

    assert results(program, config=config) == [2.0] * 4
    assert results(program, SlowNode(node="node-1", factor=3), config=config) == [6.0] * 4
    # 1 s at full speed, 3 s for one of the other, and then the rest.
    assert results(program, SlowNode(node="node-1", factor=6, at_s=1, for_s=3), config=config) == [4.5] * 4
    twice = [SlowNode(node="node-1", factor=2), SlowNode(node="*", factor=2, for_s=4)]
    assert results(program, *twice, config=config) == [6.0] * 4


def test_the_clock_of_a_node_jumps_and_only_the_time_of_day_shows_it(results):
    @simactors.remote
    def clock() -> tuple[float, float]:
        return round(time.time() - SimConfig().epoch_s, 1), round(time.monotonic(), 1)

    def program() -> list[Any]:
        time.sleep(2)
        return [simactors.get(clock.options(scheduling_strategy=on(n)).remote()) for n in (1, 2)]

    assert results(program, config=TWO) == [[(2.0, 2.0), (2.0, 2.0)]] * 4
    assert (
        results(program, JumpClock(node="node-2", by_s=-60, at_s=1), config=TWO)
        == [[(2.0, 2.0), (-58.0, 2.0)]] * 4
    )


# Cuts and partitions


def calls_at(seconds: float) -> list[Any]:
    """A call of an actor on node 2 at a time: what it came to, and when."""
    counter = Counter.options(scheduling_strategy=on(2)).remote()
    simactors.get(counter.add.remote())
    time.sleep(seconds - time.monotonic())
    answer = asked(counter.add.remote())
    return [answer, round(time.monotonic(), 1)]


@pytest.mark.parametrize(
    "cut",
    [
        Cut(source="node-1", target="node-2", at_s=1, for_s=3),
        Cut(source="node-2", target="node-1", at_s=1, for_s=3),
        Cut(source="b", target="a", at_s=1, for_s=3),
        Cut(source="node-*", target="node-*", at_s=1, for_s=3),
        Cut(source="node-1", target="b", at_s=1, for_s=3, both_ways=True),
        Partition(groups=(("node-2",),), at_s=1, for_s=3),
        Partition(groups=(("a",), ("node-2", "node-3")), at_s=1, for_s=3),
    ],
    ids=str,
)
def test_a_short_cut_is_a_delay(results, cut):
    assert results(lambda: calls_at(2), cut, config=THREE) == [[2, 4.0]] * 4
    assert results(lambda: calls_at(2), config=THREE) == [[2, 2.0]] * 4
    assert results(lambda: calls_at(5), cut, config=THREE) == [[2, 5.0]] * 4


@pytest.mark.parametrize(
    "cut",
    [
        Cut(source="node-1", target="node-3", at_s=1, for_s=30, both_ways=True),
        Cut(source="node-2", target="node-3", at_s=1, for_s=30, both_ways=True),
        Partition(groups=(("node-3",),), at_s=1, for_s=3),
    ],
    ids=str,
)
def test_a_cut_elsewhere_changes_nothing(results, cut):
    assert results(lambda: calls_at(2), cut, config=THREE) == [[2, 2.0]] * 4


def test_two_short_cuts_in_a_row_are_one_long_silence(results):
    cuts = [Cut(source="node-2", target="node-1", at_s=at, for_s=3) for at in (1, 4)]
    assert results(lambda: calls_at(2), *cuts, config=THREE) == [["ActorDiedError", 6.0]] * 4
    apart = [Cut(source="node-2", target="node-1", at_s=at, for_s=3) for at in (1, 4.5)]
    assert results(lambda: calls_at(2), *apart, config=THREE) == [[2, 4.0]] * 4


LONG = Partition(groups=(("node-2",),), at_s=1, for_s=20)


def test_behind_a_long_partition_an_actor_starts_again_elsewhere(results):
    def program() -> list[Any]:
        counter = Counter.options(max_restarts=1, scheduling_strategy=on(2, soft=True)).remote()
        simactors.get([counter.add.remote() for _ in range(3)])
        time.sleep(2)
        found = [asked(counter.add.remote()), round(time.monotonic(), 1)]
        time.sleep(5)
        return [*found, asked(counter.add.remote()), simactors.get(counter.where.remote())]

    assert results(program, config=TWO) == [[4, 2.0, 5, 2]] * 4
    assert results(program, LONG, config=TWO) == [["ActorUnavailableError", 6.0, 1, 1]] * 4


def test_a_zombie_runs_on_and_its_answer_is_nobodys(results):
    """The call runs in both processes; who made it hears of the second one only, once."""

    def program() -> list[Any]:
        counter = Counter.options(
            max_restarts=1, max_task_retries=1, scheduling_strategy=on(2, soft=True)
        ).remote()
        simactors.get([counter.add.remote() for _ in range(9)])
        RUNS.clear()
        answer = simactors.get(counter.slow_add.remote(8))
        time.sleep(30)
        return [answer, list(RUNS), asked(counter.add.remote())]

    assert results(program, config=TWO) == [[10, [10], 11]] * 4
    assert results(program, LONG, config=TWO) == [[1, [10, 1], 2]] * 4


def test_a_zombie_ends_when_it_hears_that_it_is_taken_for_dead(results):
    def program() -> list[Any]:
        counter = Counter.options(
            max_restarts=1, max_task_retries=1, scheduling_strategy=on(2, soft=True)
        ).remote()
        simactors.get([counter.add.remote() for _ in range(9)])
        RUNS.clear()
        answer = simactors.get(counter.slow_add.remote(25))
        time.sleep(30)
        return [answer, list(RUNS)]

    assert results(program, config=TWO) == [[10, [10]]] * 4
    assert results(program, LONG, config=TWO) == [[1, [1]]] * 4


@pytest.mark.parametrize("ending", ["raise", "exit", "os_exit", "child", "task"])
def test_whatever_a_zombie_does_at_its_end_is_nobodys_business(results, ending):
    @simactors.remote
    class Zombie:
        def end(self, how: str) -> str:
            import os

            time.sleep(8)
            RUNS.append(how)
            if how == "raise":
                raise ValueError
            if how == "exit":
                simactors.exit_actor()
            if how == "os_exit" and len(RUNS) == 1:
                os._exit(1)
            if how == "child":
                Counter.remote().add.remote()
            if how == "task":
                simactors.get(work.remote())
            return how

    def program() -> list[Any]:
        RUNS.clear()
        options = {"max_restarts": 1, "max_task_retries": 1, "scheduling_strategy": on(2, soft=True)}
        zombie = Zombie.options(**options).remote()
        answer = asked(zombie.end.remote(ending))
        time.sleep(30)
        return [answer, RUNS.count(ending)]

    answers = {"raise": "RayTaskError(ValueError)", "exit": "ActorDiedError"}
    assert results(program, LONG, config=TWO) == [[answers.get(ending, ending), 2]] * 4


def test_a_zombies_calls_arrive_and_change_others(results):
    """Both incarnations forward: the first one's message is held back by the partition, and arrives after it."""

    def program() -> int:
        counter = Counter.options(scheduling_strategy=on(1)).remote()
        other = Counter.options(
            max_restarts=1, max_task_retries=1, scheduling_strategy=on(2, soft=True)
        ).remote()
        simactors.get(other.forward.remote(counter, 8))
        time.sleep(40)
        return simactors.get(counter.add.remote())

    assert results(program, config=TWO) == [2] * 4
    assert results(program, LONG, config=TWO) == [3] * 4


def test_a_task_behind_a_partition_runs_again_elsewhere(results):
    def program() -> list[Any]:
        RUNS.clear()
        at = simactors.get(work.options(scheduling_strategy=on(2, soft=True)).remote(8))
        time.sleep(30)
        return [round(at), len(RUNS)]

    assert results(program, config=TWO) == [[8, 1]] * 4
    assert results(program, LONG, config=TWO) == [[14, 2]] * 4


def test_a_large_object_comes_after_the_cut_or_is_made_again_after_detection(results):
    @simactors.remote
    def make() -> bytes:
        RUNS.append("make")
        return b"x" * 200_000

    def program() -> list[Any]:
        RUNS.clear()
        ref = make.options(scheduling_strategy=on(2, soft=True)).remote()
        simactors.wait([ref])
        time.sleep(2 - time.monotonic())
        size = len(simactors.get(ref))
        return [size, round(time.monotonic(), 1), len(RUNS)]

    assert results(program, config=TWO) == [[200_000, 2.0, 1]] * 4
    short = Partition(groups=(("node-2",),), at_s=1, for_s=3)
    assert results(program, short, config=TWO) == [[200_000, 4.0, 1]] * 4
    assert results(program, LONG, config=TWO) == [[200_000, 6.0, 2]] * 4
    crash = CrashNode(node="node-2", at_s=1)
    assert results(program, crash, config=TWO) == [[200_000, 6.0, 2]] * 4


# Broken connections


def adds(**options: Any) -> list[Any]:
    RUNS.clear()
    counter = Counter.options(**options).remote()
    return [[asked(counter.add.remote()) for _ in range(3)], len(RUNS)]


@pytest.mark.parametrize(
    ("lost", "answers", "runs"),
    [("request", [1, "ActorUnavailableError", 2], 2), ("reply", [1, "ActorUnavailableError", 3], 3)],
)
def test_a_call_fails_with_its_connection_and_the_actor_lives_on(results, lost, answers, runs):
    assert results(adds) == [[[1, 2, 3], 3]] * 4
    fault = FailCall(call="Counter.add", lost=lost, nth=2)
    assert results(adds, fault) == [[answers, runs]] * 4


@pytest.mark.parametrize(("lost", "answers", "runs"), [("request", [1, 2, 3], 3), ("reply", [1, 3, 4], 4)])
def test_a_call_that_may_be_retried_is_made_again(results, lost, answers, runs):
    fault = FailCall(call="Counter.add", lost=lost, nth=2)
    assert results(lambda: adds(max_task_retries=1), fault) == [[answers, runs]] * 4


def test_a_late_call_runs_though_its_caller_has_given_it_up(results):
    fault = FailCall(call="Counter.add", lost="late", nth=2)
    for answers, runs in results(adds, fault):
        assert answers[:2] == [1, "ActorUnavailableError"]
        assert answers[2] in (2, 3)  # which of them comes first
        assert runs == 3 or answers[2] == 2
    for answers, runs in results(lambda: adds(max_task_retries=1), fault):
        assert answers in ([1, 2, 4], [1, 3, 4], [1, 2, 3])
        assert runs in (3, 4)


def test_without_retries_no_broken_connection_makes_a_call_run_twice(results):
    def program() -> bool:
        RUNS.clear()
        counter = Counter.remote()
        refs = [counter.add.remote() for _ in range(30)]
        tasks = [work.options(max_retries=0).remote() for _ in range(30)]
        found = [asked(ref) for ref in [*refs, *tasks]]
        time.sleep(1)
        assert RUNS.count("work") <= 30
        assert len(RUNS) <= 60
        assert len(found) == 60
        return any(isinstance(answer, str) for answer in found)

    for lost in ("request", "reply", "late"):
        assert results(program, FailCall(call="*", lost=lost, probability=0.3)) == [True] * 4
    assert results(program, FailCall(call="*", probability=0.0)) == [False] * 4


@pytest.mark.parametrize("lost", ["request", "reply", "late"])
def test_the_connection_to_a_task_breaks(results, lost):
    def program(**options: Any) -> list[Any]:
        RUNS.clear()
        answer = asked(work.options(**options).remote())
        time.sleep(1)
        return ["WorkerCrashedError" if answer == "WorkerCrashedError" else "done", len(RUNS)]

    fault = FailCall(call="work", lost=lost, nth=1)
    runs = 0 if lost == "request" else 1
    assert results(lambda: program(max_retries=0), fault) == [["WorkerCrashedError", runs]] * 4
    assert results(program, fault) == [["done", runs + 1]] * 4
    assert results(program) == [["done", 1]] * 4


@pytest.mark.parametrize("lost", ["request", "reply", "late"])
def test_a_stream_gives_each_item_once_whatever_becomes_of_its_connection(results, lost):
    def program() -> list[Any]:
        counter = Counter.options(max_task_retries=1).remote()
        return [simactors.get(ref) for ref in counter.stream.options(num_returns="streaming").remote()]

    assert results(program, FailCall(call="Counter.stream", lost=lost, nth=1)) == [[0, 1, 2]] * 4


def test_a_chance_of_nought_or_one_is_certain(results):
    never = FailCall(call="Counter.add", probability=0.0)
    assert results(adds, never) == [[[1, 2, 3], 3]] * 4
    always = FailCall(call="Counter.add", probability=1.0)
    assert results(adds, always) == [[["ActorUnavailableError"] * 3, 0]] * 4
    assert results(lambda: adds(max_task_retries=3), always) == [[["ActorUnavailableError"] * 3, 0]] * 4


def test_connections_break_in_their_time_only(results):
    def program() -> list[Any]:
        counter = Counter.remote()
        answers = []
        for _ in range(3):
            answers.append(asked(counter.add.remote()))
            time.sleep(1)
        return answers

    second = FailCall(call="Counter.add", at_s=0.5, for_s=1)
    assert results(program, second) == [[1, "ActorUnavailableError", 2]] * 4
    assert (
        results(program, FailCall(call="Counter.add", nth=1, at_s=1.5))
        == [[1, 2, "ActorUnavailableError"]] * 4
    )


# Late calls


def in_order_of_arrival(*faults: str) -> list[Any]:
    """What two callers add, in the order of arrival, and after how many seconds all of it is there."""

    @simactors.remote
    class Log:
        def __init__(self) -> None:
            self.seen: list[str] = []

        def add(self, what: str) -> None:
            self.seen.append(what)

        def read(self) -> list[str]:
            return self.seen

    @simactors.remote
    def other(log: Any) -> None:
        time.sleep(0.1)
        simactors.get(log.add.remote("other"))

    log = Log.remote()
    mine = [log.add.remote(f"mine {i}") for i in range(3)]
    simactors.get([other.remote(log), *mine])
    return [simactors.get(log.read.remote()), round(time.monotonic(), 1)]


def test_a_late_call_holds_up_those_behind_it_and_nobody_else(results):
    mine = ["mine 0", "mine 1", "mine 2"]
    assert results(in_order_of_arrival) == [[[*mine, "other"], 0.1]] * 4
    late = DelayCall(call="Log.add", by_s=5, nth=2)
    assert results(in_order_of_arrival, late) == [[["mine 0", "other", "mine 1", "mine 2"], 5.0]] * 4
    twice = DelayCall(call="Log.*", by_s=2, nth=1), DelayCall(call="*", by_s=1, at_s=0.05)
    ((seen, passed_s), *others) = results(in_order_of_arrival, *twice)
    assert (seen, passed_s) == (["other", *mine], 3.0)  # the reading itself is late, too
    assert others == [[seen, passed_s]] * 3


def test_calls_are_late_in_their_time_and_by_chance(results):
    def late(**options: Any) -> list[Any]:
        return results(in_order_of_arrival, DelayCall(call="Log.add", by_s=5, **options))

    assert late(at_s=1) == late(probability=0.0) == results(in_order_of_arrival)
    assert [passed_s for _, passed_s in late(for_s=0.05)] == [5.0] * 4
    assert len({str(seen) for seen, _ in late(probability=0.3)}) > 1


def test_a_task_is_late(results):
    def program() -> float:
        simactors.get(work.remote())
        return round(time.monotonic(), 1)

    assert results(program, DelayCall(call="work", by_s=2, nth=1)) == [2.0] * 4


# Objects


def test_an_object_whose_copies_are_lost_is_made_again_if_a_task_made_it(results):
    @simactors.remote
    def make(number: int) -> int:
        RUNS.append(number)
        return number

    def program() -> list[Any]:
        RUNS.clear()
        found = [asked(make.remote(n)) for n in range(3)]
        return [found, list(RUNS)]

    assert results(program) == [[[0, 1, 2], [0, 1, 2]]] * 4
    assert results(program, LoseObject(of="make", nth=2)) == [[[0, 1, 2], [0, 1, 1, 2]]] * 4


def test_a_lost_argument_is_made_again_though_the_task_that_needs_it_holds_the_only_cpu(results):
    @simactors.remote
    def make(base: int) -> int:
        RUNS.append(base)
        return base + 1

    def program() -> list[Any]:
        RUNS.clear()
        return [simactors.get(make.remote(make.remote(make.remote(0)))), sorted(RUNS)]

    one = SimConfig(num_cpus=1, share_globals=True)
    assert results(program, config=one) == [[3, [0, 1, 2]]] * 4
    lost = [LoseObject(of="make", nth=n) for n in (1, 2)]
    assert results(program, *lost, config=one)[0][0] == 3


def test_objects_that_nothing_can_make_again_are_lost(results):
    def program() -> list[Any]:
        counter = Counter.remote()
        values = [asked(simactors.put(5)), asked(counter.add.remote()), asked(counter.add.remote())]
        return [*values, asked(work.options(max_retries=0).remote())]

    faults = [LoseObject(of="put()"), LoseObject(of="Counter.add", nth=2), LoseObject(of="work")]
    failed = "ObjectReconstructionFailedError"
    assert results(program, *faults) == [["ObjectLostError", 1, failed, failed]] * 4


# What can't be


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            CrashNode(node="node-9", at_s=1),
            r"CrashNode\(node='node-9'.*names no node or zone.*node-1 \(zone a\)",
        ),
        (CrashNode(node="node-1", at_s=1), "without the head"),
        (CrashNode(node="a", at_s=1), "without the head"),
        (CrashProcess(process="driver", at_s=1), "the driver is the program itself"),
        (Pause(node="c", at_s=1, for_s=1), "names no node or zone of this cluster: 'c'"),
        (SlowNode(node="Node-1", factor=2), "names no node"),
        (JumpClock(node="node-4", by_s=1), "names no node"),
        (Cut(source="node-1", target="node-0", at_s=1, for_s=1), "'node-0'"),
        (Cut(source="node-2", target="node-2", at_s=1, for_s=1), "no node is ever cut off from itself"),
        (Partition(groups=(("node-1",), ("x",)), at_s=1, for_s=1), "'x'"),
        (Partition(groups=(("*",),), at_s=1, for_s=1), "all nodes are in one group"),
    ],
    ids=str,
)
def test_a_fault_that_can_not_be_is_refused_at_the_start(fault: Fault, message: str) -> None:
    real_sleep = time.sleep
    with (
        pytest.raises(ValueError, match=message),
        simactors.simulate(config=THREE, faults=FaultPlan((fault,))),
    ):
        pass
    assert time.sleep is real_sleep
    with simactors.simulate(config=THREE):
        pass


def test_a_node_that_will_come_back_may_be_named() -> None:
    back = CrashNode(node="node-2", at_s=1, back_after_s=1)
    with simactors.simulate(config=THREE, faults=FaultPlan((back, CrashNode(node="node-4", at_s=3)))):
        time.sleep(15)
        assert [node["Alive"] for node in simactors.nodes()] == [True, False, True, False]


def test_wildcards_spare_the_head(results):
    def program() -> list[bool]:
        time.sleep(10)
        return [node["Alive"] for node in simactors.nodes()]

    assert results(program, CrashNode(node="*", at_s=1), config=THREE) == [[True, False, False]] * 4


@pytest.mark.parametrize(
    "make",
    [
        lambda: CrashProcess(),
        lambda: CrashProcess(at_s=1, before_call=1),
        lambda: CrashProcess(before_call=0),
        lambda: CrashNode(node="node-1", at_s=-1),
        lambda: Pause(at_s=1, for_s=1),
        lambda: SlowNode(node="node-1", factor=0),
        lambda: FailCall(call="*", lost="both"),
        lambda: FailCall(call="*", probability=1.1),
        lambda: FailCall(call="*", nth=0),
        lambda: FailCall(call="*", for_s=-1),
        lambda: DelayCall(call="*", by_s=-1),
        lambda: DelayCall(call="*", by_s=1, nth=0),
        lambda: DelayCall(call="*", by_s=1, probability=2),
        lambda: LoseObject(of="*", nth=0),
        lambda: Cut(source="*", target="*", at_s=1, for_s=-1),
        lambda: Cut(source="*", target="*", at_s=float("nan"), for_s=1),
    ],
)
def test_faults_check_their_values(make: Any) -> None:
    with pytest.raises(ValueError, match="needs"):
        make()


def test_each_fault_writes_a_record() -> None:
    faults = (
        CrashProcess(process="Counter#1", at_s=1),
        CrashNode(node="node-3", at_s=1, back_after_s=1),
        Pause(process="Counter#2", at_s=1, for_s=1),
        SlowNode(node="node-2", factor=2, at_s=1, for_s=1),
        Cut(source="node-2", target="node-3", at_s=1, for_s=1),
        Partition(groups=(("node-2",),), at_s=3, for_s=1),
        FailCall(call="Counter.add", nth=1),
        DelayCall(call="Counter.add", by_s=1),
        LoseObject(of="work"),
        JumpClock(node="node-2", by_s=5, at_s=1),
    )
    with simactors.simulate(config=THREE, faults=FaultPlan(faults)) as sim:
        counters = [Counter.remote() for _ in range(2)]
        asked(counters[0].add.remote())
        simactors.get(work.remote())
        time.sleep(5)
        told = [f"{r.process}: {r.what}" for r in sim.last_records(1000) if r.kind == "fault"]
    for expected in (
        "actor-1: its process crashes",
        "node-3: the machine stops",
        "node-3: its machine comes back",
        "actor-2: its process stands still",
        "node-2: works 2 times as long",
        "network: node-2 -> node-3 is cut",
        "network: healed: node-2 -> node-3 is cut",
        "network: partition node-2",
        "driver: broken connection: request of Counter.add",
        "driver: delay of Counter.add by 1 s",
        "store: every copy of a value of work is lost",
        "node-2: its clock is set by +5s",
    ):
        assert any(line.startswith(expected) for line in told), (expected, told)

"""`cancel`: what it does to calls in every state, and what the code under way sees of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import simactors


@simactors.remote
class Gate:
    """Holds calls until it is opened, and takes notes."""

    def __init__(self) -> None:
        self.notes: list[Any] = []
        self.opened = False

    def note(self, what: Any) -> None:
        self.notes.append(what)

    def read(self) -> list[Any]:
        return self.notes

    def keep(self, refs: list[Any]) -> None:
        self.kept = refs
        self.notes.append("keeps it")

    def give(self) -> list[Any]:
        return self.kept

    def has(self, what: Any) -> bool:
        return what in self.notes

    def has_beginning(self, what: str) -> bool:
        return any(note.startswith(what) for note in self.notes)

    def open(self) -> None:
        self.opened = True

    def is_open(self) -> bool:
        return self.opened


def pass_through(gate: Any, name: str) -> str:
    """Waits for the gate with many short steps, in each of which it may be interrupted."""
    simactors.get(gate.note.remote(f"{name} starts"))
    while not simactors.get(gate.is_open.remote()):
        time.sleep(0.01)
    simactors.get(gate.note.remote(f"{name} ends"))
    return name


@simactors.remote
def work(gate: Any, name: str = "work") -> str:
    try:
        return pass_through(gate, name)
    except BaseException as error:
        simactors.get(gate.note.remote(f"{name}: {type(error).__name__}"))
        raise


@simactors.remote
def stubborn(gate: Any) -> str:
    try:
        return pass_through(gate, "stubborn")
    except KeyboardInterrupt:
        return "caught it"


@simactors.remote(num_returns=2)
def pair(gate: Any) -> tuple[str, int]:
    return pass_through(gate, "pair"), 2


@simactors.remote
def parent(gate: Any) -> Any:
    child = work.remote(gate, "child")
    try:
        simactors.get(gate.keep.remote([child]))
        return simactors.get(child)
    except BaseException as error:
        simactors.get(gate.note.remote(f"parent: {type(error).__name__}"))
        raise


@simactors.remote
def count_for_ever(gate: Any) -> Iterator[int]:
    i = 0
    while not simactors.get(gate.is_open.remote()):
        yield i
        i += 1
        time.sleep(0.01)


@simactors.remote
def ask_whether_canceled() -> bool:
    return simactors.get_runtime_context().is_canceled()


@simactors.remote
class Worker:
    """A plain actor."""

    def __init__(self, gate: Any) -> None:
        self.gate = gate

    def work(self, name: str = "work") -> str:
        return pass_through(self.gate, name)

    def take(self, x: Any = None) -> Any:
        simactors.get(self.gate.note.remote("took"))
        return x

    def work_until_canceled(self) -> str:
        simactors.get(self.gate.note.remote("starts"))
        while not simactors.get_runtime_context().is_canceled():
            time.sleep(0.01)
        simactors.get(self.gate.note.remote("knows"))
        return "ends"

    def wait_for(self, refs: list[Any]) -> Any:
        try:
            simactors.get(self.gate.note.remote("waits"))
            return simactors.get(refs[0])
        except BaseException as error:
            simactors.get(self.gate.note.remote(f"waiting: {type(error).__name__}"))
            raise

    def count_for_ever(self) -> Iterator[int]:
        i = 0
        while not simactors.get(self.gate.is_open.remote()):
            yield i
            i += 1
            time.sleep(0.01)


@simactors.remote
class Loop:
    """An async actor."""

    def __init__(self, gate: Any) -> None:
        self.gate = gate

    async def work(self, name: str = "work", then: str = "raise") -> str:
        try:
            await self.gate.note.remote(f"{name} starts")
            while not await self.gate.is_open.remote():
                await asyncio.sleep(0.01)
        except BaseException as error:
            await self.gate.note.remote(f"{name}: {type(error).__name__}")
            if then == "return":
                return "suppressed"
            if then == "fail":
                raise KeyError("k") from None
            raise
        await self.gate.note.remote(f"{name} ends")
        return name

    def block(self) -> str:
        return pass_through(self.gate, "block")

    async def read_state(self) -> str:
        return "alive"

    async def parent(self, other: Any) -> Any:
        return await other.work.remote("child")

    async def parent_of_task(self) -> Any:
        return await work.remote(self.gate, "child")

    async def wait_for(self, refs: list[Any]) -> Any:
        await self.gate.note.remote("waits")
        return await refs[0]

    async def count_for_ever(self) -> AsyncIterator[int]:
        i = 0
        try:
            while True:
                yield i
                i += 1
                await asyncio.sleep(0.01)
        finally:
            await self.gate.note.remote("closed")

    async def ask_whether_canceled(self) -> bool:
        return simactors.get_runtime_context().is_canceled()


def until_noted(gate: Any, what: Any) -> None:
    for _ in range(1000):
        if simactors.get(gate.has.remote(what)):
            return
        time.sleep(0.01)
    raise AssertionError(f"{simactors.get(gate.read.remote())}, never {what}")


def until_begun(gate: Any, what: str) -> None:
    """Waits for a note that begins so: what hits a child may be an interruption or the end of its own child."""
    for _ in range(1000):
        if simactors.get(gate.has_beginning.remote(what)):
            return
        time.sleep(0.01)
    raise AssertionError(f"{simactors.get(gate.read.remote())}, never {what}")


def running(gate: Any, ref: Any, name: str = "work") -> Any:
    until_noted(gate, f"{name} starts")
    return ref


def raised_by(ask: Callable[[], Any]) -> str:
    with pytest.raises(simactors.exceptions.TaskCancelledError) as raised:
        ask()
    return type(raised.value).__name__


def test_a_running_task_is_interrupted(ray: ModuleType) -> None:
    gate = Gate.remote()
    ref = running(gate, work.remote(gate))
    assert ray.cancel(ref, recursive=False) is None
    assert raised_by(lambda: ray.get(ref)) == "RayTaskError(TaskCancelledError)"
    assert ray.get(gate.read.remote()) == ["work starts", "work: KeyboardInterrupt"]


def test_a_task_may_catch_its_interruption(ray: ModuleType) -> None:
    gate = Gate.remote()
    ref = running(gate, stubborn.remote(gate), "stubborn")
    ray.cancel(ref, recursive=False)
    assert ray.get(ref) == "caught it"


def test_force_kills_the_worker_and_no_retry_follows(ray: ModuleType) -> None:
    gate = Gate.remote()
    ref = running(gate, work.options(max_retries=5).remote(gate))
    ray.cancel(ref, force=True)
    assert raised_by(lambda: ray.get(ref)) == "TaskCancelledError"
    time.sleep(0.1)
    assert ray.get(gate.read.remote()) == ["work starts"]


def test_a_cancelled_task_is_not_retried(ray: ModuleType) -> None:
    gate = Gate.remote()
    ref = running(gate, work.options(max_retries=5, retry_exceptions=True).remote(gate))
    ray.cancel(ref, recursive=False)
    assert raised_by(lambda: ray.get(ref)) == "RayTaskError(TaskCancelledError)"
    time.sleep(0.1)
    assert ray.get(gate.read.remote()) == ["work starts", "work: KeyboardInterrupt"]


def test_a_task_without_a_place_to_run_never_starts(ray: ModuleType) -> None:
    gate = Gate.remote()
    assert ray.get(gate.read.remote()) == []  # it needs a CPU, too, to be placed
    holder = Worker.options(num_cpus=4).remote(gate)
    assert ray.get(holder.take.remote(1)) == 1
    queued, impossible = work.remote(gate, "queued"), work.options(num_cpus=1000).remote(gate, "impossible")
    for ref in (queued, impossible):
        ray.cancel(ref)
        assert raised_by(lambda ref=ref: ray.get(ref)) == "TaskCancelledError"
    ray.kill(holder)
    ray.get(gate.open.remote())
    assert ray.get(work.remote(gate)) == "work"
    assert ray.get(gate.read.remote()) == ["took", "work starts", "work ends"]


@pytest.mark.ends_driver(ray="Ray 2.60 now and then aborts the driver when that argument gets ready")
def test_a_task_that_waits_for_its_argument_never_starts(ray: ModuleType) -> None:
    gate = Gate.remote()
    argument = running(gate, work.remote(gate))
    ref = work.remote(gate, argument)
    ray.cancel(ref)
    assert raised_by(lambda: ray.get(ref)) == "TaskCancelledError"
    ray.get(gate.open.remote())
    assert ray.get(argument) == "work"
    assert ray.get(gate.read.remote()) == ["work starts", "work ends"]


def test_what_depends_on_a_cancelled_task_fails_with_it(ray: ModuleType) -> None:
    gate = Gate.remote()
    ref = running(gate, work.remote(gate))
    dependent = Worker.remote(gate).take.remote(ref)
    ray.cancel(ref)
    assert raised_by(lambda: ray.get(dependent)) == "RayTaskError(TaskCancelledError)"
    assert not ray.get(gate.has.remote("took"))


def test_finished_calls_and_put_objects_are_left_alone(ray: ModuleType) -> None:
    gate = Gate.remote()
    ray.get(gate.open.remote())
    task, call, box = work.remote(gate), Worker.remote(gate).work.remote(), ray.put(1)
    ray.get([task, call])
    for ref in (task, call, box):
        assert ray.cancel(ref) is None
    ray.cancel(task, force=True)
    assert ray.get([task, call, box]) == ["work", "work", 1]


def test_cancelling_twice_is_harmless(ray: ModuleType) -> None:
    gate = Gate.remote()
    ref = running(gate, work.remote(gate))
    ray.cancel(ref)
    ray.cancel(ref)
    assert raised_by(lambda: ray.get(ref)) == "RayTaskError(TaskCancelledError)"


def test_one_ref_of_several_cancels_all_of_them(ray: ModuleType) -> None:
    refs = pair.options(num_cpus=1000).remote(Gate.remote())
    ray.cancel(refs[0])
    for ref in refs:
        assert raised_by(lambda ref=ref: ray.get(ref)) == "TaskCancelledError"


def test_children_are_cancelled_with_their_parent(ray: ModuleType) -> None:
    gate = Gate.remote()
    ref = running(gate, parent.remote(gate), "child")
    ray.cancel(ref)
    assert raised_by(lambda: ray.get(ref)) == "RayTaskError(TaskCancelledError)"
    until_begun(gate, "child: ")


def test_children_are_spared_if_it_is_not_recursive(ray: ModuleType) -> None:
    gate = Gate.remote()
    ref = running(gate, parent.remote(gate), "child")
    ray.cancel(ref, recursive=False)
    assert raised_by(lambda: ray.get(ref)) == "RayTaskError(TaskCancelledError)"
    until_noted(gate, "parent: KeyboardInterrupt")
    ray.get(gate.open.remote())
    until_noted(gate, "child ends")


def test_anybody_who_has_the_ref_can_cancel(ray: ModuleType) -> None:
    gate = Gate.remote()
    ref = running(gate, parent.remote(gate), "child")
    until_noted(gate, "keeps it")
    (child,) = ray.get(gate.give.remote())
    ray.cancel(child, recursive=False)
    assert raised_by(lambda: ray.get(ref)) == "RayTaskError(TaskCancelledError)"
    assert ray.get(gate.has.remote("child: KeyboardInterrupt"))
    assert ray.get(gate.has.remote("parent: RayTaskError(TaskCancelledError)"))


def test_a_running_call_of_a_plain_actor_is_told_but_not_interrupted(ray: ModuleType) -> None:
    gate = Gate.remote()
    worker = Worker.remote(gate)
    ref = worker.work_until_canceled.remote()
    until_noted(gate, "starts")
    ray.cancel(ref, recursive=False)
    until_noted(gate, "knows")
    assert raised_by(lambda: ray.get(ref)) == "TaskCancelledError"
    assert ray.get(worker.take.remote(1)) == 1


def test_a_cancelled_call_of_a_plain_actor_answers_when_it_has_ended(ray: ModuleType) -> None:
    gate = Gate.remote()
    worker = Worker.remote(gate)
    ref = running(gate, worker.work.remote())
    ray.cancel(ref, recursive=False)
    assert ray.wait([ref], timeout=0.1) == ([], [ref])
    ray.get(gate.open.remote())
    assert raised_by(lambda: ray.get(ref)) == "TaskCancelledError"
    assert ray.get(gate.read.remote()) == ["work starts", "work ends"]


def test_a_plain_actor_that_waits_in_get_is_interrupted(ray: ModuleType) -> None:
    gate = Gate.remote()
    worker = Worker.remote(gate)
    other = running(gate, work.remote(gate))
    ref = worker.wait_for.remote([other])
    until_noted(gate, "waits")
    ray.cancel(ref, recursive=False)
    assert raised_by(lambda: ray.get(ref)) == "TaskCancelledError"
    until_noted(gate, "waiting: KeyboardInterrupt")
    ray.get(gate.open.remote())
    assert ray.get(other) == "work"


def test_a_call_that_is_queued_at_its_actor_still_runs_but_does_not_answer(ray: ModuleType) -> None:
    gate = Gate.remote()
    worker = Worker.remote(gate)
    first = running(gate, worker.work.remote())
    queued = worker.take.remote(5)
    time.sleep(0.2)
    ray.cancel(queued)
    time.sleep(0.2)
    ray.get(gate.open.remote())
    assert ray.get(first) == "work"
    assert raised_by(lambda: ray.get(queued)) == "TaskCancelledError"
    assert ray.get(worker.take.remote(6)) == 6
    assert ray.get(gate.read.remote()) == ["work starts", "work ends", "took", "took"]


def test_a_call_of_an_actor_that_waits_for_its_argument_never_runs(ray: ModuleType) -> None:
    gate = Gate.remote()
    for actor in (Worker.remote(gate), Loop.remote(gate)):
        argument = running(gate, work.remote(gate))
        ref = actor.work.remote(argument)
        ray.cancel(ref)
        with pytest.raises(
            ray.exceptions.TaskCancelledError, match=r"is canceled from an actor .* before it executes"
        ):
            ray.get(ref)
        ray.cancel(argument)
        with pytest.raises(ray.exceptions.TaskCancelledError):
            ray.get(argument)


@pytest.mark.not_yet(
    ray="Ray 2.60 lets it fail with ActorUnavailableError after 30 s: `SimConfig.cancel_gap_s`"
)
def test_what_is_called_after_a_call_that_was_cancelled_need_not_wait_for_its_argument(
    ray: ModuleType,
) -> None:
    gate = Gate.remote()
    worker = Worker.remote(gate)
    assert (
        ray.get(worker.take.remote(0)) == 0
    )  # what is cancelled before an actor is there, it never waits for
    argument = running(gate, work.remote(gate))
    ref = worker.take.remote(argument)
    before = worker.take.remote(1)  # sent when the other one no longer stands before it
    ray.cancel(ref)
    assert ray.get([before, worker.take.remote(2)]) == [1, 2]
    assert not ray.wait([argument], timeout=0)[0]
    ray.get(gate.open.remote())
    assert ray.get([argument, worker.take.remote(3)]) == ["work", 3]


def test_a_call_of_an_actor_that_is_not_there_yet_never_runs(ray: ModuleType) -> None:
    gate = Gate.remote()
    worker = Worker.options(num_cpus=100).remote(gate)
    calls = [worker.take.remote(i) for i in range(2)]
    ray.cancel(calls[0])
    assert raised_by(lambda: ray.get(calls[0])) == "TaskCancelledError"
    assert ray.wait([calls[1]], timeout=0.1) == ([], [calls[1]])


def test_actor_calls_cannot_be_forced(ray: ModuleType) -> None:
    gate = Gate.remote()
    worker = Worker.remote(gate)
    ref = worker.work.remote()
    with pytest.raises(ValueError, match="force=True is not supported for actor tasks"):
        ray.cancel(ref, force=True)
    ray.get(gate.open.remote())
    assert ray.get(ref) == "work"


@pytest.mark.parametrize("then", ["raise", "return", "fail"])
def test_a_running_async_call_is_cancelled_whatever_it_does_about_it(ray: ModuleType, then: str) -> None:
    gate = Gate.remote()
    loop = Loop.remote(gate)
    ref = running(gate, loop.work.remote("work", then))
    ray.cancel(ref, recursive=False)
    assert raised_by(lambda: ray.get(ref)) == "RayTaskError(TaskCancelledError)"
    until_noted(gate, "work: CancelledError")
    assert ray.get(loop.read_state.remote()) == "alive"
    assert not ray.get(gate.has.remote("work ends"))


def test_a_queued_async_call_never_starts(ray: ModuleType) -> None:
    gate = Gate.remote()
    loop = Loop.options(max_concurrency=1).remote(gate)
    first = running(gate, loop.work.remote("first"), "first")
    queued = loop.work.remote("queued")
    time.sleep(0.2)
    ray.cancel(queued)
    time.sleep(0.2)
    ray.get(gate.open.remote())
    assert ray.get(first) == "first"
    assert raised_by(lambda: ray.get(queued)) == "TaskCancelledError"
    assert ray.get(loop.read_state.remote()) == "alive"
    assert ray.get(gate.read.remote()) == ["first starts", "first ends"]


def test_an_async_call_that_only_a_busy_loop_keeps_waiting_runs_to_its_end(ray: ModuleType) -> None:
    gate = Gate.remote()
    loop = Loop.remote(gate)
    blocking = running(gate, loop.block.remote(), "block")
    queued = loop.work.remote("queued")
    time.sleep(0.2)  # a busy loop tells nobody what waits for it: the call is there by then
    ray.cancel(queued)
    time.sleep(0.2)  # and so is the cancellation
    ray.get(gate.open.remote())
    assert ray.get(blocking) == "block"
    assert raised_by(lambda: ray.get(queued)) == "TaskCancelledError"
    assert ray.get(gate.read.remote()) == ["block starts", "block ends", "queued starts", "queued ends"]


@pytest.mark.parametrize("recursive", [True, False])
def test_async_children_share_the_fate_of_their_parent_if_it_is_recursive(
    ray: ModuleType, recursive: bool
) -> None:
    gate = Gate.remote()
    loop, other = Loop.remote(gate), Loop.remote(gate)
    ref = running(gate, loop.parent.remote(other), "child")
    ray.cancel(ref, recursive=recursive)
    assert raised_by(lambda: ray.get(ref)) == "RayTaskError(TaskCancelledError)"
    if not recursive:
        ray.get(gate.open.remote())
    until_begun(gate, "child: " if recursive else "child ends")


def test_tasks_are_cancelled_with_the_async_call_that_made_them(ray: ModuleType) -> None:
    gate = Gate.remote()
    ref = running(gate, Loop.remote(gate).parent_of_task.remote(), "child")
    ray.cancel(ref)
    assert raised_by(lambda: ray.get(ref)) == "RayTaskError(TaskCancelledError)"
    until_begun(gate, "child: ")


def test_what_a_cancelled_call_waits_for_is_spared_if_another_made_it(ray: ModuleType) -> None:
    gate = Gate.remote()
    other = running(gate, work.remote(gate))
    ref = Loop.remote(gate).wait_for.remote([other])
    until_noted(gate, "waits")
    ray.cancel(ref)
    assert raised_by(lambda: ray.get(ref)) == "RayTaskError(TaskCancelledError)"
    ray.get(gate.open.remote())
    assert ray.get(other) == "work"


def test_a_generator_ends_when_it_is_cancelled(ray: ModuleType) -> None:
    gate = Gate.remote()
    for make, error in (
        (lambda: count_for_ever.remote(gate), "RayTaskError(TaskCancelledError)"),
        (lambda: Worker.remote(gate).count_for_ever.remote(), "TaskCancelledError"),
        (lambda: Loop.remote(gate).count_for_ever.remote(), "RayTaskError(TaskCancelledError)"),
    ):
        items = make()
        assert [ray.get(next(items)) for _ in range(3)] == [0, 1, 2]
        ray.cancel(items, recursive=False)
        *_, last = items
        assert raised_by(lambda last=last: ray.get(last)) == error
        assert raised_by(lambda items=items: ray.get(items.completed())) == error
    until_noted(gate, "closed")


def test_only_refs_can_be_cancelled(ray: ModuleType) -> None:
    for thing in (5, None, [ray.put(1)], Gate.remote()):
        with pytest.raises(TypeError, match=r"ray.cancel\(\) only supported for object refs"):
            ray.cancel(thing)


def test_who_may_ask_whether_it_is_cancelled(ray: ModuleType) -> None:
    assert ray.get(ask_whether_canceled.remote()) is False
    with pytest.raises(RuntimeError, match="only available when the process is a worker"):
        ray.get_runtime_context().is_canceled()
    with pytest.raises(RuntimeError, match="not supported in an async actor"):
        ray.get(Loop.remote(Gate.remote()).ask_whether_canceled.remote())


def test_awaiting_a_cancelled_ref_raises_the_same(ray: ModuleType) -> None:
    gate = Gate.remote()

    async def main() -> None:
        ref = running(gate, work.remote(gate))
        ray.cancel(ref)
        await ref

    assert raised_by(lambda: asyncio.run(main())) == "RayTaskError(TaskCancelledError)"


def test_what_depends_on_a_task_that_was_cancelled_before_it_ran_fails_as_a_task(ray: ModuleType) -> None:
    gate = Gate.remote()
    never = work.options(num_cpus=1000).remote(gate)
    dependent = work.remote(gate, never)
    ray.cancel(never)
    assert raised_by(lambda: ray.get(never)) == "TaskCancelledError"
    assert raised_by(lambda: ray.get(dependent)) == "RayTaskError(TaskCancelledError)"


def test_force_has_no_effect_on_an_answered_call_of_an_actor(ray: ModuleType) -> None:
    ref = simactors.remote(Answering).remote().answer.remote()
    assert ray.get(ref) == 1
    ray.cancel(ref, force=True)
    assert ray.get(ref) == 1


class Answering:
    def answer(self) -> int:
        return 1

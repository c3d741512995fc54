"""How processes end from inside: `sys.exit`, `exit_actor`, SIGTERM, `os.abort`; in methods, constructors and threads.

Only the exit code 0 says that an actor wants to end; all others, and none, are crashes, and it may be restarted.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from types import ModuleType
from typing import Any

import pytest

import simactors

CRASHES = [None, 3, "text", (1, 2)]
INTENDED = [0, False]
_SILENT = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


@simactors.remote
class Tally:
    """Counts what others live through."""

    def __init__(self) -> None:
        self.count = 0

    def add(self) -> int:
        self.count += 1
        return self.count

    def read(self) -> int:
        return self.count


@simactors.remote
class Exits:
    """Ends itself as it is told."""

    def __init__(self, tally: Any = None, code: Any = "none") -> None:
        self.seen: str | None = None
        if tally is not None:
            simactors.get(tally.add.remote())
            sys.exit(code)

    def pid(self) -> int:
        return os.getpid()

    def exit(self, code: Any) -> None:
        sys.exit(code)

    def exit_and_catch(self) -> str:
        try:
            simactors.exit_actor()
        except SystemExit:
            return "goes on"

    def exit_and_fail(self) -> None:
        try:
            simactors.exit_actor()
        except SystemExit as error:
            raise KeyError("another one") from error

    def exit_in_thread(self, how: str, then_s: float) -> str | None:
        def body() -> None:
            try:
                sys.exit(3) if how == "sys.exit" else simactors.exit_actor()
            except SystemExit as error:
                self.seen = f"SystemExit({error.code})"
                raise

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        time.sleep(then_s)
        return self.seen

    def exit_later(self) -> None:
        def body() -> None:
            time.sleep(0.2)
            simactors.exit_actor()

        threading.Thread(target=body).start()

    def nap(self, seconds: float) -> str:
        time.sleep(seconds)
        return "slept"

    def terminate(self, *, catches: bool) -> str | None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)
        except SystemExit as error:
            if catches:
                return f"SystemExit({error.code})"
            raise
        return None

    def nap_and_catch(self) -> str:
        try:
            time.sleep(1)
        except SystemExit as error:
            return f"SystemExit({error.code})"
        return "slept"

    def abort(self) -> None:
        os.abort()


@simactors.remote
class Napper:
    """Its calls tell when they begin."""

    def nap(self, tally: Any, seconds: float) -> str:
        simactors.get(tally.add.remote())
        time.sleep(seconds)
        return "slept"

    def nap_and_leave(self, tally: Any, seconds: float) -> None:
        self.nap(tally, seconds)
        simactors.exit_actor()


@simactors.remote
class AsyncNapper:
    """The same with coroutines."""

    async def nap(self, tally: Any, seconds: float) -> str:
        await tally.add.remote()
        await asyncio.sleep(seconds)
        return "slept"

    async def nap_and_leave(self, tally: Any, seconds: float) -> None:
        await self.nap(tally, seconds)
        simactors.exit_actor()


def dies(ray: ModuleType, actor: Any) -> None:
    def ask_for_a_while() -> None:
        for _ in range(100):
            ray.get(actor.pid.remote())
            time.sleep(0.02)

    with pytest.raises(ray.exceptions.ActorDiedError):
        ask_for_a_while()


def ask_until_alive(ray: ModuleType, actor: Any) -> int:
    for _ in range(200):
        try:
            return ray.get(actor.pid.remote())  # type: ignore[no-any-return]
        except ray.exceptions.ActorUnavailableError:
            time.sleep(0.05)
    raise AssertionError("it never came back")


@pytest.mark.parametrize("code", [*INTENDED, *CRASHES], ids=repr)
def test_any_exit_ends_an_actor_without_restarts(ray: ModuleType, code: Any) -> None:
    actor = Exits.remote()
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(actor.exit.remote(code))
    dies(ray, actor)


@pytest.mark.parametrize("code", INTENDED, ids=repr)
def test_the_exit_code_0_ends_an_actor_that_has_restarts_left(ray: ModuleType, code: Any) -> None:
    actor = Exits.options(max_restarts=1).remote()
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(actor.exit.remote(code))
    dies(ray, actor)


@pytest.mark.parametrize("code", CRASHES, ids=repr)
@pytest.mark.parametrize("threads", [1, 2])
def test_any_other_exit_is_a_crash(ray: ModuleType, code: Any, threads: int) -> None:
    actor = Exits.options(max_restarts=1, max_concurrency=threads).remote()
    pid = ray.get(actor.pid.remote())
    with pytest.raises(ray.exceptions.ActorUnavailableError):
        ray.get(actor.exit.remote(code))
    assert ask_until_alive(ray, actor) != pid


@pytest.mark.parametrize("code", [0, 3])
def test_other_threads_end_their_calls_before(ray: ModuleType, code: int) -> None:
    actor = Exits.options(max_concurrency=2).remote()
    ray.get(actor.pid.remote())
    nap = actor.nap.remote(0.5)
    time.sleep(0.2)
    last = actor.exit.remote(code)
    assert ray.get(nap) == "slept"
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(last)


@pytest.mark.parametrize(("code", "births"), [(0, 1), (3, 2), (None, 2)])
def test_exits_of_constructors(ray: ModuleType, code: Any, births: int) -> None:
    tally = Tally.remote()
    actor = Exits.options(max_restarts=1).remote(tally, code)
    dies_in_the_end = pytest.raises(ray.exceptions.ActorDiedError)
    with dies_in_the_end:
        ask_until_alive(ray, actor)
    assert ray.get(tally.read.remote()) == births


@pytest.mark.parametrize("code", [0, 3, None])
def test_any_exit_of_a_task_is_a_crash(ray: ModuleType, code: Any) -> None:
    tally = Tally.remote()

    @ray.remote(max_retries=1)
    def leave() -> None:
        ray.get(tally.add.remote())
        sys.exit(code)

    with pytest.raises(ray.exceptions.WorkerCrashedError):
        ray.get(leave.remote())
    assert ray.get(tally.read.remote()) == 2


def test_who_catches_what_exit_actor_raises_ends_all_the_same(ray: ModuleType) -> None:
    actor = Exits.remote()
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(actor.exit_and_catch.remote())
    dies(ray, actor)


@pytest.mark.parametrize("max_concurrency", [1, 2])
def test_another_error_instead_is_told_and_the_actor_ends_all_the_same(
    ray: ModuleType, max_concurrency: int
) -> None:
    actor = Exits.options(max_concurrency=max_concurrency).remote()
    with pytest.raises(KeyError):
        ray.get(actor.exit_and_fail.remote())
    dies(ray, actor)


@simactors.remote
class Streams:
    """A plain actor whose generators want to end it."""

    def then_leaves(self) -> Iterator[int]:
        yield 1
        simactors.exit_actor()

    def then_fails(self) -> Iterator[int]:
        yield 1
        try:
            simactors.exit_actor()
        except BaseException:
            raise KeyError("instead") from None

    def then_goes_on(self) -> Iterator[int]:
        yield 1
        with contextlib.suppress(BaseException):
            simactors.exit_actor()
        yield 2


@simactors.remote
class AsyncStreams:
    """The same of an async actor."""

    async def then_leaves(self) -> AsyncIterator[int]:
        yield 1
        simactors.exit_actor()

    async def then_fails(self) -> AsyncIterator[int]:
        yield 1
        try:
            simactors.exit_actor()
        except BaseException:
            raise KeyError("instead") from None

    async def then_goes_on(self) -> AsyncIterator[int]:
        yield 1
        with contextlib.suppress(BaseException):
            simactors.exit_actor()
        yield 2


@pytest.mark.parametrize(
    ("kind", "method", "last"),
    [
        (Streams, "then_leaves", []),
        (Streams, "then_fails", ["RayTaskError(KeyError)"]),
        (Streams, "then_goes_on", [2]),
        (AsyncStreams, "then_leaves", ["RayTaskError(AsyncioActorExit)"]),
        (AsyncStreams, "then_fails", ["RayTaskError(KeyError)"]),
        (AsyncStreams, "then_goes_on", [2]),
    ],
)
def test_the_items_of_a_generator_that_ends_its_actor(
    ray: ModuleType, kind: Any, method: str, last: list[Any]
) -> None:
    def told(ref: Any) -> Any:
        try:
            return ray.get(ref)
        except ray.exceptions.RayError as error:
            return type(error).__name__

    actor = kind.remote()
    items = getattr(actor, method).remote()
    assert [told(item) for item in items] == [1, *last, "ActorDiedError"]
    assert told(items.completed()) == "ActorDiedError"


@pytest.mark.parametrize("kind", [Napper, AsyncNapper])
def test_what_has_not_begun_when_exit_actor_is_called_never_does(ray: ModuleType, kind: Any) -> None:
    tally, napper = Tally.remote(), kind.options(max_concurrency=2).remote()
    beside, last = napper.nap.remote(tally, 1), napper.nap_and_leave.remote(tally, 0.3)
    while ray.get(tally.read.remote()) < 2:
        time.sleep(0.01)
    queued = [napper.nap.remote(tally, 0) for _ in range(3)]
    time.sleep(0.5)  # nothing tells from outside that it wants to leave: it has called `exit_actor` by then
    late = napper.nap.remote(tally, 0)
    assert ray.get(beside) == "slept"
    for ref in [last, *queued, late]:
        with pytest.raises(ray.exceptions.RayActorError):
            ray.get(ref)
    assert ray.get(tally.read.remote()) == 2


@pytest.mark.parametrize("kind", [Napper, AsyncNapper])
def test_who_makes_an_actor_end_does_not_wait_for_calls_that_take_long(ray: ModuleType, kind: Any) -> None:
    tally, napper = Tally.remote(), kind.options(max_concurrency=2).remote()
    beside = napper.nap.remote(tally, 60)
    while ray.get(tally.read.remote()) < 1:
        time.sleep(0.01)
    with pytest.raises(ray.exceptions.ActorUnavailableError):
        ray.get(napper.nap_and_leave.remote(tally, 0))
    late = napper.nap.remote(tally, 0)
    assert ray.wait([beside, late], num_returns=2, timeout=0.5) == ([], [beside, late])
    ray.kill(napper)
    for ref in [beside, late]:
        with pytest.raises(ray.exceptions.ActorDiedError):
            ray.get(ref)
    assert ray.get(tally.read.remote()) == 2


@_SILENT
def test_sys_exit_in_a_thread_ends_that_thread(ray: ModuleType) -> None:
    actor = Exits.remote()
    pid = ray.get(actor.pid.remote())
    assert ray.get(actor.exit_in_thread.remote("sys.exit", 0)) == "SystemExit(3)"
    time.sleep(0.2)
    assert ray.get(actor.pid.remote()) == pid


@pytest.mark.parametrize("then_s", [0, 0.3])
@_SILENT
def test_exit_actor_in_a_thread_ends_the_actor_after_the_call_under_way(
    ray: ModuleType, then_s: float
) -> None:
    actor = Exits.options(max_restarts=1).remote()
    last, queued = actor.exit_in_thread.remote("exit_actor", then_s), actor.pid.remote()
    assert ray.get(last) == "SystemExit(0)"
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(queued)
    dies(ray, actor)


@_SILENT
def test_the_same_in_a_threaded_actor(ray: ModuleType) -> None:
    actor = Exits.options(max_restarts=1, max_concurrency=2).remote()
    assert ray.get(actor.exit_in_thread.remote("exit_actor", 0.3)) == "SystemExit(0)"
    dies(ray, actor)


@_SILENT
def test_exit_actor_in_a_thread_of_an_actor_that_does_nothing(ray: ModuleType) -> None:
    actor = Exits.options(max_restarts=1).remote()
    assert ray.get(actor.exit_later.remote()) is None
    time.sleep(0.5)
    dies(ray, actor)


def test_sigterm_raises_system_exit_in_running_code(ray: ModuleType) -> None:
    actor = Exits.remote()
    pid = ray.get(actor.pid.remote())
    assert ray.get(actor.terminate.remote(catches=True)) == "SystemExit(1)"
    nap = actor.nap_and_catch.remote()
    time.sleep(0.3)
    os.kill(pid, signal.SIGTERM)
    assert ray.get(nap) == "SystemExit(1)"
    assert ray.get(actor.pid.remote()) == pid


def test_sigterm_that_nobody_catches_is_a_crash(ray: ModuleType) -> None:
    actor = Exits.options(max_restarts=2).remote()
    pid = ray.get(actor.pid.remote())
    with pytest.raises(ray.exceptions.ActorUnavailableError):
        ray.get(actor.terminate.remote(catches=False))
    second = ask_until_alive(ray, actor)
    assert second != pid
    os.kill(second, signal.SIGTERM)
    time.sleep(0.5)
    assert ask_until_alive(ray, actor) != second


def test_abort_is_a_crash(ray: ModuleType) -> None:
    actor = Exits.options(max_restarts=1).remote()
    pid = ray.get(actor.pid.remote())
    with pytest.raises(ray.exceptions.ActorUnavailableError):
        ray.get(actor.abort.remote())
    assert ask_until_alive(ray, actor) != pid

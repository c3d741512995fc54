"""Recording: who, what, when, and what became of it; also in threads, tasks, a simulation and its processes."""

from __future__ import annotations

import asyncio
import itertools
import pickle
import threading
import time
from typing import Any

import pytest

import simactors
from simactors import exceptions, simulate
from simactors.checkers.linearizability import linearizable
from simactors.checkers.recording import Recording
from simactors.checkers.specs import Counter
from simactors.checkers.values import RecordedError
from simactors.core.history import History


def raises(error: BaseException, **options: Any) -> History:
    """The history of one operation that raises `error`."""
    recording = Recording(**options)

    @recording.operation
    def ask() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        ask()
    assert caught.value is error
    return recording.history()


def test_what_a_client_asks_and_is_told_is_recorded():
    recording = Recording()

    @recording.operation
    def add(amount: int, times: int = 1, *, note: str = "") -> int:
        return amount * times

    with recording.client("ann"):
        assert add(2, times=3) == 6
        add(amount=1)
        add(1, note="x")
    first, second, third = recording.history()
    assert (first.client, first.name, first.args, first.status, first.result) == (
        "ann",
        "add",
        (2, 3),
        "returned",
        6,
    )
    assert second.args == (1,)
    assert third.args == (1, 1, "x")
    assert (first.called, first.returned, second.called) == (0, 1, 2)
    assert first.returned_s is not None
    assert 0 < first.called_s <= first.returned_s <= second.called_s


def test_the_target_is_a_parameter_and_no_argument():
    recording = Recording()

    class Client:
        @recording.operation(name="read", target="of")
        def ask(self, key: str, of: object) -> str:
            return key

    Client().ask("k", of=7)
    (read,) = recording.history()
    assert (read.name, read.target, read.args) == ("read", "7", ("k",))


def test_a_list_that_changes_later_was_asked_for_as_it_was():
    recording = Recording()
    items = [1]

    @recording.operation
    def put(value: list[int]) -> list[int]:
        return items

    put(items)
    items.append(2)
    assert recording.history()[0].args == ([1],)
    assert recording.history()[0].result == [1]


@pytest.mark.parametrize(
    "name",
    [
        "GetTimeoutError", "ActorDiedError", "ActorUnavailableError", "WorkerCrashedError", "NodeDiedError",
        "ObjectLostError", "OwnerDiedError", "TaskCancelledError", "RaySystemError", "OutOfMemoryError",
        "ObjectStoreFullError",
    ],
)  # fmt: skip
def test_when_nobody_knows_whether_a_call_took_effect_its_end_is_unknown(name: str) -> None:
    (asked,) = raises(getattr(exceptions, name)("why"))
    assert (asked.status, asked.result, asked.returned) == ("unknown", None, 1)


@pytest.mark.parametrize(
    "error", [TimeoutError(), asyncio.CancelledError(), ConnectionResetError(), KeyboardInterrupt()]
)
def test_pythons_own_words_for_giving_up_are_unknown_too(error: BaseException) -> None:
    assert raises(error)[0].status == "unknown"


@pytest.mark.parametrize(
    "name", ["PendingCallsLimitExceeded", "ActorUnschedulableError", "TaskUnschedulableError"]
)
def test_a_call_that_never_began_was_refused(name: str) -> None:
    (asked,) = raises(getattr(exceptions, name)("why"))
    assert (asked.status, asked.result) == ("refused", None)


def test_what_the_remote_code_raised_is_the_answer():
    cause = KeyError("x")
    for error in (
        exceptions.RayTaskError("f", "", cause),
        exceptions.RayTaskError("f", "", cause).as_instanceof_cause(),
    ):
        (asked,) = raises(error)
        assert (asked.status, asked.result) == ("raised", cause)
    assert raises(cause)[0].result is cause


def test_that_the_remote_code_itself_gave_up_waiting_is_no_answer():
    cause = exceptions.GetTimeoutError("nested")
    assert raises(exceptions.RayTaskError("f", "", cause).as_instanceof_cause())[0].status == "unknown"


def test_exceptions_of_the_real_ray_are_known_by_their_names():
    ray_error = type("RayError", (Exception,), {"__module__": "ray.exceptions"})
    crashed = type("SomeNewError", (ray_error,), {"__module__": "ray.exceptions"})
    limit = type("PendingCallsLimitExceeded", (ray_error,), {"__module__": "ray.exceptions"})
    task_error = type("RayTaskError", (ray_error,), {"cause": ValueError("x")})
    assert raises(crashed())[0].status == "unknown"
    assert raises(limit())[0].status == "refused"
    assert raises(task_error())[0].status == "raised"
    assert raises(RecordedError("RayTaskError"))[0].status == "raised"


def test_a_program_can_say_what_its_own_exceptions_mean():
    class Busy(Exception):
        pass

    assert raises(Busy())[0].status == "raised"
    assert raises(Busy(), refused=(Busy,))[0].status == "refused"
    assert raises(Busy(), unknown=(Busy,))[0].status == "unknown"


def test_what_still_runs_is_unknown():
    recording = Recording()
    seen = []

    @recording.operation
    def look() -> None:
        seen.append(recording.history())

    look()
    assert [(each.status, each.returned) for each in seen[0]] == [("unknown", None)]
    assert recording.history()[0].status == "returned"


def test_tasks_of_asyncio_are_clients_of_their_own_that_run_at_once():
    recording = Recording()

    @recording.operation
    async def ask(number: int) -> int:
        await asyncio.sleep(0)
        return number

    async def client(number: int) -> None:
        with recording.client(f"c{number}"):
            await ask(number)

    async def main() -> None:
        await asyncio.gather(*map(client, range(3)))
        await asyncio.create_task(ask(3), name="nameless")

    asyncio.run(main())
    history = recording.history()
    assert [(each.client, each.result) for each in history] == [
        ("c0", 0),
        ("c1", 1),
        ("c2", 2),
        ("nameless", 3),
    ]
    assert [each.called for each in history] == [0, 1, 2, 6]


def test_threads_are_clients_of_their_own():
    recording = Recording()

    @recording.operation
    def ask() -> None:
        time.monotonic()

    threads = [threading.Thread(target=lambda: [ask() for _ in range(200)], name=f"t{i}") for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    history = recording.history()
    assert {name: len(part) for name, part in history.clients.items()} == {f"t{i}": 200 for i in range(4)}
    assert sorted(place for each in history for place in (each.called, each.returned)) == list(range(1600))


def test_what_has_many_answers_or_no_such_target_is_refused():
    recording = Recording()

    def many() -> Any:
        yield 1

    with pytest.raises(TypeError, match="many is a generator function"):
        recording.operation(many)
    with pytest.raises(TypeError, match="no parameter 'whom': it has x"):
        recording.operation(target="whom")(lambda x: x)


def test_a_copy_in_another_process_begins_empty():
    recording = Recording(clock="time", refused=(ValueError,))
    recording.operation(len)("x")
    copy = pickle.loads(pickle.dumps(recording))
    assert len(recording.history()) == 1
    assert len(copy.history()) == 0
    assert len(raises(ValueError(), refused=(ValueError,))) == 1


@simactors.remote
class Tally:
    def __init__(self) -> None:
        self.total = 0

    def add(self, amount: int) -> int:
        self.total += amount
        return self.total


@simactors.remote
class Client:
    """A client in a process of its own, which hands back what it recorded."""

    def work(self, tally: Any, name: str) -> History:
        recording = Recording()

        @recording.operation
        def add(amount: int) -> int:
            time.sleep(1)
            total: int = simactors.get(tally.add.remote(amount))
            return total

        with recording.client(name):
            for amount in range(5):
                add(amount)
        return recording.history()


def test_clients_in_processes_of_a_simulation_record_by_its_clock():
    with simulate(seed=3):
        tally = Tally.remote()
        clients = [Client.remote() for _ in range(3)]
        histories = simactors.get([client.work.remote(tally, f"c{i}") for i, client in enumerate(clients)])
    merged = History.merged(*histories)
    assert len(merged) == 15
    assert 4 < merged[-1].called_s < 5
    overlapping = [b for a, b in itertools.pairwise(merged) if a.returned and b.called < a.returned]
    assert overlapping
    linearizable(merged, Counter()).check()

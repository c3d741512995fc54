"""Histories of simulated runs: what is in them, under which names, and that a run does not notice that it is recorded.

Method: small programs whose calls end in every way there is; where it matters who asked first, several seeds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import simactors
from simactors.core.fault_plan import CrashProcess, FailCall, Fault, FaultPlan
from simactors.core.history import History
from simactors.exceptions import ActorDiedError, GetTimeoutError, RayActorError
from simactors.sim.config import SimConfig, Slack
from simactors.sim.planned import Plan

CONFIGS = [
    pytest.param(SimConfig(), id="drawn"),
    pytest.param(SimConfig(slack=Slack(messages_s=0.01)), id="explored"),
]


@dataclass
class Note:
    text: str


@simactors.remote
class Account:
    def __init__(self, balance: int = 0) -> None:
        self.balance = balance
        self.notes: list[Any] = []

    def add(self, amount: int, note: str = "none", *, twice: bool = False) -> int:
        self.balance += amount * (2 if twice else 1)
        return self.balance

    def keep(self, notes: list[Any]) -> list[Any]:
        notes.append("kept")
        return notes

    def take(self, amount: int) -> int:
        raise ValueError(f"only {self.balance}")

    def pay(self, other: Any, amount: int) -> int:
        return simactors.get(other.add.remote(amount))

    def both(self) -> tuple[int, int]:
        return self.balance, -self.balance

    def sleep(self, seconds: float) -> str:
        time.sleep(seconds)
        return "slept"

    def count(self, to: int) -> Any:
        for number in range(to):  # noqa: UP028 -- Ray sends something to streaming generators
            yield number

    @staticmethod
    def scaled(value: int, by: int = 2) -> int:
        return value * by


@simactors.remote
def transfer(source: Any, target: Any, amount: int) -> None:
    simactors.get([source.add.remote(-amount), target.add.remote(amount)])


def recorded(
    program: Callable[[], object], *faults: Fault, seed: int = 0, config: SimConfig | None = None
) -> History:
    with simactors.simulate(seed, config=config, faults=FaultPlan(faults), record=True) as sim:
        program()
    return sim.history


def told(history: History) -> list[str]:
    return [str(operation) for operation in history]


def test_who_asked_whom_what_and_what_came_of_it() -> None:
    def program() -> None:
        account = Account.remote(1)
        simactors.get(account.add.remote(2))
        with pytest.raises(ValueError, match="only 3"):
            simactors.get(account.take.remote(5))

    one, other = recorded(program)
    assert str(one) == "driver: Account#1.add(2) -> 3"
    assert str(other) == "driver: Account#1.take(5) raised ValueError('only 3')"
    assert (one.called, one.returned, other.called, other.returned) == (0, 2, 3, 5)
    assert one.returned_s is not None
    assert 0 <= one.called_s < one.returned_s <= other.called_s


def test_actors_and_tasks_are_clients_under_the_names_that_reports_have_for_them() -> None:
    def program() -> None:
        first, second = Account.remote(), Account.options(name="savings").remote()
        simactors.get([transfer.remote(first, second, 1), transfer.remote(second, first, 5)])
        simactors.get(first.pay.remote(second, 3))

    operations = recorded(program)
    asked = {(each.client, each.target, each.args[-1]) for each in operations}
    assert asked == {
        ("transfer#1", "Account#1", -1),
        ("transfer#1", "savings", 1),
        ("transfer#2", "savings", -5),
        ("transfer#2", "Account#1", 5),
        ("driver", "Account#1", 3),
        ("Account#1", "savings", 3),
    }


def test_keywords_stand_at_their_parameters_places_and_defaults_before_them() -> None:
    def program() -> None:
        account = Account.remote()
        simactors.get([account.add.remote(amount=1), account.add.remote(2, twice=True)])
        simactors.get([account.scaled.remote(3), account.scaled.remote(by=4, value=3)])

    assert [each.args for each in recorded(program)] == [(1,), (2, "none", True), (3,), (3, 4)]


def test_values_are_those_that_were_sent_whatever_becomes_of_them() -> None:
    def program() -> None:
        account = Account.remote()
        notes = [Note("a")]
        ref = account.keep.remote(notes)
        notes.clear()
        simactors.get(ref).clear()

    (kept,) = recorded(program)
    assert kept.args == ([Note("a")],)
    assert kept.result == [Note("a"), "kept"]


def test_of_a_ref_among_the_arguments_the_value_counts_and_handles_are_equal_to_the_programs() -> None:
    handles: list[Any] = []

    def program() -> None:
        first, second = Account.remote(), Account.remote()
        handles.append(second)
        five = first.add.remote(5)
        simactors.get([first.add.remote(five), first.pay.remote(second, 1), first.keep.remote([five])])

    history = recorded(program)
    assert told(history)[1] == "driver: Account#1.add(5) -> 10"
    by_name = {operation.name: operation for operation in history}
    assert by_name["pay"].args == (handles[0], 1)
    assert by_name["keep"].result == [*by_name["keep"].args[0], "kept"]


def test_several_results_are_a_list_and_none_at_all_is_none() -> None:
    def program() -> None:
        account = Account.remote(2)
        simactors.get(account.both.options(num_returns=2).remote())
        account.add.options(num_returns=0).remote(1, note="quiet")
        time.sleep(1)

    assert told(recorded(program)) == [
        "driver: Account#1.both() -> [2, -2]",
        "driver: Account#1.add(1, 'quiet') -> None",
    ]


def test_who_gives_up_waiting_is_told_later_and_until_then_nobody_knows() -> None:
    with simactors.simulate(record=True) as sim:
        account = Account.remote()
        ref = account.sleep.remote(5)
        with pytest.raises(GetTimeoutError):
            simactors.get(ref, timeout=1)
        (before,) = sim.history
        time.sleep(10)
        (after,) = sim.history
    assert (before.status, before.returned) == ("unknown", None)
    assert (after.status, after.result) == ("returned", "slept")
    assert after.returned_s == pytest.approx(5, abs=0.1)


def test_a_call_that_has_begun_on_an_actor_that_dies_is_unknown_and_one_that_has_not_is_refused() -> None:
    def program() -> None:
        account = Account.remote()
        refs = [account.add.remote(1), account.add.remote(2), account.add.remote(3)]
        for ref in refs[1:]:
            with pytest.raises(RayActorError):
                simactors.get(ref)
        with pytest.raises(ActorDiedError):
            simactors.get(account.add.remote(4))

    history = recorded(program, CrashProcess(process="Account#1", call="Account.add", after_call=2))
    assert [each.status for each in history] == ["returned", "unknown", "refused", "refused"]
    assert all(each.returned is not None for each in history)


def test_a_call_that_is_made_again_is_one_operation() -> None:
    def program() -> None:
        account = Account.options(max_restarts=1, max_task_retries=1).remote(10)
        simactors.get(account.add.remote(1))

    (operation,) = recorded(program, CrashProcess(process="Account#1", call="Account.add", after_call=1))
    assert (operation.status, operation.result) == ("returned", 11)


def test_a_call_that_runs_after_its_client_was_told_that_it_is_lost_is_unknown() -> None:
    def program() -> None:
        account = Account.remote()
        with pytest.raises(RayActorError):
            simactors.get(account.add.remote(1))
        time.sleep(1)
        assert simactors.get(account.add.remote(0)) == 1

    lost, seen = recorded(program, FailCall(call="Account.add", lost="late", nth=1))
    assert (lost.status, seen.result) == ("unknown", 1)


def test_what_the_remote_code_was_not_told_itself_is_no_answer() -> None:
    def program() -> None:
        first, second = Account.remote(), Account.remote()
        with pytest.raises(simactors.exceptions.RayTaskError):
            simactors.get(first.pay.remote(second, 1))

    history = recorded(program, CrashProcess(process="Account#2", call="Account.add", after_call=1))
    assert {each.name: each.status for each in history} == {"pay": "unknown", "add": "unknown"}


def test_generators_are_deliveries_and_no_operations() -> None:
    with simactors.simulate(record=True) as sim:
        account = Account.remote()
        assert len(list(account.count.remote(3))) == 3
        simactors.get(account.add.remote(1))
    assert told(sim.history) == ["driver: Account#1.add(1) -> 1"]
    assert [str(each) for each in sim.deliveries] == [
        "count(3) from driver to Account#1",
        "add(1) from driver to Account#1",
    ]
    assert [(each.sent, each.received) for each in sim.deliveries] == [(0, 1), (3, 4)]


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize(
    "faults", [(), (CrashProcess(process="Account#1", call="Account.add", after_call=2),)]
)
def test_a_run_does_not_notice_that_it_is_recorded(config: SimConfig, faults: tuple[Fault, ...]) -> None:
    def program() -> None:
        first, second = (Account.options(max_restarts=1).remote() for _ in range(2))
        refs = [transfer.remote(first, second, amount) for amount in range(4)]
        refs += [first.keep.remote([second]), second.pay.remote(first, 2)]
        simactors.wait(refs, num_returns=len(refs))

    for seed in range(3):
        found = []
        for record in (False, True):
            with simactors.simulate(seed, config=config, faults=FaultPlan(faults), record=record) as sim:
                program()
            found.append((sim.digest, [offer.name for offer in sim.path]))
        assert found[0] == found[1]


def test_recording_keeps_no_actor_alive() -> None:
    def program() -> None:
        first = Account.remote()
        simactors.get(first.keep.remote([Account.remote()]))
        time.sleep(1)

    digests = []
    for record in (False, True):
        with simactors.simulate(record=record) as sim:
            program()
        digests.append(sim.digest)
    assert digests[0] == digests[1]


def test_a_plan_is_recorded_and_names_the_same_clients() -> None:
    with simactors.simulate(Plan(seed=1), record=True) as sim:
        first, second = Account.remote(), Account.remote()
        simactors.get([transfer.remote(first, second, 1), transfer.remote(second, first, 1)])
    assert {operation.client for operation in sim.history} == {"transfer#1", "transfer#2"}
    assert any("transfer#1>Account#1" in offer.name for offer in sim.path)


def test_whoever_did_not_ask_for_a_history_is_told_how_to() -> None:
    with simactors.simulate() as sim, pytest.raises(RuntimeError, match="record=True"):
        _ = sim.history


def test_all_calls_and_returns_stand_in_one_order() -> None:
    def program() -> None:
        accounts = [Account.remote() for _ in range(2)]
        simactors.get([transfer.remote(*accounts, amount) for amount in range(5)])

    places = [place for each in recorded(program) for place in (each.called, each.returned)]
    assert len(set(places)) == len(places) == 20

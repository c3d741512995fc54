"""Tasks of one process on their way to pool workers."""

from __future__ import annotations

from typing import Any

import pytest

from real_backend.client.exports import Export
from real_backend.client.leases import TaskPool
from real_backend.client.peers import Peer
from real_backend.client.pending import PendingCall
from real_backend.control import NOTHING_HELD, AskLease, Leased, LeaseFailed, Need, ReturnLease
from simactors.core.codec import Encoded
from simactors.core.requests import Request
from simactors.core.resources import amounts_of


class FakeCalls:
    def __init__(self) -> None:
        self.failed: list[PendingCall] = []

    def failed_argument(self, call: PendingCall) -> None:
        return None

    def values(self, call: PendingCall, receiver: int) -> tuple[()]:
        return ()

    def fail_with(self, calls: list[PendingCall], error: Exception) -> None:
        self.failed += calls


class FakePeers:
    """Notes what the supervisor is told; whoever is posted to never answers by itself."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def tell_supervisor(self, message: Any) -> None:
        self.told.append(message)

    def expect(self, number: int) -> Peer:
        return Peer(number)

    def ship(self, peer: Peer, export: Export) -> None:
        pass

    def post(self, peer: Peer, message: Any, *, now: bool) -> None:
        pass


class FakeTravel:
    def outgoing(self, packed: object, receiver: int) -> object:
        return packed


@pytest.fixture
def calls() -> FakeCalls:
    return FakeCalls()


@pytest.fixture
def peers() -> FakePeers:
    return FakePeers()


@pytest.fixture
def pool(calls: FakeCalls, peers: FakePeers) -> TaskPool:
    fakes: Any = (calls, peers, FakeTravel())
    return TaskPool(*fakes)


def need(cpus: float) -> Need:
    amounts = amounts_of({"CPU": cpus})
    return Need(Request(amounts, amounts))


def task(number: int) -> PendingCall:
    return PendingCall(number, (), Export(b"digest", Encoded(b"", ())), "f", (), (), True, 1, 0, False, 0)


def test_a_need_is_forgotten_with_its_last_lease(pool: TaskPool, peers: FakePeers) -> None:
    for number in range(1, 4):
        call, wanted = task(number), need(number)
        pool.submit(call, wanted)
        pool.granted(Leased(number, number, wanted, NOTHING_HELD))
        pool.recalled(number)
        assert call.carrier is not None
        call.carrier.answered(call)
    assert peers.told == [
        message for n in range(1, 4) for message in (AskLease(need(n)), ReturnLease(n, False))
    ]
    assert not pool._shapes


def test_a_lease_that_lies_idle_keeps_its_need(pool: TaskPool, peers: FakePeers) -> None:
    first, second = task(1), task(2)
    pool.submit(first, need(1))
    pool.granted(Leased(5, 7, need(1), NOTHING_HELD))
    assert first.carrier is not None
    first.carrier.answered(first)
    pool.submit(second, need(1))
    assert second.carrier is not None
    runner = second.carrier.runner(second)
    assert runner is not None
    assert runner.number == 7
    assert len([m for m in peers.told if type(m) is AskLease]) == 1


def test_a_need_is_forgotten_when_it_is_refused(pool: TaskPool, calls: FakeCalls) -> None:
    call = task(1)
    pool.submit(call, need(1))
    pool.refused(LeaseFailed(need(1), "WorkerCrashedError", "no room"))
    assert calls.failed == [call]
    assert not pool._shapes


def test_a_need_is_forgotten_when_its_last_worker_has_died(pool: TaskPool, calls: FakeCalls) -> None:
    call = task(1)
    pool.submit(call, need(1))
    pool.granted(Leased(5, 7, need(1), NOTHING_HELD))
    assert call.carrier is not None
    runner = call.carrier.runner(call)
    assert runner is not None
    pool.gone(runner, "killed")
    assert calls.failed == [call]
    assert not pool._shapes


def test_a_task_whose_worker_has_died_is_tried_again_with_another_one(
    pool: TaskPool, peers: FakePeers
) -> None:
    call = task(1)
    call.tries = 1
    pool.submit(call, need(1))
    pool.granted(Leased(5, 7, need(1), NOTHING_HELD))
    assert call.carrier is not None
    runner = call.carrier.runner(call)
    assert runner is not None
    pool.gone(runner, "killed")
    assert peers.told == [AskLease(need(1))] * 2
    pool.granted(Leased(6, 8, need(1), NOTHING_HELD))
    again = call.carrier.runner(call)
    assert again is not None
    assert again.number == 8

"""Ray's small helpers: `as_completed`, `map_unordered`, serializers."""

from __future__ import annotations

import threading
import time
from types import ModuleType
from typing import Any

import pytest

import simactors


@simactors.remote
def double(x: int) -> int:
    return 2 * x


@simactors.remote
def after(seconds: float, result: Any) -> Any:
    time.sleep(seconds)
    return result


@simactors.remote
def fail(x: Any) -> Any:
    raise KeyError(x)


@simactors.remote
class Doubler:
    def double(self, x: int) -> int:
        return 2 * x


class Account:
    """Can't be sent by itself."""

    def __init__(self, balance: int) -> None:
        self.balance = balance
        self.lock = threading.Lock()


@simactors.remote
def balance_of(account: Any) -> Any:
    return account.balance


def test_as_completed_gives_the_first_to_end_first(ray: ModuleType) -> None:
    from simactors.util import as_completed

    refs = [after.remote(0.5, "last"), after.remote(0.0, "first")]
    ray.wait([refs[1]])
    assert list(as_completed(refs, chunk_size=1)) == ["first", "last"]
    assert list(as_completed([])) == []


def test_as_completed_may_give_refs_and_raises_what_failed(ray: ModuleType) -> None:
    from simactors.util import as_completed

    refs = [double.remote(i) for i in range(3)]
    found = list(as_completed(refs, yield_obj_refs=True))
    assert set(found) == set(refs)
    with pytest.raises(KeyError):
        list(as_completed([fail.remote("k")]))
    with pytest.raises(ValueError, match="`chunk_size` must be >= 1"):
        list(as_completed(refs, chunk_size=0))


def test_map_unordered_calls_for_each_item(ray: ModuleType) -> None:
    from simactors.util import map_unordered

    assert sorted(map_unordered(double, range(6))) == [0, 2, 4, 6, 8, 10]
    assert sorted(map_unordered(double, range(6), backpressure_size=2, chunk_size=1)) == [0, 2, 4, 6, 8, 10]
    assert sorted(map_unordered(Doubler.remote().double, range(3))) == [0, 2, 4]
    (ref,) = map_unordered(double, [4], yield_obj_refs=True)
    assert ray.get(ref) == 8
    with pytest.raises(ValueError, match="backpressure_size must be positive"):
        list(map_unordered(double, [1], backpressure_size=0))


def test_map_unordered_takes_no_more_items_than_the_backpressure_allows(ray: ModuleType) -> None:
    from simactors.util import map_unordered

    taken = 0

    def items() -> Any:
        nonlocal taken
        while taken < 100:
            taken += 1
            yield taken

    results = map_unordered(double, items(), backpressure_size=3, chunk_size=1)
    assert next(results) > 0
    assert taken <= 4
    assert len(list(results)) == 99


def test_a_registered_serializer_makes_a_class_sendable(ray: ModuleType) -> None:
    from simactors.util import deregister_serializer, register_serializer

    with pytest.raises(TypeError, match="Could not serialize the put value"):
        ray.put(Account(1))
    register_serializer(Account, serializer=lambda account: account.balance, deserializer=Account)
    try:
        assert ray.get(ray.put(Account(5))).balance == 5
        assert ray.get(balance_of.remote(Account(6))) == 6
        assert ray.get(balance_of.remote(ray.put(Account(7)))) == 7
    finally:
        deregister_serializer(Account)
    with pytest.raises(TypeError, match="Could not serialize"):
        ray.put(Account(1))
    deregister_serializer(Account)


def test_inspect_serializability_names_what_cannot_be_sent(
    ray: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    from simactors.util import inspect_serializability

    lock = threading.Lock()

    def use_lock() -> Any:
        return lock

    fine, failures = inspect_serializability([1, 2])
    assert (fine, failures) == (True, set())
    fine, failures = inspect_serializability(use_lock, name="use_lock")
    assert fine is False
    (failure,) = failures
    assert (failure.path, failure.obj, failure.parent) == (("use_lock", "lock"), lock, use_lock)
    assert "Checking Serializability of" in capsys.readouterr().out

"""Calls, arguments and results: what `.remote()`, `get`, `put` and `wait` promise."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import simactors


@simactors.remote
def add(x: Any, y: Any = 1) -> Any:
    return x + y


@simactors.remote
def identity(*args: Any, **kwargs: Any) -> Any:
    return args, kwargs


@simactors.remote
def type_name(x: Any) -> str:
    return type(x).__name__


@simactors.remote
def get_first(refs: list[Any]) -> Any:
    return simactors.get(refs[0])


@simactors.remote
def fibonacci(n: int) -> int:
    if n < 2:
        return n
    return sum(simactors.get([fibonacci.remote(n - 1), fibonacci.remote(n - 2)]))


@simactors.remote(num_returns=2)
def pair() -> tuple[int, int]:
    return 1, 2


@simactors.remote(num_returns=3)
def too_few() -> tuple[int, int]:
    return 1, 2


@simactors.remote
class Account:
    """The tutorial's kind: an attribute hides a method of the same name."""

    rate = 3

    def __init__(self, total: int = 0) -> None:
        self.total = total
        self.seen: list[Any] = []

    def add(self, amount: int) -> int:
        self.total += amount  # type: ignore[operator, assignment]
        return self.total  # type: ignore[return-value]

    def total(self) -> int:  # type: ignore[no-redef]
        return self.__dict__["total"]  # type: ignore[no-any-return]

    def see(self, thing: Any) -> None:
        self.seen.append(thing)

    def things(self) -> list[Any]:
        return self.seen

    def grow(self) -> list[Any]:
        self.seen.append("grown")
        return self.seen

    @simactors.method(num_returns=2)
    def both(self) -> tuple[int, int]:
        return 1, 2

    @staticmethod
    def static(x: int) -> int:
        return x + 1

    @classmethod
    def name_and(cls, x: int) -> tuple[str, int]:
        return cls.__name__, x

    @property
    def secret(self) -> int:
        return 1

    def _private(self) -> str:
        return "private"

    def __len__(self) -> int:
        return 7


def test_a_task_returns_its_value(ray: ModuleType) -> None:
    assert ray.get(add.remote(1, y=2)) == 3


def test_get_of_a_list_keeps_its_order(ray: ModuleType) -> None:
    assert ray.get([add.remote(i) for i in range(10)]) == list(range(1, 11))
    assert ray.get([]) == []


def test_get_of_the_same_ref_twice_in_one_list(ray: ModuleType) -> None:
    ref = add.remote(1)
    assert ray.get([ref, ref]) == [2, 2]


def test_calls_of_one_caller_run_in_the_order_of_submission(ray: ModuleType) -> None:
    account = Account.remote()
    for i in range(50):
        account.see.remote(i)
    assert ray.get(account.things.remote()) == list(range(50))


def test_a_call_that_waits_for_an_argument_holds_back_later_calls(ray: ModuleType) -> None:
    account = Account.remote()
    account.see.remote(fibonacci.remote(6))
    account.see.remote("second")
    assert ray.get(account.things.remote()) == [8, "second"]


def test_the_class_decides_what_a_method_name_means_not_the_instance(ray: ModuleType) -> None:
    account = Account.remote()
    account.add.remote(100)
    account.add.remote(-10)
    assert ray.get(account.total.remote()) == 90


def test_static_class_private_and_special_methods_can_be_called(ray: ModuleType) -> None:
    account = Account.remote()
    assert ray.get(account.static.remote(1)) == 2
    assert ray.get(account.name_and.remote(1)) == ("Account", 1)
    assert ray.get(account._private.remote()) == "private"
    assert ray.get(account.__len__.remote()) == 7


def test_properties_and_constants_are_no_methods(ray: ModuleType) -> None:
    account = Account.remote()
    for name in ("secret", "rate", "nothing"):
        with pytest.raises(AttributeError, match=name):
            getattr(account, name)


def test_ready_call_and_terminate_are_there_on_every_actor(ray: ModuleType) -> None:
    account = Account.remote(5)
    assert ray.get(account.__ray_ready__.remote()) is True
    assert ray.get(account.__ray_call__.remote(lambda self, x: self.__dict__["total"] + x, 1)) == 6
    last = account.add.remote(1)
    account.__ray_terminate__.remote()
    assert ray.get(last) == 6
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(account.add.remote(1))


def test_an_argument_is_copied_when_the_call_is_made(ray: ModuleType) -> None:
    account = Account.remote()
    thing = [1]
    account.see.remote(thing)
    thing.append(2)
    assert ray.get(account.things.remote()) == [[1]]


def test_a_result_is_a_copy_of_the_actors_own(ray: ModuleType) -> None:
    account = Account.remote()
    mine = ray.get(account.grow.remote())
    mine.append("mine")
    assert ray.get(account.things.remote()) == ["grown"]


def test_every_get_gives_another_object(ray: ModuleType) -> None:
    ref = ray.put([1])
    first, second = ray.get(ref), ray.get(ref)
    assert first == second == [1]
    assert first is not second


def test_arrays_come_read_only_as_arguments_and_as_results(ray: ModuleType) -> None:
    array = np.arange(1000)
    ref = ray.put(array)
    array[0] = 99
    got = ray.get(ref)
    assert got[0] == 0
    assert not got.flags.writeable
    assert ray.get(type_name.remote(ref)) == "ndarray"


def test_a_ref_argument_arrives_as_its_value(ray: ModuleType) -> None:
    assert ray.get(add.remote(add.remote(1), y=ray.put(5))) == 7
    assert ray.get(type_name.remote(ray.put([]))) == "list"


def test_a_ref_inside_a_container_arrives_as_a_ref(ray: ModuleType) -> None:
    ref = ray.put(5)
    (args, _) = ray.get(identity.remote([ref]))
    assert args == ([ref],)
    assert ray.get(get_first.remote([ref])) == 5
    assert ray.get(get_first.remote([add.remote(1)])) == 2


def test_a_ref_returned_from_a_task_can_be_read(ray: ModuleType) -> None:
    @simactors.remote
    def make() -> list[Any]:
        return [simactors.put("inner")]

    assert ray.get(ray.get(make.remote())[0]) == "inner"


def test_nested_tasks_do_not_run_out_of_cpus(ray: ModuleType) -> None:
    assert ray.get(fibonacci.remote(7)) == 13


def test_closures_and_lambdas_can_be_sent(ray: ModuleType) -> None:
    factor = 3

    @simactors.remote
    def times(f: Any) -> Any:
        return f(factor)

    assert ray.get(times.remote(lambda x: x * 2)) == 6


def test_several_return_values_have_a_ref_each(ray: ModuleType) -> None:
    first, second = pair.remote()
    assert ray.get([second, first]) == [2, 1]
    account = Account.remote()
    assert ray.get(account.both.remote()) == [1, 2]
    assert ray.get(account.both.options(num_returns=1).remote()) == (1, 2)
    assert account.add.options(num_returns=0).remote(1) is None


def test_a_wrong_number_of_return_values_fails_every_ref(ray: ModuleType) -> None:
    for ref in too_few.remote():
        with pytest.raises(ValueError, match="Task returned 2 objects, but num_returns=3"):
            ray.get(ref)


def test_wait_splits_the_ready_from_the_others(ray: ModuleType) -> None:
    refs = [ray.put(i) for i in range(4)]
    ready, others = ray.wait(refs, num_returns=3)
    assert len(ready) == 3
    assert sorted(ray.get(ready + others)) == [0, 1, 2, 3]
    assert [ref for ref in refs if ref in ready] == ready
    assert ray.wait([]) == ([], [])


def test_wait_gives_up_at_its_timeout(ray: ModuleType) -> None:
    never = add.options(num_cpus=1000).remote(1)
    assert ray.wait([never], timeout=0.05) == ([], [never])
    assert ray.wait([never], timeout=0) == ([], [never])


def test_a_failed_ref_counts_as_ready(ray: ModuleType) -> None:
    failed = add.remote(1, y="text")
    assert ray.wait([failed]) == ([failed], [])


def test_get_gives_up_at_its_timeout_and_the_call_goes_on(ray: ModuleType) -> None:
    never = add.options(num_cpus=1000).remote(1)
    for timeout in (0, 0.05):
        with pytest.raises(ray.exceptions.GetTimeoutError) as raised:
            ray.get(never, timeout=timeout)
        assert isinstance(raised.value, TimeoutError)
        with pytest.raises(ray.exceptions.GetTimeoutError):
            ray.get([ray.put(1), never], timeout=timeout)


def test_a_negative_timeout_of_get_waits_for_ever(ray: ModuleType) -> None:
    for timeout in (-1, float("inf")):
        assert ray.get(add.remote(1), timeout=timeout) == 2
    assert ray.wait([add.remote(1)], timeout=float("inf"))[1] == []


def test_refs_are_equal_and_hash_alike_if_they_name_the_same_object(ray: ModuleType) -> None:
    ref = ray.put(1)
    (args, _) = ray.get(identity.remote([ref]))
    assert args[0][0] == ref
    assert len({ref, args[0][0], ray.put(1)}) == 2
    assert ref != 5
    assert len(ref.hex()) == 56


def test_a_returned_generator_gives_as_many_values_as_there_are_refs(ray: ModuleType) -> None:
    @simactors.remote
    def squares(n: int) -> Any:
        return (simactors.get(add.remote(i * i, 0)) for i in range(n))

    assert ray.get(squares.options(num_returns=3).remote(5)) == [0, 1, 4]
    assert ray.get(squares.remote(1)) == 0
    with pytest.raises(ValueError, match="Task returned 1 objects"):
        ray.get(squares.options(num_returns=2).remote(1))

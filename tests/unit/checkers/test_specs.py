"""Each ready specification: what is right and what is wrong, one operation after the other."""

from __future__ import annotations

import asyncio
import queue
from typing import Any

import pytest

import simactors
from simactors.checkers.linearizability import linearizable
from simactors.checkers.specification import Specification
from simactors.checkers.specs import (
    Bank,
    CasRegister,
    Counter,
    KeyValueMap,
    Lock,
    Queue,
    Register,
    Sequential,
    Set,
)
from simactors.checkers.values import RecordedError
from simactors.core.history import History
from simactors.exceptions import SpecificationError
from tests.unit.checkers.notation import did, in_turn, lost

Asked = list[tuple[Any, ...]]


class Poor(Exception):
    pass


class Account:
    """What a user would have written, without a decorator."""

    def __init__(self, balance: int, *, limit: int = 0) -> None:
        self.balance = balance
        self.limit = limit
        self.log: list[int] = []

    def withdraw(self, amount: int) -> int:
        self.log.append(amount)
        if self.balance - amount < self.limit:
            raise Poor(amount)
        self.balance -= amount
        return self.balance

    def entries(self) -> list[int]:
        return self.log

    async def read(self) -> int:
        return self.balance

    async def read_later(self) -> int:
        await asyncio.sleep(1)
        return self.balance


RIGHT: list[tuple[Specification, Asked]] = [
    (Register(0), [("get", 0), ("set", 1, None), ("read", 1), ("write", [1, 2], True), ("value", (1, 2))]),
    (
        CasRegister(0),
        [("cas", 0, 1, True), ("cas", 0, 2, False), ("read", 1), ("write", 5, None), ("read", 5)],
    ),
    (Counter(3), [("add", None), ("add", 2, 6), ("decrement", 5), ("subtract", 5, None), ("total", 0)]),
    (
        Set(),
        [
            ("add", 1, True),
            ("add", 1, False),
            ("contains", 1, True),
            ("remove", 1, True),
            ("remove", 1, KeyError(1)),
        ],
    ),
    (
        Set([3]),
        [("add", 1, None), ("discard", 2, None), ("members", [3, 1]), ("members", {1, 3}), ("size", 2)],
    ),
    (
        Queue(),
        [("put", 1, None), ("put", 2, True), ("peek", 1), ("get", 1), ("size", 1), ("get", 2), ("get", None)],
    ),
    (
        Queue(),
        [
            ("enqueue", "x", None),
            ("dequeue", "x"),
            ("dequeue", queue.Empty()),
            ("popleft", IndexError("empty")),
        ],
    ),
    (
        Queue(maxsize=1),
        [("put", 1, None), ("put", 2, False), ("put", 2, queue.Full()), ("get", 1), ("get", None)],
    ),
    (
        Lock(),
        [("acquire", True), ("acquire", False), ("holder", "ann"), ("release", None), ("locked", False)],
    ),
    (
        Lock(),
        [
            ("acquire", "x", None),
            ("release", "y", False),
            ("release", "y", RuntimeError()),
            ("release", "x", True),
        ],
    ),
    (Lock(tokens=True), [("acquire", 7), ("acquire", None), ("release", True), ("acquire", 9)]),
    (
        KeyValueMap({"y": 2}),
        [("get", "x", None), ("put", "x", 1, None), ("get", "x", 1), ("items", {"x": 1, "y": 2})],
    ),
    (
        KeyValueMap(),
        [("get", "x", KeyError("x")), ("get", "x", 5, 5), ("cas", "x", None, 1, True), ("delete", "x", True)],
    ),
    (
        KeyValueMap({"x": [1]}),
        [("get", "x", [1]), ("cas", "x", [2], 3, False), ("delete", "x", None), ("size", 0)],
    ),
    (Bank({"a": 5, "b": 0}), [("transfer", "a", "b", 3, None), ("balances", {"a": 2, "b": 3}), ("total", 5)]),
    (
        Bank({"a": 5}),
        [
            ("withdraw", "a", 6, False),
            ("withdraw", "a", 2, 3),
            ("deposit", "a", 1, True),
            ("balance", "a", 4),
        ],
    ),
    (
        Bank({"a": 5}),
        [("withdraw", "a", 6, RecordedError("InsufficientFunds")), ("balance", "x", KeyError("x"))],
    ),
    (Sequential(Account, 5), [("withdraw", 3, 2), ("withdraw", 3, Poor(3)), ("read", 2), ("entries", [3])]),
    (Sequential(Account, 5, limit=-1), [("withdraw", 6, -1)]),
]

WRONG: list[tuple[Specification, Asked]] = [
    (Register(0), [("set", 1, None), ("get", 0)]),
    (Register(0), [("get", ValueError())]),
    (CasRegister(0), [("cas", 1, 2, True)]),
    (CasRegister(0), [("cas", 0, 2, False)]),
    (Counter(), [("add", 2, 1)]),
    (Counter(), [("add", 2, None), ("add", 2, None), ("read", 2)]),
    (Set(), [("add", 1, None), ("contains", 1, False)]),
    (Set(), [("remove", 1, True)]),
    (Set([1]), [("remove", 1, KeyError(1))]),
    (Set([1, 2]), [("members", [1, 2, 2])]),
    (Queue(), [("put", 1, None), ("put", 2, None), ("get", 2)]),
    (Queue(), [("put", 1, None), ("get", queue.Empty())]),
    (Queue(), [("put", 1, False)]),
    (Queue(maxsize=1), [("put", 1, None), ("put", 2, None)]),
    (Lock(), [("acquire", "x", True), ("acquire", "y", True)]),
    (Lock(), [("acquire", "x", True), ("release", "y", True)]),
    (Lock(), [("acquire", False)]),
    (Lock(tokens=True), [("acquire", 7), ("release", True), ("acquire", 7)]),
    (Lock(tokens=True), [("acquire", True)]),
    (KeyValueMap(), [("put", "x", 1, None), ("get", "x", KeyError("x"))]),
    (KeyValueMap(), [("put", "x", 1, None), ("delete", "x", None), ("get", "x", 1)]),
    (KeyValueMap(), [("put", "x", 1, None), ("size", 2)]),
    (Bank({"a": 5, "b": 0}), [("transfer", "a", "b", 3, None), ("total", 2)]),
    (Bank({"a": 5, "b": 0}), [("transfer", "a", "b", 6, None)]),
    (Bank({"a": 5, "b": 0}), [("transfer", "a", "b", 6, TypeError())]),
    (Bank({"a": 5}), [("withdraw", "a", 2, 4)]),
    (Sequential(Account, 5), [("withdraw", 3, 3)]),
    (Sequential(Account, 5), [("withdraw", 3, Poor(3))]),
    (Sequential(Account, 5), [("withdraw", 6, ValueError())]),
]


@pytest.mark.parametrize(("spec", "asked"), RIGHT)
def test_what_an_object_that_works_answers_is_right(spec: Specification, asked: Asked) -> None:
    linearizable(in_turn(*asked), spec).check()


@pytest.mark.parametrize(("spec", "asked"), WRONG)
def test_what_no_object_would_answer_is_wrong_at_the_last_answer(spec: Specification, asked: Asked) -> None:
    assert not linearizable(in_turn(*asked), spec)
    assert linearizable(in_turn(*asked[:-1]), spec)


def test_two_owners_of_a_lock_at_once_are_a_violation():
    history = History.of(
        [did("a", "acquire", at=(0, 1), says=True), did("b", "acquire", at=(2, 3), says=True)]
    )
    assert not linearizable(history, Lock())


def test_a_lock_that_somebody_may_still_have_released_can_be_free():
    history = History.of(
        [
            did("a", "acquire", at=(0, 1), says=True),
            lost("a", "release", at=2),
            did("b", "acquire", at=(3, 4), says=True),
        ]
    )
    assert linearizable(history, Lock())


def test_money_that_is_seen_on_its_way_is_a_violation():
    history = History.of(
        [
            did("a", "transfer", "x", "y", 5, at=(0, 3), says=True),
            did("b", "balances", at=(1, 2), says={"x": 0, "y": 0}),
        ]
    )
    assert not linearizable(history, Bank({"x": 5, "y": 0}))


def test_operations_may_have_other_names():
    spec = Register(0, read="current", write=("assign", "store"))
    assert linearizable(
        in_turn(("assign", 1, None), ("current", 1), ("store", 2, None), ("current", 2)), spec
    )


def test_an_operation_that_a_specification_does_not_know_is_named_and_so_are_those_it_knows():
    with pytest.raises(
        SpecificationError, match=r"`pop\(\)`; it knows read/get/value\(\), write/set/put\(value\)"
    ):
        linearizable(in_turn(("pop", None)), Register())


def test_also_an_operation_without_an_answer_must_be_known():
    with pytest.raises(SpecificationError, match="`pop"):
        linearizable(History((lost("a", "pop", at=0),)), Register())


def test_too_many_arguments_are_wrong_use_and_no_violation():
    with pytest.raises(SpecificationError, match=r"`set\(1, 2\)`"):
        linearizable(in_turn(("set", 1, 2, None)), Register())


def test_one_name_cannot_mean_two_operations():
    with pytest.raises(ValueError, match="'set' can't mean both read and write"):
        linearizable(in_turn(("set", 1, None)), Register(read="set"))


# Classes as specifications


def test_an_actor_class_is_its_plain_class():
    actor = simactors.remote(Account)
    assert linearizable(in_turn(("withdraw", 3, 2)), Sequential(actor, 5))


def test_what_a_method_changed_before_it_raised_does_not_count():
    assert linearizable(in_turn(("withdraw", 9, Poor(9)), ("entries", [])), Sequential(Account, 5))


def test_what_was_answered_does_not_change_with_the_object():
    spec = Sequential(Account, 5)
    before, _ = spec.apply(spec.initial, did("a", "withdraw", 1, at=(0, 1)))
    after, entries = spec.apply(before, did("a", "entries", at=(0, 1)))
    spec.apply(after, did("a", "withdraw", 1, at=(2, 3)))
    assert entries == [1]
    assert before == after
    assert before != spec.initial


def test_the_order_within_a_dict_is_part_of_a_state():
    class Ordered:
        def __init__(self) -> None:
            self.items: dict[str, int] = {}

        def put(self, key: str) -> None:
            self.items[key] = 1

    spec = Sequential(Ordered)

    def put(state: Any, key: str) -> Any:
        return spec.apply(state, did("a", "put", key, at=(0, 1)))[0]

    assert put(put(spec.initial, "x"), "y") != put(put(spec.initial, "y"), "x")
    assert put(put(spec.initial, "x"), "x") == put(spec.initial, "x")


def test_an_object_that_contains_itself_is_a_state_like_any_other():
    class Ring:
        def __init__(self) -> None:
            self.me = [self]

        def turn(self) -> int:
            return len(self.me)

    assert linearizable(in_turn(("turn", 1), ("turn", 1)), Sequential(Ring))


@pytest.mark.parametrize("name", ["close", "_hidden", "balance"])
def test_a_class_is_asked_only_what_its_methods_are(name: str) -> None:
    with pytest.raises(SpecificationError, match="Account does not know"):
        linearizable(in_turn((name, None)), Sequential(Account, 5))


def test_an_async_method_that_waits_is_no_sequential_specification():
    with pytest.raises(SpecificationError, match="read_later waits for something"):
        linearizable(in_turn(("read_later", 5)), Sequential(Account, 5))


def test_what_is_no_class_is_refused():
    with pytest.raises(TypeError, match="Sequential needs a class"):
        Sequential(Account(5))

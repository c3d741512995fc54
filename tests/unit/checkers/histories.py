"""Random small histories of many kinds: of objects that worked, and of the same with a few answers that are wrong.

A history comes from its seed alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from simactors.checkers.specification import Specification
from simactors.checkers.specs import (
    ANYTHING,
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
from simactors.core.history import History, Operation


class Purse:
    """A plain class that raises, and changes something before it does."""

    def __init__(self, coins: int) -> None:
        self.coins = coins
        self.log: list[int] = []

    def pay(self, amount: int) -> int:
        self.log.append(amount)
        if amount > self.coins:
            raise OverflowError(amount)
        self.coins -= amount
        return self.coins

    def payments(self) -> list[int]:
        return list(self.log)


class Toggle:
    """A specification with nothing but what is needed; whom it obeys depends on the client."""

    initial = ""

    def apply(self, state: str, operation: Operation) -> tuple[str, Any]:
        if operation.name == "take":
            if state == operation.client:
                raise RuntimeError("twice")
            return operation.client, state
        return ("" if operation.client == state else state), state


Asked = tuple[str, tuple[Any, ...]]
Asks = Callable[[random.Random], Asked]


@dataclass(frozen=True)
class Subject:
    """A specification, what may be asked of it, and answers that may be wrong."""

    spec: Specification
    asks: Asks
    answers: tuple[Any, ...]


def _one_of(*asked: Asked) -> Asks:
    return lambda chance: chance.choice(asked)


SUBJECTS = {
    "register": Subject(Register(0), _one_of(("get", ()), ("set", (1,)), ("set", (2,))), (0, 1, 2)),
    "cas register": Subject(
        CasRegister(0),
        _one_of(("read", ()), ("write", (1,)), ("cas", (0, 1)), ("cas", (1, 2)), ("cas", (2, 0))),
        (0, 1, 2, True, False),
    ),
    "counter": Subject(
        Counter(), _one_of(("add", ()), ("add", (2,)), ("dec", ()), ("get", ())), (0, 1, 2, 3, None)
    ),
    "set of elements": Subject(
        Set(),
        _one_of(("add", (1,)), ("remove", (1,)), ("contains", (1,)), ("add", (2,)), ("contains", (2,))),
        (True, False),
    ),
    "set": Subject(
        Set([2]),
        _one_of(("add", (1,)), ("remove", (1,)), ("remove", (2,)), ("members", ()), ("size", ())),
        (True, [1], [2, 1], 1),
    ),
    "queue": Subject(Queue(), _one_of(("put", (1,)), ("put", (2,)), ("get", ()), ("size", ())), (1, 2, None)),
    "bounded queue": Subject(
        Queue([1], maxsize=2),
        _one_of(("put", (1,)), ("put", (2,)), ("get", ()), ("peek", ())),
        (1, 2, None, False),
    ),
    "lock": Subject(
        Lock(),
        _one_of(("acquire", ()), ("acquire", ()), ("release", ()), ("holder", ())),
        (True, False, "a", None),
    ),
    "fenced lock": Subject(
        Lock(tokens=True), _one_of(("acquire", ()), ("acquire", ()), ("release", ())), (1, 2, 3, False, True)
    ),
    "map": Subject(
        KeyValueMap({"y": 1}),
        _one_of(
            ("get", ("x",)),
            ("put", ("x", 1)),
            ("delete", ("x",)),
            ("get", ("y",)),
            ("put", ("y", 2)),
            ("cas", ("y", 1, 2)),
        ),
        (1, 2, None, True, False),
    ),
    "whole map": Subject(
        KeyValueMap({"y": 1}),
        _one_of(("get", ("x",)), ("put", ("x", 1)), ("put", ("y", 2)), ("items", ()), ("size", ())),
        (1, 2, {"y": 1}),
    ),
    "bank": Subject(
        Bank({"a": 2, "b": 0}),
        _one_of(
            ("transfer", ("a", "b", 1)),
            ("transfer", ("b", "a", 2)),
            ("balance", ("a",)),
            ("total", ()),
            ("withdraw", ("b", 1)),
        ),
        (0, 1, 2, True, False, ValueError("not enough")),
    ),
    "purse": Subject(
        Sequential(Purse, 3),
        _one_of(("pay", (1,)), ("pay", (2,)), ("payments", ())),
        (0, 1, 2, [1], OverflowError(2)),
    ),
    "toggle": Subject(Toggle(), _one_of(("take", ()), ("drop", ())), ("", "a", "b", RuntimeError())),
}


def history_of(subject: Subject, seed: int) -> History:
    """A history of some clients and one or two objects."""
    chance = random.Random(seed)
    clients = ["a", "b", "c", "d"][: chance.randint(1, 4)]
    targets = ["", "t"][: chance.choice((1, 1, 1, 2))]
    left = chance.randint(1, 7)
    states = dict.fromkeys(targets, subject.spec.initial)
    running: dict[str, Operation] = {}
    took_effect: set[str] = set()
    done: list[Operation] = []
    place = 0
    while left or running:
        client = chance.choice(clients)
        now = running.get(client)
        if now is None and left:
            name, args = subject.asks(chance)
            running[client] = Operation(
                client=client, name=name, args=args, target=chance.choice(targets), called=place
            )
            left, place = left - 1, place + 1
        elif now is not None and client not in took_effect:
            running[client], states[now.target] = _effect(subject, now, states[now.target], chance)
            took_effect.add(client)
        elif now is not None:
            ended = replace(
                now, returned=None if now.status == "unknown" and chance.random() < 0.5 else place
            )
            done.append(ended)
            place += 1
            del running[client]
            took_effect.discard(client)
    return History.of(done)


def _effect(
    subject: Subject, operation: Operation, state: Any, chance: random.Random
) -> tuple[Operation, Any]:
    """It takes effect now, or never; and what its client will be told."""
    lot = chance.random()
    if lot < 0.08:
        return replace(operation, status="refused"), state
    if lot < 0.15:
        return operation, state
    asked = _as_programs_answer(operation, chance)
    try:
        after, answer = subject.spec.apply(state, asked)
        told = replace(asked, status="returned", result=_said(answer, chance))
    except Exception as error:
        after, told = state, replace(operation, status="raised", result=error)
    if lot < 0.3:
        return operation, after
    if lot < 0.45:
        wrong = chance.choice(subject.answers)
        status = "raised" if isinstance(wrong, Exception) else "returned"
        told = replace(told, status=status, result=wrong)
    return told, after


def _as_programs_answer(operation: Operation, chance: random.Random) -> Operation:
    """With a hint to the specification in which of several ways to answer."""
    hints: list[tuple[str, Any]] = [("returned", False), ("returned", chance.randint(1, 3))]
    if chance.random() < 0.3:
        hints = [("raised", error) for error in (ValueError(), KeyError(), IndexError())]
    status, result = chance.choice(hints)
    return replace(operation, status=status, result=result)


def _said(answer: Any, chance: random.Random) -> Any:
    if answer is ANYTHING:
        return None
    return list(answer) if isinstance(answer, tuple | frozenset) and chance.random() < 0.5 else answer

"""What counts as code that reaches state."""

from __future__ import annotations

import abc
import collections
import dataclasses
import enum
import functools
import logging
import time
import types
from collections.abc import Iterator
from contextlib import contextmanager
from os.path import join
from typing import Any, ClassVar

import pytest

import simactors
from simactors.sim.reach import Reach, is_users

SEEN: list[int] = []
LIMIT = 3
BOUND = 3
TWICE = 1
logger = logging.getLogger(__name__)


def again() -> None:
    global TWICE
    TWICE = 2


# A module with state is imported for each process, and so is all of it: classes and functions made here, locally, are
# judged by themselves.


def stateless() -> Iterator[Any]:
    def double(x: int) -> int:
        return 2 * x * BOUND

    def limited(x: int, most: int = 3) -> int:
        return min(x, most)

    class Account:
        limit = 10

        def __init__(self) -> None:
            self.balance = 0
            self.owner, self.names = None, ["x"]

        def add(self, n: int) -> int:
            self.balance += n
            del self.owner
            logger.info("added %s", n)
            time.sleep(0)
            return limited(self.balance)

        @property
        def value(self) -> int:
            return self.balance

        @staticmethod
        def help() -> str:
            return "no"

    class Savings(Account):
        def __init__(self) -> None:
            super().__init__()
            self.rate = 1

    yield from (double, limited, Account, Savings)


def stateless_kinds() -> Iterator[Any]:
    class Color(enum.Enum):
        RED = 1

        def shown(self) -> str:
            return str(self.value)

    @dataclasses.dataclass(frozen=True)
    class Point:
        x: int
        y: list[int] = dataclasses.field(default_factory=list)

    class Shape(abc.ABC):
        @abc.abstractmethod
        def area(self) -> float: ...

    class Slotted:
        __slots__ = ("a",)

        def __init__(self) -> None:
            self.a = 1

    class Bad(Exception):
        def __init__(self, why: str) -> None:
            super().__init__(why)
            self.why = why

    @simactors.remote
    class Actor:
        def run(self) -> Any:
            return Color.RED, Point(1), Pair(1, 2)

    @contextmanager
    def opened() -> Iterator[None]:
        yield

    Pair = collections.namedtuple("Pair", "a b")
    yield from (Color, Point, Shape, Slotted, Bad, Pair, opened)
    yield Actor.__wrapped__


def stateful() -> Iterator[Any]:
    def reads() -> int:
        return len(SEEN)

    def rebound() -> int:
        return TWICE

    def writes() -> None:
        global LIMIT
        LIMIT = 4

    def default(acc: list[int] = []) -> None:  # noqa: B006  # what the test is about
        acc.append(1)

    held = 1

    def closure() -> int:
        return held

    items: list[int] = []
    append = items.append

    def method_of_a_list() -> None:
        append(1)

    yield from (reads, rebound, writes, default, closure, method_of_a_list)


def stateful_classes() -> Iterator[Any]:
    class Counter:
        count = 0

        def up(self) -> None:
            Counter.count += 1

    class Kind:
        count = 0

        def up(self) -> None:
            type(self).count += 1

    class ByClassMethod:
        count = 0

        @classmethod
        def up(cls) -> None:
            cls.count += 1

    class Cache:
        cache: ClassVar[dict[str, int]] = {}

    class Inherits(Cache):
        pass

    class Uses:
        def f(self) -> Any:
            return Cache()

    class Reflects:
        def f(self) -> None:
            setattr(self, "x", 1)  # noqa: B010  # what the test is about

    yield from (Counter, Kind, ByClassMethod, Cache, Inherits, Uses, Reflects)


def stateful_others() -> Iterator[Any]:
    class Late(enum.Enum):
        RED = 1

    Late.extra = []  # type: ignore[attr-defined]

    @functools.lru_cache
    def cached(x: int) -> int:
        return x

    def uses_cached() -> int:
        return cached(1)

    def imports() -> Any:
        from tests.unit.sim import test_reach

        return test_reach

    @simactors.remote
    class Actor:
        def run(self) -> Any:
            return SEEN

    def has_attribute() -> None:
        pass

    has_attribute.calls = []  # type: ignore[attr-defined]
    yield from (Late, uses_cached, imports, has_attribute)
    yield Actor.__wrapped__


@pytest.mark.parametrize("code", [*stateless(), *stateless_kinds()], ids=lambda code: code.__name__)
def test_code_without_state_is_shared(code: Any) -> None:
    assert Reach().is_shared(code)


@pytest.mark.parametrize(
    "code", [*stateful(), *stateful_classes(), *stateful_others()], ids=lambda code: code.__name__
)
def test_code_with_state_is_not(code: Any) -> None:
    assert not Reach().is_shared(code)


def test_what_a_module_with_state_defines_is_not_shared_because_the_module_is_not() -> None:
    assert not Reach().is_shared(again)


def test_the_standard_library_and_installed_packages_are_not_the_users() -> None:
    assert not any(is_users(code) for code in (logging, pytest, logging.Logger, pytest.raises, dict, Reach))
    assert not is_users(
        join
    )  # of a module that the interpreter has in itself: its file is "<frozen posixpath>"
    assert is_users(again)
    assert is_users(types.ModuleType("made_by_hand"))

"""Specifications of single values: a register, one with compare-and-set, a counter."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any

from simactors.checkers.answers import or_nothing
from simactors.checkers.specification import Names, Vocabulary
from simactors.checkers.values import ANYTHING, normal
from simactors.core.history import Operation

READ: Names = ("read", "get", "value")
WRITE: Names = ("write", "set", "put")
COMPARE_AND_SET: Names = ("compare_and_set", "compare_and_swap", "cas")


@dataclass(frozen=True)
class Register:
    """One value: whoever reads gets what was written last. What a write returns does not matter.

    Args:
        initial: the value before the first write.
        read, write: the names of ``read()`` and ``write(value)``.
    """

    initial: Any = None
    _: KW_ONLY
    read: Names = READ
    write: Names = WRITE

    def __post_init__(self) -> None:
        object.__setattr__(self, "initial", normal(self.initial))

    @cached_property
    def _words(self) -> Vocabulary:
        return Vocabulary("Register", {"read": (self.read, ""), "write": (self.write, "value")})

    def apply(self, state: Any, operation: Operation) -> tuple[Any, Any]:
        """Read or write."""
        if self._words.meaning(operation) == "read":
            return state, state
        return normal(operation.args[0]), ANYTHING

    def reads(self, operation: Operation) -> bool:
        """Whether it is a read."""
        return self._words.meaning(operation) == "read"

    def kind(self, operation: Operation) -> Any:
        """Who asks does not matter."""
        return operation.name, operation.args


@dataclass(frozen=True)
class CasRegister:
    """A register that can also be written on a condition.

    Args:
        initial: the value before the first write.
        read, write: the names of ``read()`` and ``write(value)``.
        compare_and_set: the names of ``compare_and_set(expected, new)``, which writes ``new`` if the value is
            ``expected``, and returns whether it was.
    """

    initial: Any = None
    _: KW_ONLY
    read: Names = READ
    write: Names = WRITE
    compare_and_set: Names = COMPARE_AND_SET

    def __post_init__(self) -> None:
        object.__setattr__(self, "initial", normal(self.initial))

    @cached_property
    def _words(self) -> Vocabulary:
        meanings = {
            "read": (self.read, ""),
            "write": (self.write, "value"),
            "compare_and_set": (self.compare_and_set, "expected, new"),
        }
        return Vocabulary("CasRegister", meanings)

    def apply(self, state: Any, operation: Operation) -> tuple[Any, Any]:
        """Read, write, or write on a condition."""
        meaning = self._words.meaning(operation)
        if meaning == "read":
            return state, state
        if meaning == "write":
            return normal(operation.args[0]), ANYTHING
        expected, new = map(normal, operation.args)
        return (new, True) if state == expected else (state, False)

    def reads(self, operation: Operation) -> bool:
        """Whether it is a read."""
        return self._words.meaning(operation) == "read"

    def kind(self, operation: Operation) -> Any:
        """Who asks does not matter."""
        return operation.name, operation.args


@dataclass(frozen=True)
class Counter:
    """A number to which others are added. ``add`` and ``subtract`` answer with the new value, or with nothing.

    Args:
        initial: the value before the first operation.
        read: the names of ``read()``.
        add, subtract: the names of ``add(amount=1)`` and ``subtract(amount=1)``.
    """

    initial: float = 0
    _: KW_ONLY
    read: Names = ("read", "get", "value", "total", "count")
    add: Names = ("add", "increment", "incr", "inc")
    subtract: Names = ("subtract", "decrement", "decr", "dec")

    @cached_property
    def _words(self) -> Vocabulary:
        meanings = {
            "read": (self.read, ""),
            "add": (self.add, "amount?"),
            "subtract": (self.subtract, "amount?"),
        }
        return Vocabulary("Counter", meanings)

    def apply(self, state: Any, operation: Operation) -> tuple[Any, Any]:
        """Read, add or subtract."""
        meaning = self._words.meaning(operation)
        if meaning == "read":
            return state, state
        amount = operation.args[0] if operation.args else 1
        after = state + amount if meaning == "add" else state - amount
        return after, or_nothing(operation, after)

    def reads(self, operation: Operation) -> bool:
        """Whether it is a read."""
        return self._words.meaning(operation) == "read"

    def kind(self, operation: Operation) -> Any:
        """Who asks does not matter."""
        return operation.name, operation.args

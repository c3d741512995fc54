"""Specifications of what holds several values: a set, a first-in-first-out queue, a map."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any

from simactors.checkers.answers import or_nothing, or_raised
from simactors.checkers.queue_mistakes import QueueAsked, first_mistake
from simactors.checkers.queue_order import guess
from simactors.checkers.specification import Names, Vocabulary
from simactors.checkers.values import ANYTHING, FrozenMap, normal, same
from simactors.core.history import History, Operation

EMPTY: Names = ("Empty", "QueueEmpty", "IndexError")
FULL: Names = ("Full", "QueueFull")


@dataclass(frozen=True)
class Set:
    """Elements, each of them there or not. Judged apart for each element, unless somebody asks for all or their
    number.

    Args:
        initial: the elements at the beginning.
        add, remove: the names of ``add(element)`` and ``remove(element)``. They answer whether that changed
            anything, or with nothing; ``remove`` may also raise a `KeyError` if it did not.
        contains: the names of ``contains(element)``.
        members, size: the names of ``members()``, which answers with all of them in any order, and ``size()``.
    """

    initial: Iterable[Any] = ()
    _: KW_ONLY
    add: Names = ("add", "insert")
    remove: Names = ("remove", "discard", "delete")
    contains: Names = ("contains", "has")
    members: Names = ("members", "values", "elements", "items", "read")
    size: Names = ("size", "len", "count")

    def __post_init__(self) -> None:
        object.__setattr__(self, "initial", frozenset(map(normal, self.initial)))

    @cached_property
    def _words(self) -> Vocabulary:
        meanings = {
            "add": (self.add, "element"),
            "remove": (self.remove, "element"),
            "contains": (self.contains, "element"),
            "members": (self.members, ""),
            "size": (self.size, ""),
        }
        return Vocabulary("Set", meanings)

    def apply(self, state: frozenset[Any], operation: Operation) -> tuple[Any, Any]:
        """One operation."""
        meaning = self._words.meaning(operation)
        if meaning == "size":
            return state, len(state)
        if meaning == "members":
            return state, self._in_their_order(state, operation.result)
        element = normal(operation.args[0])
        there = element in state
        if meaning == "contains":
            return state, there
        if meaning == "add":
            return state | {element}, or_nothing(operation, not there)
        answer = or_nothing(operation, there)
        return state - {element}, answer if there else or_raised(operation, answer, "KeyError")

    @staticmethod
    def _in_their_order(state: frozenset[Any], observed: Any) -> Any:
        """All elements: as a list if the program answered with one, in its order if that has each of them once."""
        if not isinstance(observed, list | tuple):
            return state
        told = normal(observed)
        return (
            told if len(told) == len(state) and frozenset(told) == state else tuple(sorted(state, key=repr))
        )

    def key(self, operation: Operation) -> Hashable:
        """The element."""
        return (normal(operation.args[0]),) if operation.args else None

    def reads(self, operation: Operation) -> bool:
        """Whether it only looks."""
        return self._words.meaning(operation) in ("contains", "members", "size")

    def kind(self, operation: Operation) -> Any:
        """Who asks does not matter."""
        return operation.name, operation.args


@dataclass(frozen=True)
class Queue:
    """Elements, which leave in the order in which they came.

    ``get`` of an empty queue answers with None or raises; ``put`` into a full one answers with False or raises.

    Args:
        initial: the elements at the beginning, the first one first.
        maxsize: how many fit; 0 if there is no limit.
        put, get: the names of ``put(element)`` and ``get()``.
        peek: the names of ``peek()``, which answers as ``get()`` would, and takes nothing.
        size: the names of ``size()``.
        empty, full: the classes of exceptions, by name, that say so.
    """

    initial: Iterable[Any] = ()
    _: KW_ONLY
    maxsize: int = 0
    put: Names = ("put", "enqueue", "push", "append", "put_nowait")
    get: Names = ("get", "dequeue", "pop", "popleft", "get_nowait")
    peek: Names = ("peek", "front")
    size: Names = ("size", "qsize", "len")
    empty: Names = EMPTY
    full: Names = FULL

    def __post_init__(self) -> None:
        object.__setattr__(self, "initial", tuple(map(normal, self.initial)))

    @cached_property
    def _words(self) -> Vocabulary:
        meanings = {
            "put": (self.put, "element"),
            "get": (self.get, ""),
            "peek": (self.peek, ""),
            "size": (self.size, ""),
        }
        return Vocabulary("Queue", meanings)

    def apply(self, state: tuple[Any, ...], operation: Operation) -> tuple[Any, Any]:
        """One operation."""
        meaning = self._words.meaning(operation)
        if meaning == "size":
            return state, len(state)
        if meaning == "put":
            if self.maxsize and len(state) >= self.maxsize:
                return state, or_raised(operation, False, self.full)
            return (*state, normal(operation.args[0])), or_nothing(operation, True)
        if not state:
            return state, or_raised(operation, None, self.empty)
        return (state if meaning == "peek" else state[1:]), state[0]

    def reads(self, operation: Operation) -> bool:
        """Whether it only looks."""
        return self._words.meaning(operation) in ("peek", "size")

    def order(self, history: History) -> dict[int, float]:
        """What went out says what came in, and when; see `queue_order.py`."""
        asked = self._asked(history)
        return guess(asked.initial, asked.puts, asked.gets, asked.value)

    def mistake(self, history: History) -> Operation | None:
        """See `queue_mistakes.py`."""
        return first_mistake(self._asked(history))

    def _asked(self, history: History) -> QueueAsked:
        words = [(self._words.meaning(operation), operation) for operation in history]
        # What was answered with False or an exception found the queue full, and put nothing in.
        puts = [
            each
            for word, each in words
            if word == "put" and each.status != "raised" and not same(False, each.result)
        ]
        gets = [each for word, each in words if word == "get"]
        return QueueAsked(self.initial, puts, gets, self._element)  # type: ignore[arg-type]  # a tuple, since it was made

    def _element(self, operation: Operation) -> Any:
        return normal(operation.args[0] if self._words.meaning(operation) == "put" else operation.result)

    def kind(self, operation: Operation) -> Any:
        """Who asks does not matter."""
        return operation.name, operation.args


@dataclass(frozen=True)
class KeyValueMap:
    """A value for each key. Judged apart for each key, unless somebody asks for all items or their number.

    Args:
        initial: the items at the beginning.
        get: the names of ``get(key, default=None)``; it may also raise a `KeyError`.
        put: the names of ``put(key, value)``; what it answers does not matter.
        delete: the names of ``delete(key)``, which answers whether it was there, or with nothing, or raises a
            `KeyError`.
        contains: the names of ``contains(key)``.
        compare_and_set: the names of ``compare_and_set(key, expected, new)``, which puts ``new`` if ``expected`` is
            there (or nothing is, and it is None), and answers whether it did.
        items, size: the names of ``items()``, which answers with a `dict`, and ``size()``.
    """

    initial: Mapping[Any, Any] = FrozenMap()
    _: KW_ONLY
    get: Names = ("get", "read", "lookup")
    put: Names = ("put", "set", "write", "update")
    delete: Names = ("delete", "remove", "pop")
    contains: Names = ("contains", "has")
    compare_and_set: Names = ("compare_and_set", "compare_and_swap", "cas")
    items: Names = ("items", "snapshot", "all")
    size: Names = ("size", "len")

    def __post_init__(self) -> None:
        object.__setattr__(self, "initial", normal(self.initial))

    @cached_property
    def _words(self) -> Vocabulary:
        meanings = {
            "get": (self.get, "key, default?"),
            "put": (self.put, "key, value"),
            "delete": (self.delete, "key"),
            "contains": (self.contains, "key"),
            "compare_and_set": (self.compare_and_set, "key, expected, new"),
            "items": (self.items, ""),
            "size": (self.size, ""),
        }
        return Vocabulary("KeyValueMap", meanings)

    def apply(self, state: FrozenMap, operation: Operation) -> tuple[Any, Any]:
        """One operation."""
        meaning = self._words.meaning(operation)
        if meaning in ("items", "size"):
            return state, state if meaning == "items" else len(state)
        if self.reads(operation):
            return state, self._looked_up(state, operation, meaning)
        return self._changed(state, operation, meaning)

    @staticmethod
    def _looked_up(state: FrozenMap, operation: Operation, meaning: str) -> Any:
        key, *default = map(normal, operation.args)
        if meaning == "contains":
            return key in state
        if key in state:
            return state[key]
        return or_raised(operation, default[0] if default else None, "KeyError")

    @staticmethod
    def _changed(state: FrozenMap, operation: Operation, meaning: str) -> tuple[FrozenMap, Any]:
        key, *values = map(normal, operation.args)
        if meaning == "put":
            return state.with_item(key, values[0]), ANYTHING
        if meaning == "compare_and_set":
            fits = state.get(key) == values[0]
            return (state.with_item(key, values[1]) if fits else state), fits
        answer = or_nothing(operation, key in state)
        return state.without(key), answer if key in state else or_raised(operation, answer, "KeyError")

    def key(self, operation: Operation) -> Hashable:
        """The key."""
        return (normal(operation.args[0]),) if operation.args else None

    def reads(self, operation: Operation) -> bool:
        """Whether it only looks."""
        return self._words.meaning(operation) in ("get", "contains", "items", "size")

    def kind(self, operation: Operation) -> Any:
        """Who asks does not matter."""
        return operation.name, operation.args

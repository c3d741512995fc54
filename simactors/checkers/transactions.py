"""Transactions: operations of a history whose arguments and results are reads, writes and appends of keys.

Not whether they were isolated from each other: `isolation.py`. How to write one down by hand::

    transaction(read("x", [1]), append("y", 2), client="client-1", called=0, returned=3)

A history that was recorded needs nothing of that, if its operations take and return lists of such steps, as plain
tuples ``("r", "x", [1])``, ``("append", "y", 2)``, ``("w", "z", 3)``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from simactors.checkers.values import normal
from simactors.core.history import History, Operation, Status

Kind = Literal["r", "w", "append"]
Fate = Literal["committed", "aborted", "unknown"]
_KINDS = ("r", "w", "append")
_FATES: dict[Status, Fate] = {
    "returned": "committed",
    "raised": "aborted",
    "refused": "aborted",
    "unknown": "unknown",
}
_MOST_SHOWN = 6


class Step(NamedTuple):
    """One thing that a transaction did.

    Attributes:
        kind: ``r`` reads, ``w`` writes a register, ``append`` adds an element to a list.
        key: of what.
        value: what was read, written or added; of a list, all elements are read.
    """

    kind: Kind
    key: Hashable
    value: Any

    def __str__(self) -> str:
        if self.kind == "append":
            return f"append {self.value!r} to {self.key}"
        return f"{'read' if self.kind == 'r' else 'write'} {self.key} = {shown(self.value)}"


def read(key: Hashable, value: Any = None) -> Step:
    """A read, and what it returned."""
    return Step("r", key, value)


def write(key: Hashable, value: Any) -> Step:
    """A write of a register."""
    return Step("w", key, value)


def append(key: Hashable, element: Any) -> Step:
    """An element is added to the end of a list."""
    return Step("append", key, element)


def shown(value: Any) -> str:
    """A value read, on one line; of a long list, the end."""
    if isinstance(value, list | tuple):
        inner = ", ".join(map(repr, value[-_MOST_SHOWN:]))
        return f"[..., {inner}]" if len(value) > _MOST_SHOWN else f"[{inner}]"
    return repr(value)


def transaction(
    *steps: Step,
    called: int,
    returned: int | None = None,
    client: str = "client",
    status: Status | None = None,
) -> Operation:
    """An operation of a history that is a transaction.

    Args:
        steps: what it did, in order.
        called, returned: as `Operation`'s.
        status: how it ended; if not given, it returned, and its outcome is unknown if it has no place of return.
    """
    if status is None:
        status = "unknown" if returned is None else "returned"
    result = list(steps) if status == "returned" else None
    args = (list(steps),)
    return Operation(
        client=client,
        name="transaction",
        args=args,
        called=called,
        returned=returned,
        status=status,
        result=result,
    )


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction of a history.

    Attributes:
        number: its place in the history, counted from 0; its name is ``T1`` for the first.
        fate: ``unknown`` may have been committed, or may be yet.
        steps: what it did, or was asked to do, in order; what it read is known only if it was committed.
        operation: where it was found.
    """

    number: int
    fate: Fate
    steps: tuple[Step, ...]
    operation: Operation

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"T{self.number + 1}"

    def __str__(self) -> str:
        fate = "" if self.fate == "committed" else f" ({self.fate})"
        told = [step for step in self.steps if self.fate == "committed" or step.kind != "r"]
        return f"{self.name}  {self.operation.client}: {'; '.join(map(str, told))}{fate}"


Reading = Callable[[Operation], Iterable[tuple[Any, ...]]]
"""What turns an operation into the steps of its transaction."""


def steps_of(operation: Operation) -> Iterable[tuple[Any, ...]]:
    """The steps that it returned, or else those of its arguments, or of its only argument.

    Raises:
        ValueError: there are none.
    """
    sources = [operation.result] if operation.status == "returned" else []
    sources.append(operation.args)
    sources.extend(operation.args[:1])
    for source in sources:
        if source and _are_steps(source):
            return source  # type: ignore[no-any-return]  # `_are_steps` has looked
    if operation.args in ((), ([],), ((),)) and (operation.result is None or operation.result in ([], ())):
        return ()
    raise ValueError(
        f"no transaction: {operation}; it should take or return a list of steps like ('append', 'x', 1), "
        "('r', 'x', [1]) or ('w', 'x', 1), or else say with `steps=` how to read it"
    )


def _are_steps(source: Any) -> bool:
    if not isinstance(source, list | tuple):
        return False
    return all(isinstance(part, list | tuple) and len(part) == 3 and part[0] in _KINDS for part in source)


def transactions(history: History | Sequence[Operation], steps: Reading = steps_of) -> list[Transaction]:
    """The transactions of a history, in its order.

    Args:
        steps: how to read an operation.

    Raises:
        ValueError: an operation has no steps, or one that is neither a read nor a write nor an append.
    """
    return [
        Transaction(number, _FATES[operation.status], tuple(map(_step, steps(operation))), operation)
        for number, operation in enumerate(history)
    ]


def _step(part: tuple[Any, ...]) -> Step:
    if len(part) != 3 or part[0] not in _KINDS:
        raise ValueError(f"a step is ('r' or 'w' or 'append', key, value), not {part!r}")
    kind, key, value = part
    return Step(kind, normal(key), value)

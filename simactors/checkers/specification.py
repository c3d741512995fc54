"""What a specification is: how an object would behave if one operation came after the other.

Not the ready ones, which are in `specs`. The judge asks for no more than this; a user's own class needs no base
class.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from simactors.core.history import History, Operation
from simactors.exceptions import SpecificationError

Names = str | tuple[str, ...]
"""How a program calls an operation: one name, or several that mean the same."""


class Specification(Protocol):
    """An object, one operation after the other.

    Examples:
        >>> class Ticket:
        ...     initial = 0
        ...     def apply(self, state, operation):
        ...         return state + 1, state + 1
    """

    @property
    def initial(self) -> Any:
        """The state before the first operation: immutable and hashable, like all states."""
        ...

    def apply(self, state: Any, operation: Operation) -> tuple[Any, Any]:
        """What `operation` does to `state`: the new state, and the answer.

        It must always say the same of the same, and may look at no more of the operation than its name, its
        arguments, its client and, where several answers are right, its result. If it raises, the operation raises
        that and changes nothing.

        Raises:
            SpecificationError: this is no operation of the object; that is wrong use, and no answer.
        """
        ...


@runtime_checkable
class Keyed(Protocol):
    """A specification of an object that consists of independent parts, which can be judged apart."""

    def key(self, operation: Operation) -> Hashable:
        """The part that it is about; None if it is about all of them."""
        ...


@runtime_checkable
class KnowsReads(Protocol):
    """A specification that knows which operations change nothing; that saves the judge much time."""

    def reads(self, operation: Operation) -> bool:
        """Whether it leaves every state as it is."""
        ...


@runtime_checkable
class KnowsKinds(Protocol):
    """A specification that knows which operations do the same; that saves time where many have no answer.

    Without it, those of the same client with the same name and the same arguments do.
    """

    def kind(self, operation: Operation) -> Any:
        """What does the same, and would be answered the same, in every state."""
        ...


@runtime_checkable
class KnowsOrder(Protocol):
    """A specification that can tell from later answers which of several operations came first; that saves much time."""

    def order(self, history: History) -> Mapping[int, float]:
        """For some operations, by where they were called, a number: of two that ran at once, the smaller came first.

        It is where the judge looks first, and no more: a wrong guess costs time, and changes no verdict.
        """
        ...


@runtime_checkable
class KnowsMistakes(Protocol):
    """A specification that sees of some wrong histories that they are, where the judge would have to try all orders."""

    def mistake(self, history: History) -> Operation | None:
        """The operation with whose answer the history is certainly wrong; None if it is not, or if that can't be told.

        Unlike `KnowsOrder.order` this must be right. Nothing that was ``refused`` is in the history.
        """
        ...


@dataclass(frozen=True)
class Vocabulary:
    """The operations of a specification, under the names that a program has for them.

    Args:
        owner: whose: ``Register``.
        meanings: for each meaning, the names that it has and its parameters: ``"key, default?"``; ``?`` may be left
            out.

    Raises:
        ValueError: one name has two meanings.
    """

    owner: str
    meanings: Mapping[str, tuple[Names, str]]

    def __post_init__(self) -> None:
        table: dict[str, tuple[str, int, int]] = {}
        for meaning, (names, parameters) in self.meanings.items():
            words = parameters.replace(",", " ").split()
            least = sum(not word.endswith("?") for word in words)
            for name in as_tuple(names):
                if name in table:
                    raise ValueError(f"{self.owner}: {name!r} can't mean both {table[name][0]} and {meaning}")
                table[name] = (meaning, least, len(words))
        object.__setattr__(self, "_table", table)

    def meaning(self, operation: Operation) -> str:
        """What it means.

        Raises:
            SpecificationError: the specification does not know it, or not with so many arguments.
        """
        table: dict[str, tuple[str, int, int]] = self._table  # type: ignore[attr-defined]  # set above
        known = table.get(operation.name)
        if known is None or not known[1] <= len(operation.args) <= known[2]:
            raise SpecificationError(f"{self.owner} does not know `{_asked(operation)}`; it knows {self}")
        return known[0]

    def __str__(self) -> str:
        return ", ".join(
            f"{'/'.join(as_tuple(names))}({parameters})" for names, parameters in self.meanings.values()
        )


def as_tuple(names: Names) -> tuple[str, ...]:
    """Several names, also if there is but one."""
    return (names,) if isinstance(names, str) else tuple(names)


def _asked(operation: Operation) -> str:
    return f"{operation.name}({', '.join(map(repr, operation.args))})"

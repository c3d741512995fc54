"""What a judge says of a history or a trace: `Ok`, `Violated` or `Unknown`. Not how it comes to say so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

from simactors.exceptions import UndecidedError, ViolationError


@dataclass(frozen=True, slots=True)
class Ok:
    """The property holds.

    Attributes:
        property: what was judged: ``linearizable``.
        seen: how many operations, or steps, were judged: a verdict on nothing is worth nothing.
    """

    property: str
    seen: int = 0

    def __bool__(self) -> bool:
        return True

    def __str__(self) -> str:
        return f"{self.property}: ok ({self.seen} seen)"

    def check(self) -> None:
        """Nothing to complain of."""


@dataclass(frozen=True, slots=True)
class Violated:
    """The property does not hold.

    Attributes:
        property: what was judged.
        reason: a sentence: what is wrong, and where.
        picture: the same drawn, in several lines; empty if there is nothing to draw.
        evidence: what it was found in: operations, a cycle.
    """

    property: str
    reason: str
    picture: str = ""
    evidence: tuple[Any, ...] = field(default=(), repr=False)

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return "\n".join(filter(None, (f"{self.property}: violated: {self.reason}", self.picture)))

    def check(self) -> NoReturn:
        """Complain.

        Raises:
            ViolationError: always.
        """
        __tracebackhide__ = True
        raise ViolationError(str(self))


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can say whether the property holds; that is never a success.

    Attributes:
        property: what was judged.
        reason: why it can't be said, and what to do about it.
    """

    property: str
    reason: str

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return f"{self.property}: unknown: {self.reason}"

    def check(self) -> NoReturn:
        """Complain.

        Raises:
            UndecidedError: always.
        """
        __tracebackhide__ = True
        raise UndecidedError(str(self))


Verdict = Ok | Violated | Unknown

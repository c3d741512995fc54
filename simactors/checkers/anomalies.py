"""What a history of transactions shows and isolation levels forbid: an `Anomaly`, named as in `isolation.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from simactors.checkers.transactions import Transaction

GRAVITY = (
    "garbage-read",
    "duplicate-elements",
    "cyclic-versions",
    "G0",
    "incompatible-order",
    "G1a",
    "G1b",
    "G1c",
    "internal",
    "lost-update",
    "G-single",
    "G-nonadjacent",
    "G2-item",
)
"""All kinds of anomalies, the gravest first."""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Something that a history shows, and that some isolation levels forbid.

    Attributes:
        kind: ``G1a``; all are explained in `isolation.py`.
        reason: a sentence: who did what.
        transactions: between whom, in the order of the cycle if it is one.
        links: of a cycle: why each transaction comes before the next, and the last before the first.
        order: what a cycle needs besides the versions of keys: the order of a client's transactions, or real time.
    """

    kind: str
    reason: str
    transactions: tuple[Transaction, ...]
    links: tuple[str, ...] = ()
    order: Literal["", "session", "time"] = ""

    @property
    def name(self) -> str:
        """Its kind, with the order that it needs: ``G-single-time``."""
        return f"{self.kind}-{self.order}" if self.order else self.kind

    @property
    def picture(self) -> str:
        """The transactions, then how each leads to the next."""
        once = {transaction.number: transaction for transaction in self.transactions}
        lines = [str(transaction) for transaction in once.values()]
        following = self.transactions[1:] + self.transactions[:1]
        for one, other, why in zip(self.transactions, following, self.links, strict=False):
            lines.append(f"{one.name} -> {other.name}  {why}")
        return "\n".join(f"  {line}" for line in lines)

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"

"""The versions of keys: who wrote each, who read it, and which follow it, as far as a history tells.

How they are inferred from lists is in `list_versions.py`, from registers in `register_versions.py`; what follows for
transactions in `dependencies.py`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from simactors.checkers.anomalies import Anomaly
from simactors.checkers.transactions import Transaction


@dataclass(slots=True, eq=False)
class Version:
    """One value that a key had.

    Attributes:
        key: whose.
        value: the register's value, or the last element of the list; None of the first version, which nobody wrote.
        writer: the number of the transaction that installed it; None of the first version.
        readers: the numbers of the committed transactions that read it, without its writer.
        followers: versions that certainly come after it; those that come after them are not repeated.
    """

    key: Hashable
    value: Any
    writer: int | None
    readers: list[int] = field(default_factory=list)
    followers: list[Version] = field(default_factory=list)

    def add_reader(self, number: int) -> None:
        """Somebody read it; once, however often."""
        if number != self.writer and (not self.readers or self.readers[-1] != number):
            self.readers.append(number)


@dataclass(slots=True)
class Inferred:
    """What the values of a history tell.

    Attributes:
        versions: of each key, in no particular order; empty of a key whose versions can't be put in order.
        anomalies: what is wrong without a cycle.
        doubts: why the history can't be judged to the end.
    """

    versions: dict[Hashable, list[Version]] = field(default_factory=dict)
    anomalies: list[Anomaly] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def blame(self, name: str, reason: str, *transactions: Transaction) -> None:
        """Note an anomaly."""
        self.anomalies.append(Anomaly(name, reason, transactions))

    def __iter__(self) -> Iterator[Version]:
        for versions in self.versions.values():
            yield from versions


def real(
    transactions: Sequence[Transaction], observed: Iterable[int], *, trusts_reads: bool
) -> frozenset[int]:
    """The numbers of the transactions that certainly took effect.

    Args:
        observed: those one of whose writes was read by a committed transaction.
        trusts_reads: an unknown transaction whose write was read counts as committed. If it was aborted after all, its
            reader has read from an aborted transaction, and the level that trusts reads is violated nevertheless.
    """
    found = {t.number for t in transactions if t.fate == "committed"}
    if trusts_reads:
        found.update(number for number in observed if transactions[number].fate == "unknown")
    return frozenset(found)


def lost_updates(transactions: Sequence[Transaction], inferred: Inferred) -> Iterator[Anomaly]:
    """Two committed transactions that read the same version of a key, and both wrote the key.

    Source: Kingsbury and Alvaro, Elle, PVLDB 14(3), 2020, section 6.1 for the name; Berenson et al., A critique of ANSI
    SQL isolation levels, SIGMOD 1995, P4.
    """
    for key, versions in inferred.versions.items():
        writers = {version.writer for version in versions}
        for version in versions:
            both = [number for number in version.readers if number in writers]
            if len(both) > 1:
                losers = [transactions[number] for number in both]
                names = " and ".join(loser.name for loser in losers)
                left = "at first" if version.writer is None else f"after {transactions[version.writer].name}"
                yield Anomaly(
                    "lost-update", f"{names} read {key} as it was {left}, and each wrote it", tuple(losers)
                )

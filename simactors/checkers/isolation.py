"""Whether transactions were isolated from each other as a database promises: a judge of histories of transactions.

The method is Elle's: infer from the values that transactions read which one must have come before which, and look for
cycles; no orders are tried out, so histories may be long. Sources: Adya, Weak consistency, MIT 1999 (G0 to G2, PL-1 to
PL-3); Kingsbury and Alvaro, Elle: Inferring isolation anomalies from experimental observations, PVLDB 14(3), 2020;
Cerone and Gotsman, Analysing snapshot isolation, Journal of the ACM 65(2), 2018 (two anti-dependencies in a row);
Daudjee and Salem, Lazy database replication with snapshot isolation, VLDB 2006 (strong and strong session).

| anomaly                | what happened |
| --- | --- |
| ``garbage-read``       | a transaction read what nobody wrote |
| ``duplicate-elements`` | an element is in a list twice, although it was appended once |
| ``cyclic-versions``    | registers are not in the order that `key_order` took for granted |
| ``G0``                 | dirty write: a cycle of writes (ww) |
| ``incompatible-order`` | two reads of a list of which neither is the beginning of the other |
| ``G1a``                | aborted read: of what an aborted transaction wrote |
| ``G1b``                | intermediate read: of what its writer went on to change |
| ``G1c``                | circular information flow: a cycle of writes and reads (ww, wr) |
| ``internal``           | a transaction read something else than it had read or written itself |
| ``lost-update``        | two transactions read the same version, and both replaced it |
| ``G-single``           | read skew: a cycle with one anti-dependency (rw) |
| ``G-nonadjacent``      | long fork: a cycle with several anti-dependencies, no two in a row |
| ``G2-item``            | write skew: a cycle with two anti-dependencies in a row |

Cycles that need the order of a client's transactions or of real time are named ``G-single-session``,
``G-single-time`` and so on. There are no predicate reads: Adya's PL-2.99, repeatable read, is PL-3 here, and G2 is
G2-item.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from simactors.checkers.anomalies import GRAVITY, Anomaly
from simactors.checkers.cycles import cycles
from simactors.checkers.dependencies import SESSION, TIME, dependencies
from simactors.checkers.list_versions import infer_lists
from simactors.checkers.register_versions import KeyOrder, infer_registers
from simactors.checkers.transactions import Reading, Transaction, steps_of, transactions
from simactors.checkers.verdict import Ok, Unknown, Verdict, Violated
from simactors.checkers.versions import Inferred, lost_updates
from simactors.core.history import History, Operation

Model = Literal["list", "register"]
"""What keys hold: lists that are appended to, or registers that are overwritten; elements and values are unique."""

Level = Literal[
    "read-uncommitted",
    "read-committed",
    "snapshot-isolation",
    "strong-session-snapshot-isolation",
    "strong-snapshot-isolation",
    "serializable",
    "strong-session-serializable",
    "strict-serializable",
]
"""What a database promises."""


@dataclass(frozen=True, slots=True)
class _Promise:
    """What a level forbids, and which orders count besides that of versions."""

    forbids: tuple[str, ...]
    orders: int = 0


_PL_1 = ("garbage-read", "duplicate-elements", "cyclic-versions", "G0")
_PL_2 = (*_PL_1, "incompatible-order", "G1a", "G1b", "G1c")
_SNAPSHOT = (*_PL_2, "internal", "lost-update", "G-single", "G-nonadjacent")
_PL_3 = (*_SNAPSHOT, "G2-item")
_LEVELS: dict[Level, _Promise] = {
    "read-uncommitted": _Promise(_PL_1),
    "read-committed": _Promise(_PL_2),
    "snapshot-isolation": _Promise(_SNAPSHOT),
    "strong-session-snapshot-isolation": _Promise(_SNAPSHOT, SESSION),
    "strong-snapshot-isolation": _Promise(_SNAPSHOT, SESSION | TIME),
    "serializable": _Promise(_PL_3),
    "strong-session-serializable": _Promise(_PL_3, SESSION),
    "strict-serializable": _Promise(_PL_3, SESSION | TIME),
}


def isolated(
    history: History | Sequence[Operation],
    *,
    model: Model = "list",
    level: Level = "serializable",
    steps: Reading = steps_of,
    first: Mapping[Hashable, Any] | None = None,
    key_order: KeyOrder = "open",
) -> Verdict:
    """Whether the transactions of a history are isolated as `level` promises.

    An operation that returned was committed, one that raised or was refused was aborted, and of an unknown one it
    counts as committed if a committed transaction has read what it wrote.

    Args:
        history: each operation is a transaction; see `transactions.py` for how they are written.
        model: what keys hold. Lists start empty, and tell much more than registers.
        level: what was promised.
        steps: what makes the steps of a transaction of an operation, if it does not hold them plainly.
        first: what registers held before the history; None if not given.
        key_order: what to take for granted of each register by itself; more anomalies are found then, and blame is due
            to the registers if that was wrong.

    Returns:
        `Ok` with the number of committed transactions; `Violated` with the gravest anomaly, its picture, and all
        `Anomaly` objects as evidence, the gravest first; `Unknown` if no anomaly was found among what can be judged,
        but values were written twice, or at ``read-uncommitted`` the order of versions is not known.

    Raises:
        ValueError: there is no such level or model, an operation is no transaction, or its steps are not of the model.

    What is found is there; but not all that is there is found: values that nobody reads tell nothing, and registers
    show an order only where somebody reads a version and then writes. Final reads of all keys help.

    Examples:
        >>> from simactors.checkers.transactions import append, read, transaction
        >>> skewed = History((
        ...     transaction(read("x", []), append("y", 1), called=0, returned=2, client="a"),
        ...     transaction(read("y", []), append("x", 2), called=1, returned=3, client="b"),
        ... ))
        >>> print(isolated(skewed, level="snapshot-isolation"))
        snapshot-isolation: ok (2 seen)
        >>> print(isolated(skewed, level="serializable"))
        serializable: violated: G2-item: 2 transactions in a cycle: T1 -rw-> T2 -rw-> T1
          T1  a: read x = []; append 1 to y
          T2  b: read y = []; append 2 to x
          T1 -> T2  rw: T1 read x = [], and T2 appended 2 to x after it
          T2 -> T1  rw: T2 read y = [], and T1 appended 1 to y after it
    """
    if level not in _LEVELS:
        raise ValueError(f"no such level: {level!r}; there are {', '.join(_LEVELS)}")
    promise = _LEVELS[level]
    read = transactions(history, steps)
    inferred = _infer(read, model, first or {}, key_order, trusts_reads="G1a" in promise.forbids)
    found = [anomaly for anomaly in inferred.anomalies if anomaly.kind in promise.forbids]
    if "lost-update" in promise.forbids:
        found.extend(lost_updates(read, inferred))
    graph = dependencies(read, inferred, orders=promise.orders)
    found.extend(cycles(graph, read, inferred, forbids=promise.forbids, orders=promise.orders))
    if found:
        return _violated(level, sorted(found, key=_gravity))
    if any(anomaly.kind == "incompatible-order" for anomaly in inferred.anomalies):
        inferred.doubts.append("some reads of a list contradict each other, so its versions have no order")
    if inferred.doubts:
        return Unknown(level, _doubts(inferred.doubts))
    return Ok(level, sum(transaction.fate == "committed" for transaction in read))


def _infer(
    read: Sequence[Transaction],
    model: Model,
    first: Mapping[Hashable, Any],
    key_order: KeyOrder,
    *,
    trusts_reads: bool,
) -> Inferred:
    if model == "list":
        if first or key_order != "open":
            raise ValueError("lists start empty and tell the order of their versions: no first, no key_order")
        return infer_lists(read, trusts_reads=trusts_reads)
    if model == "register":
        return infer_registers(read, first=first, key_order=key_order, trusts_reads=trusts_reads)
    raise ValueError(f"no such model: {model!r}; there are 'list' and 'register'")


def _gravity(anomaly: Anomaly) -> tuple[int, int, int]:
    """The gravest kind first; without an order of clients or time before with it; short cycles before long ones."""
    return GRAVITY.index(anomaly.kind), ("", "session", "time").index(anomaly.order), len(anomaly.links)


def _violated(level: Level, found: Sequence[Anomaly]) -> Violated:
    worst = found[0]
    counts: dict[str, int] = {}
    for anomaly in found[1:]:
        counts[anomaly.name] = counts.get(anomaly.name, 0) + 1
    others = ", ".join(f"{count} {name}" for name, count in counts.items())
    reason = f"{worst}; besides: {others}" if others else str(worst)
    return Violated(level, reason, worst.picture, tuple(found))


def _doubts(doubts: Sequence[str]) -> str:
    return doubts[0] if len(doubts) == 1 else f"{doubts[0]}; and {len(doubts) - 1} more such reasons"

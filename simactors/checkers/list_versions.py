"""The versions of lists that transactions append to: each read shows all versions before it, in order.

Not registers: `register_versions.py`. The idea, that elements which are never added twice make a list tell its own
history, is from Kingsbury and Alvaro, Elle: Inferring isolation anomalies from experimental observations, PVLDB 14(3),
2020, sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from simactors.checkers.transactions import Transaction, shown
from simactors.checkers.versions import Inferred, Version, real


@dataclass(slots=True)
class _List:
    """What a history tells of one key.

    Attributes:
        writers: who added each element.
        last: the last element that each transaction added.
        reads: the reads of committed transactions, in order.
        longest: the longest of them.
        is_clear: all of them agree.
    """

    key: Hashable
    writers: dict[Any, int] = field(default_factory=dict)
    last: dict[int, Any] = field(default_factory=dict)
    reads: list[tuple[int, Sequence[Any]]] = field(default_factory=list)
    longest: Sequence[Any] = ()
    is_clear: bool = True


def infer_lists(transactions: Sequence[Transaction], *, trusts_reads: bool) -> Inferred:
    """The versions of all keys, with what is wrong with single reads.

    Args:
        trusts_reads: as for `versions.real`.
    """
    inferred = Inferred()
    lists: dict[Hashable, _List] = {}
    for transaction in transactions:
        _take_in(transaction, lists, inferred)
    for one in lists.values():
        if one.reads:
            one.longest = max((value for _, value in one.reads), key=len)
        if one.is_clear:
            _check_reads(one, transactions, inferred)
    observed = (one.writers[e] for one in lists.values() if one.is_clear for e in one.longest)
    counted = real(transactions, observed, trusts_reads=trusts_reads)
    for one in lists.values():
        if one.is_clear:
            inferred.versions[one.key] = _versions(one, counted, trusts_reads=trusts_reads)
    return inferred


def _take_in(transaction: Transaction, lists: dict[Hashable, _List], inferred: Inferred) -> None:
    """Note the steps of a transaction, and whether it agrees with itself."""
    known: dict[Hashable, tuple[Any, ...]] = {}  # what it has read last, with what it has added since
    added: dict[Hashable, tuple[Any, ...]] = {}  # what it has added before it read for the first time
    for kind, key, value in transaction.steps:
        one = lists.get(key)
        if one is None:
            one = lists[key] = _List(key)
        if kind == "append":
            _note_append(one, transaction, value, inferred)
            where = known if key in known else added
            where[key] = (*where.get(key, ()), value)
        elif kind == "w":
            raise ValueError(
                f"{transaction.name} writes {key}, but this model is of lists: append, or model='register'"
            )
        elif transaction.fate == "committed" and value is not None:
            one.reads.append((transaction.number, value))
            found = tuple(value)
            if key in known:
                agrees = found == known[key]
            else:
                own = added.get(key, ())
                agrees = not own or found[-len(own) :] == own
            if not agrees:
                why = f"{transaction.name} read {key} = {shown(value)}, against what it had read or added itself"
                inferred.blame("internal", why, transaction)
            known[key] = found


def _note_append(one: _List, transaction: Transaction, element: Any, inferred: Inferred) -> None:
    try:
        twice = element in one.writers
    except TypeError:
        raise ValueError(
            f"{transaction.name} appends {element!r} to {one.key}: elements must be hashable"
        ) from None
    if twice:
        one.is_clear = False
        inferred.doubts.append(
            f"{element!r} was appended to {one.key} twice: elements must be unique for each key"
        )
    one.writers[element] = transaction.number
    one.last[transaction.number] = element


def _check_reads(one: _List, transactions: Sequence[Transaction], inferred: Inferred) -> None:
    """Whether each read is one that can be, and all agree; otherwise the list is not clear."""
    longest_by = next((number for number, value in one.reads if value is one.longest), None)
    first_aborted = _first_aborted(one, one.longest, transactions)
    for number, value in one.reads:
        reader = transactions[number]
        is_prefix = list(one.longest[: len(value)]) == list(value)
        if not is_prefix:
            one.is_clear = False
            other = transactions[longest_by] if longest_by is not None else reader
            why = f"{reader.name} read {one.key} = {shown(value)}, but {other.name} read {shown(one.longest)}"
            inferred.blame("incompatible-order", why, reader, other)
        if value is one.longest or not is_prefix:
            one.is_clear = _is_sound(one, reader, value, inferred) and one.is_clear
        aborted = first_aborted if is_prefix else _first_aborted(one, value, transactions)
        if aborted is not None and aborted < len(value):
            writer = transactions[one.writers[value[aborted]]]
            said = f"{reader.name} read {value[aborted]!r} of {one.key}"
            why = f"{said}, which {writer.name} appended, and that was aborted"
            inferred.blame("G1a", why, reader, writer)
        _check_intermediate(one, reader, value, transactions, inferred)


def _is_sound(one: _List, reader: Transaction, value: Sequence[Any], inferred: Inferred) -> bool:
    """Whether a read consists of elements that somebody appended, each once."""
    said = f"{reader.name} read {one.key} = {shown(value)}"
    unwritten = [element for element in value if element not in one.writers]
    if unwritten:
        inferred.blame("garbage-read", f"{said}, but nobody ever appended {unwritten[0]!r}", reader)
    seen = set()
    twice = [element for element in value if element in seen or seen.add(element)]  # type: ignore[func-returns-value]
    if twice:
        inferred.blame("duplicate-elements", f"{said}, but {twice[0]!r} was appended only once", reader)
    return not unwritten and not twice


def _first_aborted(one: _List, value: Sequence[Any], transactions: Sequence[Transaction]) -> int | None:
    for place, element in enumerate(value):
        writer = one.writers.get(element)
        if writer is not None and transactions[writer].fate == "aborted":
            return place
    return None


def _check_intermediate(
    one: _List,
    reader: Transaction,
    value: Sequence[Any],
    transactions: Sequence[Transaction],
    inferred: Inferred,
) -> None:
    """Whether a read ends in the middle of another transaction."""
    number = one.writers.get(value[-1]) if value else None
    if number is None or number == reader.number or transactions[number].fate == "aborted":
        return
    if one.last[number] != value[-1]:
        writer = transactions[number]
        why = (
            f"{reader.name} read {one.key} = {shown(value)}, after {writer.name} appended {value[-1]!r} "
            f"and before it appended {one.last[number]!r}"
        )
        inferred.blame("G1b", why, reader, writer)


def _versions(one: _List, counted: frozenset[int], *, trusts_reads: bool) -> list[Version]:
    """The versions in their order; last, those that nobody read.

    An element that was added for certain, and is missing in the longest read, was added after it: the longest read
    would contain it otherwise. Among several of those the order is open. A dirty read may have come before its time,
    so it does not tell that.
    """
    chain = [Version(one.key, None, None)]
    reached = [0]  # by how many elements, which version
    for element in one.longest:
        if one.writers[element] in counted:
            version = Version(one.key, element, one.writers[element])
            chain[-1].followers.append(version)
            chain.append(version)
        reached.append(len(chain) - 1)
    for number, value in one.reads:
        chain[reached[len(value)]].add_reader(number)
    seen = set(one.longest)
    unread = [
        Version(one.key, element, number)
        for number, element in one.last.items()
        if trusts_reads and number in counted and element not in seen
    ]
    chain[-1].followers.extend(unread)
    return chain + unread

"""The versions of registers that transactions overwrite: values tell who wrote them, and only a little of their order.

Not lists: `list_versions.py`. Source: Kingsbury and Alvaro, Elle, PVLDB 14(3), 2020, section 5.2; the options for the
order of a key's versions are those of its section 5.2, too.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from simactors.checkers.graphs import Graph, components
from simactors.checkers.transactions import Transaction
from simactors.checkers.versions import Inferred, Version, real

KeyOrder = Literal["open", "sequential", "linearizable"]
"""What is taken for granted of each register by itself.

``open``: nothing. ``sequential``: each client finds its versions in their order. ``linearizable``: a transaction that
was called when another had returned finds the same version or a later one.
"""


@dataclass(slots=True)
class _Register:
    """What a history tells of one key.

    Attributes:
        writers: who wrote each value.
        last: the last value that each transaction wrote.
        reads: what committed transactions read that they had not written themselves.
        replaced: (before, number): the transaction read `before`, then wrote.
        is_clear: no value was written twice.
    """

    key: Hashable
    first: Any
    writers: dict[Any, int] = field(default_factory=dict)
    last: dict[int, Any] = field(default_factory=dict)
    reads: list[tuple[int, Any]] = field(default_factory=list)
    replaced: list[tuple[Any, int]] = field(default_factory=list)
    is_clear: bool = True


def infer_registers(
    transactions: Sequence[Transaction],
    *,
    first: Mapping[Hashable, Any],
    key_order: KeyOrder,
    trusts_reads: bool,
) -> Inferred:
    """The versions of all keys, with what is wrong with single reads.

    Args:
        first: what keys held before the history; None if they are not there.
        key_order: what to take for granted.
        trusts_reads: as for `versions.real`; also, whoever reads a version and then writes has written a later one.
    """
    inferred = Inferred()
    registers: dict[Hashable, _Register] = {}
    for transaction in transactions:
        _take_in(transaction, registers, first, inferred)
    for one in registers.values():
        if one.is_clear:
            _check_reads(one, transactions, inferred)
    observed = (one.writers[v] for one in registers.values() for _, v in one.reads if v in one.writers)
    counted = real(transactions, observed, trusts_reads=trusts_reads)
    for one in registers.values():
        if one.is_clear:
            inferred.versions[one.key] = _versions(
                one, transactions, counted, key_order, trusts_reads, inferred
            )
    if not trusts_reads and key_order == "open":
        inferred.doubts.append(
            "nothing tells the order of a register's versions at this level: give key_order"
        )
    return inferred


def _take_in(
    transaction: Transaction,
    registers: dict[Hashable, _Register],
    first: Mapping[Hashable, Any],
    inferred: Inferred,
) -> None:
    """Note the steps of a transaction, and whether it agrees with itself."""
    known: dict[Hashable, Any] = {}
    wrote: set[Hashable] = set()
    is_committed = transaction.fate == "committed"
    for kind, key, value in transaction.steps:
        one = registers.get(key)
        if one is None:
            one = registers[key] = _Register(key, first.get(key))
        if kind == "append":
            raise ValueError(
                f"{transaction.name} appends to {key}, but this model is of registers: write, or model='list'"
            )
        if kind == "w":
            _note_write(one, transaction, value, inferred)
            if is_committed and key in known and key not in wrote:
                one.replaced.append((known[key], transaction.number))
            wrote.add(key)
            known[key] = value
        elif is_committed:
            if key in known and known[key] != value:
                why = f"{transaction.name} read {key} = {value!r}, but had read or written {known[key]!r} itself"
                inferred.blame("internal", why, transaction)
            if key not in wrote or known[key] != value:
                one.reads.append((transaction.number, value))
            known[key] = value


def _note_write(one: _Register, transaction: Transaction, value: Any, inferred: Inferred) -> None:
    try:
        twice = value in one.writers or value == one.first
    except TypeError:
        raise ValueError(
            f"{transaction.name} writes {value!r} to {one.key}: values must be hashable"
        ) from None
    if twice:
        one.is_clear = False
        inferred.doubts.append(
            f"{value!r} was written to {one.key} twice, or was its first value: values must be unique for each key"
        )
    one.writers[value] = transaction.number
    one.last[transaction.number] = value


def _check_reads(one: _Register, transactions: Sequence[Transaction], inferred: Inferred) -> None:
    for number, value in one.reads:
        if value == one.first:
            continue
        reader = transactions[number]
        said = f"{reader.name} read {one.key} = {value!r}"
        if value not in one.writers:
            inferred.blame("garbage-read", f"{said}, but nobody ever wrote that", reader)
            continue
        writer = transactions[one.writers[value]]
        if writer.fate == "aborted":
            inferred.blame("G1a", f"{said}, which {writer.name} wrote, and that was aborted", reader, writer)
        elif one.last[writer.number] != value and writer is not reader:
            then = f"but afterwards {writer.name} wrote {one.last[writer.number]!r}"
            inferred.blame("G1b", f"{said}, which {writer.name} wrote, {then}", reader, writer)


def _versions(
    one: _Register,
    transactions: Sequence[Transaction],
    counted: frozenset[int],
    key_order: KeyOrder,
    trusts_reads: bool,
    inferred: Inferred,
) -> list[Version]:
    """The versions of one key, with what is known of their order."""
    versions = {one.first: Version(one.key, one.first, None)}
    for number, value in one.last.items():
        if number in counted:
            versions[value] = Version(one.key, value, number)
    for number, value in one.reads:
        if value in versions:
            versions[value].add_reader(number)
    pairs = [(before, one.last[number]) for before, number in one.replaced] if trusts_reads else []
    if key_order != "open":
        pairs.extend(_in_order(one, transactions, counted, key_order))
    ordered = list(versions.values())
    graph = _order_graph(list(versions), pairs)
    cycles = components(graph, 1)
    if cycles:
        _blame_cycle(one, [ordered[place] for place in cycles[0]], transactions, key_order, inferred)
    else:
        _link(ordered, graph)
    return ordered


def _order_graph(values: Sequence[Any], pairs: Sequence[tuple[Any, Any]]) -> Graph:
    """Which value comes before which; the first of `values` comes before all, with no edges for that."""
    places = {value: place for place, value in enumerate(values)}
    graph = Graph(len(values))
    for before, after in pairs:
        if before in places and after in places and before != after:
            graph.add(places[before], places[after], 1)
            if places[after] == 0:  # what comes before the first version comes after it as well
                graph.add(0, places[before], 1)
    return graph


def _link(ordered: Sequence[Version], graph: Graph) -> None:
    """Tell each version those that follow it."""
    has_earlier = {target for edges in graph.successors for target in edges}
    for place, version in enumerate(ordered):
        version.followers.extend(ordered[after] for after in graph.successors[place])
        if place and place not in has_earlier:
            ordered[0].followers.append(version)


def _blame_cycle(
    one: _Register,
    cycle: Sequence[Version],
    transactions: Sequence[Transaction],
    key_order: KeyOrder,
    inferred: Inferred,
) -> None:
    """Versions that each come before the other: either keys are not as was taken for granted, or reads are wrong.

    In the latter case whoever wrote the one read the other: that is found as a cycle of transactions (G1c) anyway.
    """
    values = ", ".join(repr(version.value) for version in cycle)
    if key_order == "open":
        inferred.doubts.append(f"the versions {values} of {one.key} have no order")
        return
    writers = [transactions[version.writer] for version in cycle if version.writer is not None]
    why = f"the versions {values} of {one.key} have no order, although keys were said to be {key_order}"
    inferred.blame("cyclic-versions", why, *writers)


def _in_order(
    one: _Register, transactions: Sequence[Transaction], counted: frozenset[int], key_order: KeyOrder
) -> Iterator[tuple[Any, Any]]:
    """Pairs of values of which the first comes before the second, if keys are as was said."""
    spans: dict[int, tuple[Any, Any]] = {}  # what each transaction found or wrote first, and last
    for number, value in sorted(
        [*one.reads, *((n, v) for n, v in one.last.items() if n in counted)], key=_number
    ):
        spans[number] = (spans.get(number, (value, value))[0], one.last.get(number, value))
    if key_order == "sequential":
        last: dict[str, Any] = {}
        for number, (begin, end) in spans.items():
            client = transactions[number].operation.client
            if client in last:
                yield last[client], begin
            if transactions[number].operation.returned is not None:
                last[client] = end
    else:
        yield from _in_real_time(spans, transactions)


def _number(entry: tuple[int, Any]) -> int:
    return entry[0]


def _in_real_time(
    spans: Mapping[int, tuple[Any, Any]], transactions: Sequence[Transaction]
) -> Iterator[tuple[Any, Any]]:
    """The same for each pair of which one returned before the other was called and nothing fits in between."""
    frontier: list[int] = []  # those that have returned, and were not followed by another that has
    moments = []
    for number in spans:
        operation = transactions[number].operation
        moments.append((operation.called, False, number))
        if operation.returned is not None:
            moments.append((operation.returned, True, number))
    for _, has_returned, number in sorted(moments):
        if not has_returned:
            for before in frontier:
                yield spans[before][1], spans[number][0]
        else:
            called = transactions[number].operation.called
            frontier = [other for other in frontier if _returned(transactions[other]) > called]
            frontier.append(number)


def _returned(transaction: Transaction) -> int:
    place = transaction.operation.returned
    assert place is not None, f"{transaction.name} is in the frontier, so it has returned"
    return place

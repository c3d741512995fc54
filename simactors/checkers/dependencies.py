"""Which transaction has to come before which, and why: the graph of dependencies between transactions.

Not what its cycles mean: `isolation.py`. Source: Adya, Weak consistency: A generalized theory and optimistic
implementations for distributed transactions, MIT 1999, chapter 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from simactors.checkers.graphs import Graph
from simactors.checkers.transactions import Step, Transaction, shown
from simactors.checkers.versions import Inferred, Version

WW = 1
"""It wrote a version, the other one a later version of the same key."""
WR = 2
"""It wrote a version, which the other one read."""
SESSION = 4
"""It is of the same client, which asked for it before."""
TIME = 8
"""It returned before the other one was called."""
RW = 16
"""It read a version, and the other one wrote a later version: an anti-dependency."""

KINDS = (WW, WR, SESSION, TIME, RW)
"""Each kind; the first of several is the one that is told."""
WORDS = {WW: "ww", WR: "wr", SESSION: "session", TIME: "time", RW: "rw"}

MOST_PAIRS = 2_000_000
"""How many anti-dependencies a graph may have; a version that would make more of them is left out, and it is told."""


def dependencies(transactions: Sequence[Transaction], inferred: Inferred, *, orders: int) -> Graph:
    """The graph; its nodes are the numbers of the transactions.

    Args:
        inferred: gets a doubt if there are too many pairs.
        orders: `SESSION`, `TIME`, both or 0: which orders count besides the versions of keys.
    """
    graph = Graph(len(transactions))
    pairs = 0
    for version in inferred:
        for reader in version.readers:
            if version.writer is not None:
                graph.add(version.writer, reader, WR)
        more = len(version.readers) * len(version.followers)
        if pairs + more > MOST_PAIRS:
            inferred.doubts.append(
                f"too many transactions read {version.key} before too many writes whose order is open"
            )
            continue
        pairs += more
        for follower in version.followers:
            _add_followed(graph, version, follower)
    if orders & SESSION:
        for events in _sessions(transactions):
            _add_order(graph, events, SESSION)
    if orders & TIME:
        _add_order(graph, _moments(transactions), TIME)
    return graph


def _add_followed(graph: Graph, version: Version, follower: Version) -> None:
    writer = follower.writer
    if writer is None:
        return
    if version.writer is not None and version.writer != writer:
        graph.add(version.writer, writer, WW)
    for reader in version.readers:
        if reader != writer:
            graph.add(reader, writer, RW)


_Event = tuple[bool, int]
"""Whether a transaction ends, and its number."""


def _add_order(graph: Graph, events: Iterable[_Event], kind: int) -> None:
    """Whatever has ended before another begins comes before it.

    An edge for each pair would be n²: so all that ends leads to a hub, the hubs to each other, and the latest one to
    all that begin.
    """
    hub: int | None = None
    ended: list[int] = []
    for is_end, number in events:
        if is_end:
            ended.append(number)
            continue
        if ended:
            before, hub = hub, graph.add_hub()
            if before is not None:
                graph.add(before, hub, kind)
            for one in ended:
                graph.add(one, hub, kind)
            ended.clear()
        if hub is not None:
            graph.add(hub, number, kind)


def _sessions(transactions: Sequence[Transaction]) -> Iterator[list[_Event]]:
    """The transactions of each client, one after the other; one that never returned may take effect at any time."""
    sessions: dict[str, list[_Event]] = {}
    for transaction in transactions:
        if transaction.fate != "aborted":
            events = sessions.setdefault(transaction.operation.client, [])
            events.append((False, transaction.number))
            if transaction.fate == "committed":
                events.append((True, transaction.number))
    yield from sessions.values()


def _moments(transactions: Sequence[Transaction]) -> list[_Event]:
    moments = []
    for transaction in transactions:
        operation = transaction.operation
        if transaction.fate != "aborted":
            moments.append((operation.called, False, transaction.number))
            if transaction.fate == "committed" and operation.returned is not None:
                moments.append((operation.returned, True, transaction.number))
    return [(is_end, number) for _, is_end, number in sorted(moments)]


def reason(one: Transaction, other: Transaction, kind: int, inferred: Inferred) -> str:
    """Why a transaction comes before another: a sentence for one edge of the graph."""
    if kind == SESSION:
        return f"session: both are of {one.operation.client}, which asked for {one.name} first"
    if kind == TIME:
        return f"time: {one.name} had returned before {other.name} was called"
    for key in dict.fromkeys(step.key for step in one.steps):
        for version in inferred.versions.get(key, ()):
            said = _said(one, other, kind, version)
            if said:
                return f"{WORDS[kind]}: {said}"
    raise AssertionError(f"nothing leads from {one.name} to {other.name}")


def _said(one: Transaction, other: Transaction, kind: int, version: Version) -> str:
    if kind == WR:
        if version.writer != one.number or other.number not in version.readers:
            return ""
        return f"{one.name} {_write(one, version)}, and {other.name} read {_found(other, version)}"
    holder = version.writer == one.number if kind == WW else one.number in version.readers
    follower = next((f for f in version.followers if f.writer == other.number), None)
    if not holder or follower is None:
        return ""
    did = _write(one, version) if kind == WW else f"read {version.key} = {_found(one, version)}"
    return f"{one.name} {did}, and {other.name} {_write(other, follower)} after it"


def _write(writer: Transaction, version: Version) -> str:
    if any(step.kind == "append" and step.key == version.key for step in writer.steps):
        return f"appended {version.value!r} to {version.key}"
    return f"wrote {version.key} = {version.value!r}"


def _found(reader: Transaction, version: Version) -> str:
    """What it read that is this version; a list that ends in what was aborted is none, and the first will do."""
    reads = [step for step in reader.steps if step.kind == "r" and step.key == version.key]
    fitting = [step for step in reads if _ends_with(step, version)]
    return shown((fitting or reads)[0].value)


def _ends_with(step: Step, version: Version) -> bool:
    if isinstance(step.value, list | tuple):
        return step.value[-1] == version.value if step.value else version.writer is None
    return bool(step.value == version.value)

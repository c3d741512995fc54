"""Judges of what one client finds in registers: the guarantees of sessions.

They say nothing of what clients find together: that is for `isolation.py` and for linearizability. Source: Terry et
al., Session guarantees for weakly consistent replicated data, PDIS 1994.

Each guarantee demands of two values of a key that the one is not older than the other. If values tell their version,
that is looked up. Otherwise they must be unique, and a guarantee is violated if no order of the values fulfils all that
is demanded: less is found then.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from simactors.checkers.graphs import Graph, components, shortest_cycle
from simactors.checkers.transactions import Step
from simactors.checkers.values import normal
from simactors.checkers.verdict import Ok, Unknown, Verdict, Violated
from simactors.core.history import History, Operation

Access = Callable[[Operation], Step | None]
"""What an operation does to a register, as `transactions.read` or `write`; None if nothing."""

Version = Callable[[Any], Any]
"""How new a value is: of two values, the greater result is newer. None is older than all, and is not asked."""

_READS = ("read", "get")
_WRITES = ("write", "put", "set")


def access_of(operation: Operation) -> Step | None:
    """``read(key)``, ``get(key)``, ``write(key, value)``, ``put``, ``set``; without a key, the target is the key."""
    if operation.name in _READS and len(operation.args) <= 1:
        return Step("r", operation.args[0] if operation.args else operation.target, operation.result)
    if operation.name in _WRITES and len(operation.args) in (1, 2):
        key = operation.args[0] if len(operation.args) == 2 else operation.target
        return Step("w", key, operation.args[-1])
    return None


def monotonic_reads(
    history: History, *, access: Access = access_of, version: Version | None = None
) -> Verdict:
    """Whether no client reads an older value than it has read before.

    Args:
        history: reads and writes of registers; unknown reads say nothing.
        access: what an operation does, if its name does not say so.
        version: how new a value is; if not given, values must be unique for each key.

    Returns:
        `Unknown` if a client did two things at once, or, without `version`, if values are not unique or somebody read
        what nobody wrote.

    Examples:
        >>> def got(value, called):
        ...     return Operation(client="a", name="get", args=("x",), called=called, returned=called + 1,
        ...                      status="returned", result=value)
        >>> print(monotonic_reads(History((got(7, 0), got(5, 2))), version=int))
        monotonic reads: violated: a read 7, and then read 5 of x, which is older
               0  a: get('x') -> 7
               2  a: get('x') -> 5
    """
    return _judge("monotonic reads", history, access, version, ("r", "r"))


def read_your_writes(
    history: History, *, access: Access = access_of, version: Version | None = None
) -> Verdict:
    """Whether no client reads an older value than it has written before and was told so; see `monotonic_reads`."""
    return _judge("read your writes", history, access, version, ("w", "r"))


def monotonic_writes(history: History, *, version: Version, access: Access = access_of) -> Verdict:
    """Whether the writes of each client are in the order in which it wrote; see `monotonic_reads`.

    Values must tell their version: if they are only unique, some order always fits.
    """
    return _judge("monotonic writes", history, access, version, ("w", "w"))


def writes_follow_reads(
    history: History, *, access: Access = access_of, version: Version | None = None
) -> Verdict:
    """Whether what a client writes is newer than what it has read of the same key before; see `monotonic_reads`."""
    return _judge("writes follow reads", history, access, version, ("r", "w"))


@dataclass(frozen=True, slots=True)
class _Seen:
    """One operation, and what it did."""

    operation: Operation
    step: Step


@dataclass(frozen=True, slots=True)
class _Demand:
    """What `later` found or wrote must not be older than what `earlier` did."""

    earlier: _Seen
    later: _Seen


_Roles = tuple[Literal["r", "w"], Literal["r", "w"]]
"""Which accesses demand something, and of which later ones."""


def _judge(name: str, history: History, access: Access, version: Version | None, roles: _Roles) -> Verdict:
    clients: dict[str, list[_Seen]] = {}
    for operation in history:
        step = access(operation) if operation.status != "refused" else None
        if step is not None:
            value = (
                step.value if version is not None else normal(step.value)
            )  # to be looked up, like the keys
            step = Step(step.kind, normal(step.key), value)
            clients.setdefault(operation.client, []).append(_Seen(operation, step))
    everything = [seen for session in clients.values() for seen in session]
    busy = next((two for session in clients.values() for two in _at_once(session)), None)
    if busy is not None:
        return Unknown(name, f"a session is one operation after the other, but at once there were {busy}")
    demands = [d for session in clients.values() for d in _demands(session, roles, version)]
    if version is not None:
        worst = next((demand for demand in demands if _is_older(demand, version)), None)
        return _ok(name, everything) if worst is None else _too_old(name, worst)
    return _without_versions(name, everything, demands)


def _ok(name: str, everything: list[_Seen]) -> Ok:
    return Ok(name, sum(seen.operation.status == "returned" for seen in everything))


def _at_once(session: Iterable[_Seen]) -> Iterator[str]:
    before: Operation | None = None
    for seen in session:
        operation = seen.operation
        if before is not None and before.returned is not None and before.returned > operation.called:
            yield f"{before} and {operation}"
        before = operation


def _demands(session: Iterable[_Seen], roles: _Roles, version: Version | None) -> Iterator[_Demand]:
    """What the accesses of one client demand of its later ones: of those before, the newest counts."""
    newest: dict[Hashable, _Seen] = {}
    for seen in session:
        if seen.operation.status != "returned":
            continue
        key, kind = seen.step.key, seen.step.kind
        if kind == roles[1] and key in newest:
            yield _Demand(newest[key], seen)
        if kind == roles[0] and not (
            version is not None and key in newest and _is_older(_Demand(newest[key], seen), version)
        ):
            newest[key] = seen


def _is_older(demand: _Demand, version: Version) -> bool:
    earlier, later = demand.earlier.step.value, demand.later.step.value
    if earlier is None or later is None:
        return earlier is not None
    return bool(version(later) < version(earlier))


def _too_old(name: str, demand: _Demand) -> Violated:
    client, key = demand.later.operation.client, demand.later.step.key
    earlier, later = (f"{_did(seen)} {seen.step.value!r}" for seen in (demand.earlier, demand.later))
    reason = f"{client} {earlier}, and then {later} of {key}, which is older"
    operations = demand.earlier.operation, demand.later.operation
    return Violated(name, reason, _picture(operations), operations)


def _did(seen: _Seen) -> str:
    return "read" if seen.step.kind == "r" else "wrote"


def _picture(operations: Iterable[Operation]) -> str:
    return "\n".join(f"  {operation.called:>6}  {operation}" for operation in operations)


def _without_versions(name: str, everything: list[_Seen], demands: list[_Demand]) -> Verdict:
    """Whether the values of each key can be put in an order that fulfils all demands."""
    written: dict[Hashable, dict[Any, None]] = {}
    for seen in everything:
        values = written.setdefault(seen.step.key, {None: None})  # what was there first is older than all
        if seen.step.kind == "w":
            if seen.step.value in values:
                return Unknown(
                    name, f"{seen.operation}: written twice, so give version, or write unique values"
                )
            values[seen.step.value] = None
    strange = [
        seen for seen in everything if _is_read(seen) and seen.step.value not in written[seen.step.key]
    ]
    if strange:
        return Unknown(name, f"{strange[0].operation}: nobody wrote that, so it has no place in the order")
    of_key: dict[Hashable, list[_Demand]] = {}
    for demand in demands:
        of_key.setdefault(demand.later.step.key, []).append(demand)
    for key, demanded in of_key.items():
        cycle = _contradiction(demanded, list(written[key]))
        if cycle:
            return _no_order(name, key, cycle)
    return _ok(name, everything)


def _is_read(seen: _Seen) -> bool:
    return seen.step.kind == "r" and seen.operation.status == "returned"


def _contradiction(demands: list[_Demand], values: list[Any]) -> list[_Demand]:
    """The fewest demands that can't all be fulfilled; empty if all can."""
    places = {value: place for place, value in enumerate(values)}
    graph = Graph(len(values))
    reasons: dict[tuple[int, int], _Demand] = {}
    for demand in demands:
        pair = places[demand.earlier.step.value], places[demand.later.step.value]
        if pair[0] != pair[1]:
            graph.add(*pair, 1)
            reasons.setdefault(pair, demand)
            if pair[1] == 0:
                graph.add(0, pair[0], 1)
    for component in components(graph, 1):
        cycle = shortest_cycle(graph, component, 1, 1)
        assert cycle is not None, "each edge of a component is on a cycle"
        return [reasons[source, target] for source, target, _ in cycle if (source, target) in reasons]
    return []


def _no_order(name: str, key: Hashable, cycle: list[_Demand]) -> Violated:
    if len(cycle) == 1:
        return _too_old(name, cycle[0])
    told = "; ".join(
        f"{d.later.operation.client} {_did(d.earlier)} {d.earlier.step.value!r}, then {_did(d.later)} "
        f"{d.later.step.value!r}"
        for d in cycle
    )
    once = {o.called: o for d in cycle for o in (d.earlier.operation, d.later.operation)}
    operations = tuple(once[called] for called in sorted(once))
    return Violated(name, f"no order of the values of {key} fits: {told}", _picture(operations), operations)

"""Judges of orders: of messages between two processes, of messages that know of each other, of replicated logs.

Pure functions of plain data. A simulated run tells what was sent and received (`simulated.py`); elsewhere it is put
together by `deliveries.py`.

Sources: Lamport, Time, clocks, and the ordering of events in a distributed system, CACM 21(7), 1978; Birman and Joseph,
Reliable communication in the presence of failures, ACM TOCS 5(1), 1987; Hadzilacos and Toueg, A modular approach to
fault-tolerant broadcasts and related problems, Cornell TR 94-1425, 1994.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simactors.checkers.values import same
from simactors.checkers.verdict import Ok, Verdict, Violated
from simactors.core.history import Delivery

_MOST_BEFORE = 2  # entries of a log that are shown before the first that differs
_MOST_AFTER = 3


def fifo(deliveries: Iterable[Delivery]) -> Verdict:
    """Whether each receiver received what each sender sent it in the order of sending.

    What was never received is passed over: it is lost, not late. What was sent at one place has no order.

    Returns:
        `Violated` names the first message that came too late, and the one that overtook it.

    Examples:
        >>> print(fifo([
        ...     Delivery(sender="a", receiver="bank", message="deposit", sent=1, received=9),
        ...     Delivery(sender="a", receiver="bank", message="withdraw", sent=2, received=8),
        ... ]))
        fifo: violated: a sent deposit to bank before withdraw, but it was received after it
               1  a sends deposit to bank
               2  a sends withdraw to bank
               8  bank receives withdraw
               9  bank receives deposit
    """
    received = sorted((d for d in deliveries if d.received is not None), key=_received)
    latest: dict[tuple[str, str], Delivery] = {}
    for late in received:
        pair = late.sender, late.receiver
        overtaker = latest.get(pair)
        if overtaker is None or overtaker.sent <= late.sent:
            latest[pair] = late
            continue
        reason = (
            f"{late.sender} sent {late.message} to {late.receiver} before {overtaker.message}, "
            f"but it was received after it"
        )
        return Violated("fifo", reason, _picture(late, overtaker, ()), (late, overtaker))
    return Ok("fifo", len(received))


def _received(delivery: Delivery) -> int:
    assert delivery.received is not None, "only what was received is looked at"
    return delivery.received


def _picture(late: Delivery, overtaker: Delivery, between: Iterable[Delivery]) -> str:
    events = [(one.sent, f"{one.sender} sends {one.message} to {one.receiver}") for one in (late, overtaker)]
    for one in between:
        events.append((one.sent, f"{one.sender} sends {one.message} to {one.receiver}"))
        events.append((_received(one), f"{one.receiver} receives {one.message}"))
    ends = [(_received(one), f"{one.receiver} receives {one.message}") for one in (overtaker, late)]
    # Places of different processes may be of different counts: receipts by the receiver come last, in their order.
    lines = list(dict.fromkeys([*sorted(events), *ends]))
    return "\n".join(f"  {place:>6}  {what}" for place, what in lines)


@dataclass(slots=True)
class _Process:
    """What one process knows, and what it was told.

    Attributes:
        knows: of each process, the place of the last sending that may have led to the present state.
        taken: what it has received, with what the sender knew when it was sent.
        told: all of that together, without what the process knew itself.
    """

    knows: dict[str, int] = field(default_factory=dict)
    taken: list[tuple[Delivery, dict[str, int]]] = field(default_factory=list)
    told: dict[str, int] = field(default_factory=dict)


def causal(deliveries: Iterable[Delivery]) -> Verdict:
    """Whether nobody received a message before another one whose sending may have led to its own.

    A sending may have led to what its process sends afterwards, and to what is sent by those who have received it, and
    so on (Lamport's happens-before). What was never received is passed over.

    Args:
        deliveries: with places from one count for all processes.

    Returns:
        `Violated` names the first message that came too late, and the one that overtook it; the picture shows by which
        other messages the one led to the other.

    Raises:
        ValueError: something was received before it was sent, so places are not of one count.
    """
    given = list(deliveries)
    processes: dict[str, _Process] = {}
    clocks: dict[int, dict[str, int]] = {}  # by the number of the delivery: what its sender knew then
    for _, is_receipt, number in _events(given):
        delivery = given[number]
        process = processes.setdefault(delivery.receiver if is_receipt else delivery.sender, _Process())
        if not is_receipt:
            process.knows[delivery.sender] = delivery.sent
            if delivery.received is not None:
                clocks[number] = dict(process.knows)
            continue
        overtaker = _overtaker(delivery, process)
        if overtaker is not None:
            return _not_causal(delivery, overtaker, given)
        clock = clocks.pop(number)
        process.taken.append((delivery, clock))
        _learn(process.told, clock)
        _learn(process.knows, clock)
    return Ok("causal", sum(d.received is not None for d in given))


def _events(deliveries: Sequence[Delivery]) -> list[tuple[int, bool, int]]:
    events = []
    for number, delivery in enumerate(deliveries):
        events.append((delivery.sent, False, number))
        if delivery.received is not None:
            if delivery.received <= delivery.sent:
                raise ValueError(f"received at {delivery.received}, but sent at {delivery.sent}: {delivery}")
            events.append((delivery.received, True, number))
    return sorted(events)


def _learn(known: dict[str, int], news: Mapping[str, int]) -> None:
    for name, place in news.items():
        if place > known.get(name, -1):
            known[name] = place


def _overtaker(late: Delivery, receiver: _Process) -> Delivery | None:
    """What was received although its sender knew of the sending of a message that is received only now."""
    if receiver.told.get(late.sender, -1) < late.sent:
        return None
    for other, clock in receiver.taken:
        is_same_sending = (other.sender, other.sent) == (late.sender, late.sent)
        if clock.get(late.sender, -1) >= late.sent and not is_same_sending:
            return other
    return None


def _not_causal(late: Delivery, overtaker: Delivery, deliveries: Sequence[Delivery]) -> Violated:
    between = _chain(late, overtaker, deliveries)
    how = (
        f" by {len(between)} messages" if len(between) > 1 else f" by {between[0].message}" if between else ""
    )
    reason = f"{late} led to {overtaker}{how}, but {late.receiver} received it after that"
    return Violated("causal", reason, _picture(late, overtaker, between), (late, *between, overtaker))


def _chain(late: Delivery, overtaker: Delivery, deliveries: Sequence[Delivery]) -> list[Delivery]:
    """By which messages the sending of one led to the sending of another, the fewest hops not being looked for."""
    since = {late.sender: late.sent}
    way: dict[str, Delivery] = {}
    for one in sorted((d for d in deliveries if d.received is not None), key=_received):
        if one.receiver not in since and one.sent >= since.get(one.sender, one.sent + 1):
            since[one.receiver] = _received(one)
            way[one.receiver] = one
    chain = []
    place = overtaker.sender
    while place != late.sender:
        chain.append(way[place])
        place = way[place].sender
    return chain[::-1]


def total_order(logs: Mapping[str, Sequence[Any]], *, prefixes: bool = True) -> Verdict:
    """Whether replicas have the same entries in the same order.

    Args:
        logs: what each replica has applied, in its order.
        prefixes: a replica may be behind: its log may be the beginning of another's. Otherwise all must be equal.

    Returns:
        `Violated` names the first place at which two logs differ; it is compared with the longest.

    Examples:
        >>> print(total_order({"r1": ["a", "b", "c"], "r2": ["a", "c"], "r3": ["a"]}))
        total order: violated: entry 2 is 'c' at r2, but 'b' at r1
              1    2    3
          r1  'a'  'b'  'c'
          r2  'a'  'c'
          r3  'a'
    """
    longest = max(logs, key=lambda name: len(logs[name]), default="")
    differing = {name: _first_difference(log, logs[longest]) for name, log in logs.items()}
    found = [(place, name) for name, place in differing.items() if place < len(logs[name])]
    if not found and not prefixes:
        found = [(len(log), name) for name, log in logs.items() if len(log) < len(logs[longest])]
    if not found:
        return Ok("total order", len(logs[longest]) if logs else 0)
    place, name = min(found)
    if place < len(logs[name]):
        mine, theirs = logs[name][place], logs[longest][place]
        reason = f"entry {place + 1} is {mine!r} at {name}, but {theirs!r} at {longest}"
    else:
        missing = logs[longest][place]
        reason = f"{name} ends after {place} of {len(logs[longest])} entries: {missing!r} and what follows is missing"
    return Violated("total order", reason, _columns(logs, place), (name, longest))


def _first_difference(log: Sequence[Any], other: Sequence[Any]) -> int:
    pairs = enumerate(zip(log, other, strict=False))
    return next((place for place, (mine, theirs) in pairs if not same(mine, theirs)), len(log))


def _columns(logs: Mapping[str, Sequence[Any]], place: int) -> str:
    """All logs around one place, entries of one place below each other."""
    end = min(place + _MOST_AFTER, max(map(len, logs.values())))
    shown = range(max(0, place - _MOST_BEFORE), end)
    rows = [["", *(str(at + 1) for at in shown)]]
    rows.extend(
        [name, *(repr(log[at]) if at < len(log) else "" for at in shown)] for name, log in logs.items()
    )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )

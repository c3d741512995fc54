"""Measures a real run by its trace: the same that `meter.py` measures of a simulated one, and from the same records.

What nobody has seen is not there: see "What is measured on real backends" in docs/scenarios.md.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from simactors.core.events import Record
from simactors.scenarios.real_trace import ActorKey, Attempt, Call, Process, RealTrace
from simactors.scenarios.samples import MOST_SAMPLES, Samples
from simactors.sim.config import NS
from simactors.sim.trace import Trouble

_MS_NS = 1_000_000
_NOT_USED = ("node:", "accelerator_type:", "memory", "object_store_memory")
"""Resources that begin so say where something may run, or are nothing that anybody works with."""

Place = tuple[str, str]
"""A node and a resource."""


class RealRun:
    """One run on a real backend.

    Args:
        folder: of its trace.
        origin_s: when it began, by the clock on the wall.

    Attributes:
        records: what happened, in order, in the words of a simulation's trace.
        troubles: what of it went wrong.
        is_watched: something was written: the program went through simactors.
    """

    def __init__(self, folder: Path, origin_s: float) -> None:
        self._trace = trace = RealTrace(folder, origin_s)
        self._names = {process.label: (process.name, process.node) for process in trace.processes}
        self.is_watched = not trace.is_empty
        found = [record for call in trace.calls for record in _records(call, trace)]
        rows = [
            (one, (one.time_ns, "die" if one.is_death else "fault", 0, one.where, one.what))
            for one in trace.troubles
        ]
        found += [Record(*row) for _, row in rows]
        self.records = sorted(found, key=lambda record: record.time_ns)
        self.troubles = [Trouble(row, one.until_ns) for one, row in rows if not one.wanted]

    def place_of(self, label: str) -> tuple[str, str] | None:
        """The name of a process, by what records call it, and its node; None if it never ran any code."""
        return self._names.get(label)

    def samples(self, duration_s: float) -> Samples:
        """Queues and uses, from the beginning on."""
        duration_ns = round(duration_s * NS)
        period_ns = max(_MS_NS, duration_ns // (MOST_SAMPLES - 1) + 1)
        samples, state = Samples(period_ns=period_ns), _State(self._trace)
        changes = sorted(_changes(self._trace), key=lambda change: change[0])
        position = 0
        while samples.next_ns < max(duration_ns, 1):
            while position < len(changes) and changes[position][0] <= samples.next_ns:
                _, counted, key, amount = changes[position]
                state.add(counted, key, amount)
                position += 1
            samples.take(state.queues(), state.uses(samples.next_ns, period_ns))
        return samples


# Records


def _records(call: Call, trace: RealTrace) -> Iterator[Record]:
    """What happened to a call."""
    kind = "create" if call.is_creation else "call"
    yield Record(call.called_ns, kind, call.number, call.caller, call.label)
    if call.is_creation and call.attempts:
        for _ in range(_unseen_lives(call, trace)):
            yield Record(
                call.attempts[0].begin_ns, "start", call.number, call.attempts[0].process.label, call.label
            )
    retries = 0
    for number, attempt in enumerate(call.attempts):
        while retries < max(number, attempt.before) and not call.is_creation:
            yield Record(attempt.begin_ns, "retry", call.number, call.caller, call.label)
            retries += 1
        yield Record(attempt.begin_ns, "start", call.number, attempt.process.label, call.label)
        if attempt.end_ns is not None:
            kind = "raise" if attempt.raised else "return"
            yield Record(attempt.end_ns, kind, call.number, attempt.process.label, call.label)
    answered = None if call.is_creation else _answer(call, trace)
    if answered is not None:
        time_ns, ok = answered
        yield Record(time_ns, "ready" if ok else "fail", call.number, call.caller, call.label)


def _unseen_lives(creation: Call, trace: RealTrace) -> int:
    """How many processes of an actor have died before any of its code ran, of those in whose place others came."""
    actor = None if creation.actor is None else trace.actors.get(creation.actor)
    return 0 if actor is None else max(0, actor.restarts - (len(creation.attempts) - 1))


def _answer(call: Call, trace: RealTrace) -> tuple[int, bool] | None:
    """When it was answered, and whether with a value; None if nothing tells."""
    last = call.attempts[-1] if call.attempts else None
    if call.seen_ns is not None:
        has_value = (last is None or last.end_ns is not None) and not (last is not None and last.raised)
        return call.seen_ns, has_value if call.seen_ok is None else call.seen_ok
    if last is not None and last.end_ns is not None:
        return last.end_ns, not last.raised
    lives = [process for process in trace.processes if process.actor == call.actor]
    if last is not None:
        lives = [last.process]
    elif call.actor is None or call.is_built_in:
        return None
    if not lives or lives[-1].until_ns is None:
        return None
    return max(call.called_ns, lives[-1].until_ns), False


# Samples


Change = tuple[int, str, tuple[Any, str], float]
"""When, what is counted, of which actor or `Place`, and by how much it changes."""


def _changes(trace: RealTrace) -> Iterator[Change]:
    """Of queues, of what is reserved, and of what is used."""
    for call in trace.calls:
        if call.actor is not None and not call.is_creation and not call.is_built_in:
            yield from _waiting(call, trace)
        if call.actor is None:
            for attempt in call.attempts:
                yield from _held(attempt.process, call.holds, attempt.begin_ns, _end_of(attempt))
                yield from _held(attempt.process, call.holds, attempt.begin_ns, _end_of(attempt), "used")
    busy = _busy(trace)
    for number, process in enumerate(trace.processes):
        actor = None if process.actor is None else trace.actors.get(process.actor)
        if actor is None or actor.creation is None:
            continue
        holds = actor.creation.holds
        yield from _held(process, holds, process.from_ns, process.until_ns)
        for begin_ns, end_ns in busy.get(number, ()):
            yield from _held(process, holds, begin_ns, end_ns, "used")


def _waiting(call: Call, trace: RealTrace) -> Iterator[Change]:
    assert call.actor is not None
    answered = _answer(call, trace)
    until_ns = call.attempts[0].begin_ns if call.attempts else answered[0] if answered else None
    yield call.called_ns, "waiting", call.actor, 1
    if until_ns is not None:
        yield max(until_ns, call.called_ns), "waiting", call.actor, -1


def _held(
    process: Process,
    holds: Mapping[str, float],
    begin_ns: int,
    end_ns: int | None,
    counted: str = "reserved",
) -> Iterator[Change]:
    for name, amount in holds.items():
        yield begin_ns, counted, (process.node, name), amount
        if end_ns is not None:
            yield end_ns, counted, (process.node, name), -amount


def _end_of(attempt: Attempt) -> int | None:
    return attempt.process.until_ns if attempt.end_ns is None else attempt.end_ns


def _busy(trace: RealTrace) -> dict[int, list[tuple[int, int | None]]]:
    """When code ran in each process of an actor, by its place among all: calls may run side by side."""
    places = {id(process): number for number, process in enumerate(trace.processes)}
    spans: dict[int, list[tuple[int, int | None]]] = {}
    for call in trace.calls:
        for attempt in call.attempts:
            if attempt.process.actor is not None:
                span = attempt.begin_ns, _end_of(attempt)
                spans.setdefault(places[id(attempt.process)], []).append(span)
    for found in spans.values():
        found.sort(key=lambda span: span[0])
        merged: list[tuple[int, int | None]] = []
        for begin_ns, end_ns in found:
            if merged and (merged[-1][1] is None or begin_ns <= merged[-1][1]):
                before_ns = merged[-1][1]
                until_ns = None if before_ns is None or end_ns is None else max(before_ns, end_ns)
                merged[-1] = merged[-1][0], until_ns
            else:
                merged.append((begin_ns, end_ns))
        found[:] = merged
    return spans


class _State:
    """What is so at the moment that the changes have come to."""

    def __init__(self, trace: RealTrace) -> None:
        self._trace = trace
        self._waiting: dict[ActorKey, int] = {}
        self._amounts: dict[tuple[str, Place], float] = {}
        self._totals = {
            (node, name): total
            for node, resources in trace.nodes.values()
            for name, total in resources.items()
            if total and not name.startswith(_NOT_USED)
        }

    def add(self, counted: str, key: tuple[Any, str], amount: float) -> None:
        """A change."""
        if counted == "waiting":
            self._waiting[key] = self._waiting.get(key, 0) + round(amount)
        else:
            self._amounts[counted, key] = self._amounts.get((counted, key), 0.0) + amount

    def queues(self) -> dict[str, tuple[int, int]]:
        """See `Sample`."""
        found: dict[str, tuple[int, int]] = {}
        for key, waiting in self._waiting.items():
            actor = self._trace.actors.get(key)
            if actor is not None and actor.class_name:
                total, longest = found.get(actor.class_name, (0, 0))
                found[actor.class_name] = total + waiting, max(longest, waiting)
        return found

    def uses(self, now_ns: int, period_ns: int) -> dict[Place, tuple[float, float, float]]:
        """See `Sample`; of CPUs, what processes have worked since the sample before."""
        found = {}
        for place, total in self._totals.items():
            reserved = max(0.0, self._amounts.get(("reserved", place), 0.0))
            if place[1] == "CPU":
                used = self._work(place[0], now_ns, period_ns)
            else:
                used = max(0.0, self._amounts.get(("used", place), 0.0))
            found[place] = total, reserved, used
        return found

    def _work(self, node: str, now_ns: int, period_ns: int) -> float:
        worked_s = sum(
            _work_s(process, now_ns) - _work_s(process, now_ns - period_ns)
            for process in self._trace.processes
            if process.node == node and process.label != "driver"
        )
        return worked_s * NS / period_ns


def _work_s(process: Process, time_ns: int) -> float:
    """How much processor time a process had taken, evenly between the moments at which that is known."""
    known = process.work
    after = bisect_right(known, time_ns, key=lambda pair: pair[0])
    if not known or after == 0:
        return known[0][1] if known else 0.0
    if after == len(known):
        return known[-1][1]
    (from_ns, from_s), (to_ns, to_s) = known[after - 1], known[after]
    return from_s + (to_s - from_s) * (time_ns - from_ns) / max(1, to_ns - from_ns)

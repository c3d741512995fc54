"""Counts what records tell of a run, simulated or real: calls, how long they took, what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from simactors.core.events import Record
from simactors.scenarios.latencies import summed_up
from simactors.scenarios.result import Fault, Method, Totals
from simactors.sim.config import NS
from simactors.sim.trace import Trouble

_KINDS = {"fault": "fault", "die": "death", "lose": "lost node"}
"""What `Fault.kind` says of records."""


@dataclass(slots=True)
class _Call:
    """One call that has not been answered yet."""

    label: str
    called_ns: int
    begun_ns: int | None = None
    is_open: bool = False  # an attempt runs
    is_creation: bool = False


@dataclass(slots=True)
class _Durations:
    calls: int = 0
    failed: int = 0
    retries: int = 0
    latency_s: list[float] = field(default_factory=list)
    waiting_s: list[float] = field(default_factory=list)
    service_s: list[float] = field(default_factory=list)


class Tally:
    """Of one run: `count` is to be told of its records, `meet` of what goes wrong."""

    def __init__(self) -> None:
        self.totals = Totals()
        self.faults: list[Fault] = []
        self._calls: dict[int, _Call] = {}
        self._methods: dict[str, _Durations] = {}

    def count(self, record: Record) -> None:
        """The run has written a record."""
        note = _NOTES.get(record.kind)
        if note is not None:
            note(self, record)

    def _called(self, record: Record) -> None:
        self._calls[record.call] = _Call(record.what, record.time_ns)
        self._method(record.what).calls += 1
        self.totals.calls += 1

    def _created(self, record: Record) -> None:
        self._calls[record.call] = _Call(record.what, record.time_ns, is_creation=True)

    def _started(self, record: Record) -> None:
        call = self._calls.get(record.call)
        if call is None:
            return
        if call.is_open and not call.is_creation:
            self.totals.lost += 1
        if call.begun_ns is None:
            if not call.is_creation:
                self._method(call.label).waiting_s.append((record.time_ns - call.called_ns) / NS)
        elif call.is_creation:
            self.totals.restarts += 1
        call.begun_ns, call.is_open = record.time_ns, True

    def _ended(self, record: Record) -> None:
        call = self._calls.get(record.call)
        if call is not None and call.begun_ns is not None and call.is_open:
            call.is_open = False
            if not call.is_creation:
                self._method(call.label).service_s.append((record.time_ns - call.begun_ns) / NS)

    def _answered(self, record: Record) -> None:
        call = self._calls.get(record.call)
        if call is None or call.is_creation:  # an actor may be made again later
            return
        del self._calls[record.call]
        method = self._method(call.label)
        method.latency_s.append((record.time_ns - call.called_ns) / NS)
        if record.kind == "fail":
            method.failed += 1
            self.totals.lost += call.is_open

    def _repeated(self, record: Record) -> None:
        call = self._calls.get(record.call)
        if call is not None:
            self._method(call.label).retries += 1
            self.totals.retries += 1

    def meet(self, trouble: Trouble) -> None:
        """Something has gone wrong."""
        time_ns, kind, _, where, what = trouble.row
        fault = Fault(kind=_KINDS[kind], where=where, what=what, start_s=time_ns / NS)
        if trouble.end_ns is not None:
            fault.end_s = trouble.end_ns / NS
        self.faults.append(fault)
        self.totals.faults += kind == "fault"
        self.totals.deaths += kind == "die"

    def _method(self, label: str) -> _Durations:
        return self._methods.setdefault(label, _Durations())

    @property
    def methods(self) -> list[Method]:
        """All methods and tasks that were called, by name."""
        return [
            Method(
                name=name,
                calls=seen.calls,
                failed=seen.failed,
                retries=seen.retries,
                latency=summed_up(seen.latency_s),
                waiting=summed_up(seen.waiting_s),
                service=summed_up(seen.service_s),
            )
            for name, seen in sorted(self._methods.items())
        ]


_NOTES: dict[str, Callable[[Tally, Record], None]] = {
    "call": Tally._called,
    "create": Tally._created,
    "start": Tally._started,
    "return": Tally._ended,
    "raise": Tally._ended,
    "ready": Tally._answered,
    "fail": Tally._answered,
    "retry": Tally._repeated,
}

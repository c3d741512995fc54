"""Measures a simulated run from outside while it goes on: calls, queues, uses of resources, what goes wrong.

It reads the run's records and looks at it between steps; it changes nothing, so that the run is the same with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from simactors.core.events import Record
from simactors.scenarios.latencies import summed_up
from simactors.scenarios.result import Fault, Method, Queue, Totals, Use
from simactors.sim.config import NS
from simactors.sim.inspection import Inspection
from simactors.sim.simulation import Simulation

_FIRST_PERIOD_NS = 1_000_000
_MOST_SAMPLES = 512
_TELL_EVERY = 256  # records
_TROUBLES = {"fault": "fault", "die": "death", "lose": "lost node"}
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


@dataclass(slots=True)
class _Sample:
    """What was so at one moment."""

    time_ns: int
    queues: dict[str, tuple[int, int]]
    uses: dict[tuple[str, str], tuple[float, float, float]]


class Meter:
    """An `Onlooker` of one run; `watch` is to be told of its records.

    Args:
        tell: told now and then how the run stands: virtual seconds, and the totals so far.
    """

    def __init__(self, tell: Callable[[float, Totals], None] = lambda *_: None) -> None:
        self._totals = Totals()
        self._faults: list[Fault] = []
        self._tell = tell
        self._inspection: Inspection | None = None
        self._calls: dict[int, _Call] = {}
        self._methods: dict[str, _Durations] = {}
        self._records = 0
        self._samples: list[_Sample] = []
        self._period_ns = _FIRST_PERIOD_NS
        self._next_ns = 0

    # As an onlooker

    def opened(self, simulation: Simulation) -> None:
        """See `Onlooker`."""
        self._inspection = simulation.inspection()
        self._inspection.look_before_steps(self._look)

    def failed(self, error: BaseException) -> None:
        """See `Onlooker`."""

    def _look(self, _: Any) -> None:
        """Between two steps everything is as it has been since the first of them."""
        assert self._inspection is not None
        now_ns = self._inspection.now_ns
        if self._next_ns >= now_ns:
            return
        queues = {view.class_name: (view.waiting, view.longest) for view in self._inspection.queues}
        uses = {
            (node.name, name): (total, node.reserved[name], node.used[name])
            for node in self._inspection.nodes
            for name, total in node.total.items()
            if total
        }
        while self._next_ns < now_ns:
            self._samples.append(_Sample(self._next_ns, queues, uses))
            self._next_ns += self._period_ns
            if len(self._samples) >= _MOST_SAMPLES:
                del self._samples[1::2]
                self._period_ns *= 2
                self._next_ns = self._samples[-1].time_ns + self._period_ns

    # Records

    def watch(self, record: Record) -> None:
        """The run has written a record."""
        note = _NOTES.get(record.kind)
        if note is not None:
            note(self, record)
        self._records += 1
        if self._records % _TELL_EVERY == 0:
            self._tell(record.time_ns / NS, self.totals)

    def _called(self, record: Record) -> None:
        self._calls[record.call] = _Call(record.what, record.time_ns)
        self._method(record.what).calls += 1
        self._totals.calls += 1

    def _created(self, record: Record) -> None:
        self._calls[record.call] = _Call(record.what, record.time_ns, is_creation=True)

    def _started(self, record: Record) -> None:
        call = self._calls.get(record.call)
        if call is None:
            return
        if call.is_open and not call.is_creation:
            self._totals.lost += 1
        if call.begun_ns is None:
            if not call.is_creation:
                self._method(call.label).waiting_s.append((record.time_ns - call.called_ns) / NS)
        elif call.is_creation:
            self._totals.restarts += 1
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
            self._totals.lost += call.is_open

    def _repeated(self, record: Record) -> None:
        call = self._calls.get(record.call)
        if call is not None:
            self._method(call.label).retries += 1
            self._totals.retries += 1

    def _take_troubles(self) -> None:
        """Those that are new."""
        troubles = [] if self._inspection is None else self._inspection.troubles
        for (time_ns, kind, _, where, what), end_ns in troubles[len(self._faults) :]:
            fault = Fault(kind=_TROUBLES[kind], where=where, what=what, start_s=time_ns / NS)
            if end_ns is not None:
                fault.end_s = end_ns / NS
            self._faults.append(fault)
            self._totals.faults += kind == "fault"
            self._totals.deaths += kind == "die"

    def _method(self, label: str) -> _Durations:
        return self._methods.setdefault(label, _Durations())

    # What it came to

    @property
    def totals(self) -> Totals:
        """How often what has happened so far."""
        self._take_troubles()
        return self._totals

    @property
    def faults(self) -> list[Fault]:
        """What has gone wrong so far, in order."""
        self._take_troubles()
        return self._faults

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

    @property
    def samples_s(self) -> list[float]:
        """The moments of all samples."""
        return [sample.time_ns / NS for sample in self._samples]

    @property
    def queues(self) -> list[Queue]:
        """Of each class of actors that there was."""
        names = dict.fromkeys(name for sample in self._samples for name in sample.queues)
        return [
            Queue(
                class_name=name,
                waiting=[sample.queues.get(name, (0, 0))[0] for sample in self._samples],
                longest=[sample.queues.get(name, (0, 0))[1] for sample in self._samples],
            )
            for name in sorted(names)
        ]

    @property
    def uses(self) -> list[Use]:
        """Of each resource of each node but memory, which nobody works with."""
        places = dict.fromkeys(place for sample in self._samples for place in sample.uses)
        return [
            _use(place, [sample.uses.get(place) for sample in self._samples])
            for place in places
            if place[1] not in ("memory", "object_store_memory")
        ]


def _use(place: tuple[str, str], seen: Sequence[tuple[float, float, float] | None]) -> Use:
    total = max(sample[0] for sample in seen if sample is not None)
    return Use(
        node=place[0],
        resource=place[1],
        total=total,
        reserved=[0.0 if sample is None else round(sample[1] / total, 6) for sample in seen],
        used=[0.0 if sample is None else round(sample[2] / total, 6) for sample in seen],
    )


_NOTES: dict[str, Callable[[Meter, Record], None]] = {
    "call": Meter._called,
    "create": Meter._created,
    "start": Meter._started,
    "return": Meter._ended,
    "raise": Meter._ended,
    "ready": Meter._answered,
    "fail": Meter._answered,
    "retry": Meter._repeated,
}

"""Counts what records tell of a run, simulated or real: calls, how long they took, what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from simactors.core.events import Record
from simactors.core.fault_plan import Cut, FaultPlan, Partition, Pause
from simactors.scenarios.latencies import summed_up
from simactors.scenarios.result import Fault, Method, Totals
from simactors.sim.config import NS

AS_WANTED = "as was wanted: "
"""Begins what a real process has ended of without anything having gone wrong."""

_ENDS_AS_WANTED = (
    AS_WANTED,
    "all references to it are gone",
    "its driver shut down",
    "its owner ",
    "it was killed by `ray.kill`",
)
_ENDS_IN_WORDS = (
    ("healed: ", ""),
    ("no longer works ", "works "),
    ("its process goes on", "its process stands still"),
)


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
    """Of one run.

    Args:
        plan: what is to go wrong: how long pauses of a simulated run take, no record says.
    """

    def __init__(self, plan: FaultPlan) -> None:
        self.totals = Totals()
        self.faults: list[Fault] = []
        self._plan = plan
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

    def _went_wrong(self, record: Record) -> None:
        ended = self._ended_by(record)
        if ended is not None:
            ended.end_s = record.time_ns / NS
            return
        self.totals.faults += 1
        start_s = record.time_ns / NS
        self.faults.append(
            Fault(
                kind="fault",
                where=record.process,
                what=record.what,
                start_s=start_s,
                end_s=self._planned_end_s(record),
            )
        )

    def _ended_by(self, record: Record) -> Fault | None:
        """Which earlier fault a record says is over."""
        for word, begins in _ENDS_IN_WORDS:
            if record.what.startswith(word):
                what = begins + record.what.removeprefix(word)
                return self._last(record.process, what)
        if record.what.startswith("its machine comes back"):
            return self._last(record.process, "the machine stops")
        return None

    def _last(self, where: str, what: str) -> Fault | None:
        found = (fault for fault in reversed(self.faults) if fault.where == where and fault.what == what)
        return next(found, None)

    def _planned_end_s(self, record: Record) -> float | None:
        """Of what lasts: no record may say that it is over, as the run may end before."""
        ends_s = [
            fault.at_s + fault.for_s
            for fault in self._plan.faults
            if isinstance(fault, Pause | Cut | Partition)
            and round(fault.at_s * NS) == record.time_ns
            and _tells_of(record, fault)
        ]
        return max(ends_s, default=None)

    def _died(self, record: Record) -> None:
        if record.what.startswith(_ENDS_AS_WANTED):
            return
        self.totals.deaths += 1
        time_s = record.time_ns / NS
        self.faults.append(Fault(kind="death", where=record.process, what=record.what, start_s=time_s))

    def _lost_node(self, record: Record) -> None:
        time_s = record.time_ns / NS
        self.faults.append(Fault(kind="lost node", where=record.process, what=record.what, start_s=time_s))

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


def _tells_of(record: Record, fault: Pause | Cut | Partition) -> bool:
    """Whether a record at its time may be of that fault."""
    if not isinstance(fault, Pause):
        return record.process == "network"
    return record.what == ("its process stands still" if fault.node is None else "the machine stands still")


_NOTES: dict[str, Callable[[Tally, Record], None]] = {
    "call": Tally._called,
    "create": Tally._created,
    "start": Tally._started,
    "return": Tally._ended,
    "raise": Tally._ended,
    "ready": Tally._answered,
    "fail": Tally._answered,
    "retry": Tally._repeated,
    "fault": Tally._went_wrong,
    "die": Tally._died,
    "lose": Tally._lost_node,
}

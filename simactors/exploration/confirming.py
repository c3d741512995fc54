"""A run's faults in a form that real processes can meet: what strikes at a virtual time strikes at a call instead.

Real clocks go their own way, calls are counted alike: "at 0.9 ms" becomes "after its second call" if that is where the
simulated process was then.
"""

from __future__ import annotations

from collections import Counter

from simactors.core.events import Record
from simactors.core.fault_plan import CrashProcess, Fault, FaultPlan
from simactors.exploration.recipe import Recipe
from simactors.sim.inspection import Inspection
from simactors.sim.simulation import Simulation

_ENDS = frozenset({"return", "raise"})


def faults_for_real(recipe: Recipe) -> FaultPlan:
    """The faults of a run that can be made again; makes it once, to see where its processes are when they crash."""
    faults = recipe.world.faults.faults
    if not any(isinstance(fault, CrashProcess) and fault.at_s is not None for fault in faults):
        return FaultPlan(faults)
    crashes = _Crashes()
    recipe.run(crashes.watch, onlookers=[crashes])
    return FaultPlan(tuple(fault for fault in map(crashes.at_call, faults) if fault is not None))


class _Crashes:
    """Where processes were that crashed at a time: how many calls they had begun, and whether one was under way."""

    def __init__(self) -> None:
        self._begun: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()
        self._inspection: Inspection | None = None
        self._read = 0  # of the troubles
        self._found: dict[Fault, tuple[int, bool]] = {}

    def opened(self, simulation: Simulation) -> None:
        """See `Onlooker`."""
        self._inspection = simulation.inspection()

    def failed(self, error: BaseException) -> None:
        """See `Onlooker`."""

    def watch(self, record: Record) -> None:
        if record.kind == "start" and not record.what.endswith(".__init__"):
            self._begun[record.process] += 1
        elif record.kind in _ENDS:
            self._ended[record.process] += 1
        elif record.kind == "fault" and self._inspection is not None:
            begun = self._begun[record.process]
            for trouble in self._inspection.troubles[self._read :]:
                for fault in trouble.faults:
                    self._found.setdefault(fault, (begun, begun > self._ended[record.process]))
                self._read += 1

    def at_call(self, fault: Fault) -> Fault | None:
        """What is like it on real processes, or nothing if it has befallen nobody; the first of several processes."""
        if not isinstance(fault, CrashProcess) or fault.at_s is None:
            return fault
        if fault not in self._found:
            return None
        begun, is_running = self._found[fault]
        if is_running:
            return CrashProcess(process=fault.process, after_call=begun)
        return CrashProcess(process=fault.process, before_call=begun + 1)

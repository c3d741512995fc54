"""A run's faults in a form that real processes can meet: what strikes at a virtual time strikes at a call instead.

Real clocks go their own way, calls are counted alike: "at 0.9 ms" becomes "after its second call" if that is where the
simulated process was then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from simactors.core.events import Record
from simactors.core.fault_plan import CrashProcess, Fault, FaultPlan
from simactors.exploration.recipe import Recipe

_ENDS = frozenset({"return", "raise"})


def faults_for_real(recipe: Recipe) -> FaultPlan:
    """The faults of a run that can be made again; makes it once, to see where its processes are when they crash."""
    faults = recipe.world.faults.faults
    if not any(isinstance(fault, CrashProcess) and fault.at_s is not None for fault in faults):
        return FaultPlan(faults)
    crashes = _Crashes()
    recipe.run(crashes.watch)
    found = iter(crashes.found)
    return FaultPlan(tuple(_at_call(fault, found) for fault in faults))


class _Crashes:
    """Where processes were that crashed at a time: how many calls they had begun, and whether one was under way."""

    def __init__(self) -> None:
        self._begun: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()
        self.found: list[tuple[int, bool]] = []

    def watch(self, record: Record) -> None:
        if record.kind == "start" and not record.what.endswith(".__init__"):
            self._begun[record.process] += 1
        elif record.kind in _ENDS:
            self._ended[record.process] += 1
        elif record.kind == "fault" and record.what == "its process crashes":
            begun = self._begun[record.process]
            self.found.append((begun, begun > self._ended[record.process]))


def _at_call(fault: Fault, found: Iterator[tuple[int, bool]]) -> Fault:
    if not isinstance(fault, CrashProcess) or fault.at_s is None:
        return fault
    begun, is_running = next(found, (0, False))
    if is_running:
        return CrashProcess(process=fault.process, after_call=begun)
    return CrashProcess(process=fault.process, before_call=begun + 1)

"""Measures a simulated run from outside while it goes on: calls, queues, uses of resources, what goes wrong.

It reads the run's records and looks at it between steps; it changes nothing, so that the run is the same with it. Not
of real runs: `real_runs.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simactors.core.events import Record
from simactors.scenarios.result import Totals
from simactors.scenarios.samples import Samples
from simactors.scenarios.tally import Tally
from simactors.sim.config import NS
from simactors.sim.inspection import Inspection
from simactors.sim.simulation import Simulation

_TELL_EVERY = 256  # records


class Meter:
    """An `Onlooker` of one run; `watch` is to be told of its records.

    Args:
        tell: told now and then how the run stands: virtual seconds, and the totals so far.

    Attributes:
        samples: queues and uses.
    """

    def __init__(self, tell: Callable[[float, Totals], None] = lambda *_: None) -> None:
        self._tally = Tally()
        self.samples = Samples()
        self._tell = tell
        self._inspection: Inspection | None = None
        self._records = 0

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
        if self.samples.next_ns >= now_ns:
            return
        queues = {view.class_name: (view.waiting, view.longest) for view in self._inspection.queues}
        uses = {
            (node.name, name): (total, node.reserved[name], node.used[name])
            for node in self._inspection.nodes
            for name, total in node.total.items()
            if total
        }
        while self.samples.next_ns < now_ns:
            self.samples.take(queues, uses)

    def watch(self, record: Record) -> None:
        """The run has written a record."""
        self._tally.count(record)
        self._records += 1
        if self._records % _TELL_EVERY == 0:
            self._tell(record.time_ns / NS, self.tally.totals)

    @property
    def tally(self) -> Tally:
        """What it has come to so far."""
        troubles = [] if self._inspection is None else self._inspection.troubles
        for trouble in troubles[len(self._tally.faults) :]:
            self._tally.meet(trouble)
        return self._tally

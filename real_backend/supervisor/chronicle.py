"""`Chronicle`: writes into the trace of a run what only the supervisor knows: faults, and what processes died of.

Only where somebody wants to measure the run; see `core.tracing`.
"""

from __future__ import annotations

from real_backend.supervisor.processes import Death, Process
from simactors.core import tracing


class Chronicle:
    """Of one session."""

    def __init__(self) -> None:
        self._lines = tracing.lines_of_this_process()

    def fault(self, process: Process, what: str, for_s: float | None = None) -> None:
        """Something befalls a process, as was planned; for so long, unless it happens at once."""
        if self._lines is not None:
            self._lines.write("fault", actor=_actor(process), pid=process.pid, what=what, for_s=for_s)

    def died(self, process: Process, death: Death) -> None:
        """A process has ended."""
        if self._lines is not None:
            self._lines.write(
                "died",
                actor=_actor(process),
                pid=process.pid,
                what=death.why,
                wanted=death.wanted,
                restarts=death.restarts,
            )


def _actor(process: Process) -> str | None:
    return None if process.actor_id is None else f"{process.actor_id:x}"

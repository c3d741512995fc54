"""`OomKills`: whether the kernel has killed for lack of memory. A SIGKILL does not say who sent it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from real_backend.memory.ledger import groups

SOURCES = (
    *(d / "memory.events" for d, name in groups() if name == "memory.max"),
    *(d / "memory.oom_control" for d, name in groups() if name != "memory.max"),
    Path("/proc/vmstat"),
)
"""Where the kernel counts, of the control group first; the last one is the whole machine's."""


class OomKills:
    """Counts those since it was last asked.

    Args:
        sources: files with a line `oom_kill N`; the first that has one counts.
    """

    def __init__(self, sources: Sequence[Path] = SOURCES) -> None:
        self._sources = sources
        self._seen = self._count()

    def any_new(self) -> bool:
        """Whether there was one since the last time."""
        before, self._seen = self._seen, self._count()
        return self._seen > before

    def _count(self) -> int:
        for source in self._sources:
            try:
                lines = source.read_text().splitlines()
            except OSError:
                continue
            for line in lines:
                name, _, count = line.partition(" ")
                if name == "oom_kill" and count.isdigit():
                    return int(count)
        return 0

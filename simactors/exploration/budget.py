"""How much a search may take, in runs and in seconds by the clock on the wall.

The one place of the exploration that asks for the real time: it ends searches, and never a run.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class Budget:
    """What is left of so many runs and so many seconds, from now on.

    Args:
        runs, seconds: None for no limit.
        is_enough: asked before each run; what was looked for may have been found.
    """

    def __init__(
        self,
        runs: int | None = None,
        seconds: float | None = None,
        is_enough: Callable[[], bool] = lambda: False,
    ) -> None:
        self.runs = runs
        self.seconds = seconds
        self._is_enough = is_enough
        self.spent_runs = 0
        self._began = time.perf_counter()

    @property
    def spent_s(self) -> float:
        """How long it has been."""
        return time.perf_counter() - self._began

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        if self.runs is not None and self.spent_runs >= self.runs:
            return True
        if self._is_enough():
            return True
        return self.seconds is not None and self.spent_s >= self.seconds

    def spend(self) -> None:
        """One run was made."""
        self.spent_runs += 1

"""A real backend on which programs run one after the other, and what came out of them."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator

from simactors.api import session
from simactors.conformance.programs.play import Outcome, Play

NUM_CPUS = 8
"""As many as the simulated machine has by default."""

PATIENCE_S = {"local": 30.0, "ray": 60.0}
"""By backend: what takes so much longer than anything here takes never ends."""


class Stage:
    """Runs programs on a real backend; opens it anew after a program that hangs, whose calls would stay in the way.

    Args:
        backend: ``local`` or ``ray``.
    """

    def __init__(self, backend: str) -> None:
        self._backend = backend
        self._runs = 0

    def run(self, play: Play, times: int) -> Counter[Outcome]:
        """Run a program so many times, or until it hangs: that takes long, and says enough."""
        outcomes: Counter[Outcome] = Counter()
        for _ in range(times):
            self._runs += 1
            outcome = play.run(PATIENCE_S[self._backend], f"-{self._runs}")
            outcomes[outcome] += 1
            if '"hangs"' in outcome:
                self.close()
                self.open()
                break
        return outcomes

    def open(self) -> None:
        """Open a session."""
        session.init(backend=self._backend, num_cpus=NUM_CPUS, log_to_driver=False)

    def close(self) -> None:
        """End the session with all that runs in it."""
        session.shutdown()


@contextlib.contextmanager
def staged(backend: str) -> Iterator[Stage]:
    """An open stage."""
    stage = Stage(backend)
    stage.open()
    try:
        yield stage
    finally:
        stage.close()

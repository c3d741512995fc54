"""One run of one test on the simulator, from the set-up of its fixture `sim` to the teardown; and the same for real.

Not who decides which runs are made: `trial.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

import pytest

from simactors.api import session
from simactors.core.choices import Choices
from simactors.core.events import Record
from simactors.exceptions import Finding
from simactors.exploration import runner, watchdog
from simactors.exploration.runner import Ending, Onlooker, RunResult
from simactors.exploration.target import as_it_was
from simactors.exploration.world import World
from simactors.sim.simulation import Simulation


class ItemRun:
    """One run; its code comes in pieces: fixtures, the body, teardown.

    Args:
        watch, choices: see `simulate`.
        onlookers: see `run_simulated`.

    Attributes:
        result: what it came to; None until its teardown is over, or if it never began.
        error: what has left the test's body.
    """

    def __init__(
        self,
        world: World,
        seed: int,
        choices: Choices,
        watch: Callable[[Record], None] | None = None,
        onlookers: Sequence[Onlooker] = (),
    ) -> None:
        self._world = world
        self._seed = seed
        self._choices = choices
        self._watch = watch
        self._onlookers = onlookers
        self._simulation: Simulation | None = None
        self._ending: Ending | None = None
        self._last_steps: tuple[str, ...] | None = None
        self._resting = ExitStack()
        self.result: RunResult | None = None
        self.error: BaseException | None = None

    @property
    def is_open(self) -> bool:
        """Whether code of the test is simulated now."""
        return self._simulation is not None and self.result is None

    @contextmanager
    def opened(self) -> Iterator[Simulation]:
        """The simulation, from here to the end of the block."""
        opened = runner.opened(self._world, self._seed, self._watch, self._choices, self._onlookers)
        with as_it_was(), opened as simulation:
            self._simulation = simulation
            try:
                yield simulation
            finally:
                self.go_on()
                simulation.has_failed |= self._ending is None  # a fixture failed: nothing more is looked for
        ending = self._ending or Ending("failed", "SetupError", "the test's body was never reached")
        self.result = runner.result_of(simulation, ending, self._last_steps)

    def passed(self) -> None:
        """The test's body is over.

        Raises:
            Finding: it did what the run was to fail for.
        """
        assert self._simulation is not None
        try:
            self._simulation.finish()
        except Finding as finding:
            self._failed(finding, runner.ending_at_close(finding))
            raise
        self._ending = Ending("passed")
        self.rest()

    def failed(self, error: BaseException) -> None:
        """The test's body has raised; what it raises to be skipped is no failure."""
        assert self._simulation is not None
        skipped = isinstance(error, pytest.skip.Exception)
        self._failed(error, Ending("passed") if skipped else runner.ending_of(error))
        with suppress(Finding):  # it has failed already
            self._simulation.finish()

    def _failed(self, error: BaseException, ending: Ending) -> None:
        assert self._simulation is not None
        self._simulation.has_failed = True
        self._ending = ending
        self._last_steps = runner.last_steps_of(self._simulation)
        self.error = error
        for onlooker in self._onlookers if ending.outcome != "passed" else ():
            onlooker.failed(error)
        self.rest()

    def rest(self) -> None:
        """Nobody ends it for computing too long: a person looks at it, or pytest is at work."""
        self.go_on()
        self._resting.enter_context(watchdog.resting())

    def go_on(self) -> None:
        """The opposite of `rest`."""
        self._resting.close()


class RealRun:
    """What `sim` is where a test runs on a real runtime.

    Attributes:
        backend: its name.
        seed: None: nothing is drawn from any.
    """

    seed = None

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self._began = time.monotonic()

    @property
    def now_s(self) -> float:
        """Seconds since the start, by the clock on the wall."""
        return time.monotonic() - self._began


@contextmanager
def for_real(backend: str) -> Iterator[RealRun]:
    """A real runtime for the code of the block."""
    session.init(backend=backend)
    try:
        yield RealRun(backend)
    finally:
        session.shutdown()


RUN = pytest.StashKey[ItemRun]()


def run_of(item: pytest.Item) -> ItemRun | None:
    """The run that is being made of a test, if it is simulated."""
    run = item.stash.get(RUN, None)
    return run if run is not None and run.is_open else None

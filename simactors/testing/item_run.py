"""One run of one test on the simulator, from the set-up of its fixture `sim` to the teardown; and the same for real.

Not who decides which runs are made: `trial.py`.
"""

from __future__ import annotations

import importlib
import signal
import time
from _thread import get_ident  # the real one, also in a simulation
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from threading import main_thread
from types import FrameType
from typing import Any

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

open_runs: list[ItemRun] = []
"""Those whose simulation is open now: one at most."""


_bare: Any = importlib.import_module("_signal")
"""What `signal` calls: not replaced in a simulation."""
_ALARM = int(signal.SIGALRM)


class ItemRun:
    """One run; its code comes in pieces: fixtures, the body, teardown.

    Args:
        watch, choices: see `simulate`.
        onlookers: see `run_simulated`.
        patience_s: see `watchdog.watched`.

    Attributes:
        result: what it came to; None until its teardown is over, or if it never began.
        found: what was found at the end of the test's body; None for nothing.
        timeout: what somebody from outside, pytest-timeout say, has raised in whatever code ran; None for nothing.
    """

    def __init__(
        self,
        world: World,
        seed: int,
        choices: Choices,
        watch: Callable[[Record], None] | None = None,
        onlookers: Sequence[Onlooker] = (),
        patience_s: float = watchdog.PATIENCE_S,
    ) -> None:
        self._patience_s = patience_s
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
        self.found: BaseException | None = None
        self.timeout: BaseException | None = None

    @property
    def is_open(self) -> bool:
        """Whether code of the test is simulated now."""
        return self._simulation is not None and self.result is None

    @contextmanager
    def opened(self) -> Iterator[Simulation]:
        """The simulation, from here to the end of the block."""
        opened = runner.opened(
            self._world, self._seed, self._watch, self._choices, self._onlookers, self._patience_s
        )
        with as_it_was(), opened as simulation:
            self._simulation = simulation
            open_runs.append(self)
            try:
                yield simulation
            finally:
                open_runs.remove(self)
                self.go_on()
                simulation.has_failed |= self._ending is None  # a fixture failed: nothing more is looked for
        ending = self._ending or Ending("failed", "in a fixture", "the test's body was never reached")
        self.result = runner.result_of(simulation, ending, self._last_steps)

    @contextmanager
    def body(self, kept: Callable[[], BaseException | None] = lambda: None) -> Iterator[None]:
        """The test's body, in the block.

        Args:
            kept: what it has raised to somebody who keeps it for later, as `unittest` does.

        Raises:
            Finding: it did what the run was to fail for.
            BaseException: what has left the block; or `timeout`, whatever the code that it met has made of it.
        """
        try:
            with self._heeding_alarms():
                yield
        except BaseException as error:
            self._left_by(self.timeout or error)
            if self.timeout is not None and self.timeout is not error:
                raise self.timeout from None
            raise
        if self.timeout is not None:
            self._left_by(self.timeout)
            raise self.timeout
        later = kept()
        if later is not None:
            self._left_by(later)
        else:
            self._passed()

    @contextmanager
    def _heeding_alarms(self) -> Iterator[None]:
        """Note what a real alarm raises: in an actor, it would be that call's failure, and no more."""
        heeded = _bare.getsignal(_ALARM)

        def heed(number: int, frame: FrameType | None) -> None:
            try:
                heeded(number, frame)
            except BaseException as error:
                self.timeout = error
                raise

        if not callable(heeded) or get_ident() != main_thread().ident:
            yield
            return
        _bare.signal(_ALARM, heed)
        try:
            yield
        finally:
            if _bare.getsignal(_ALARM) is heed:
                _bare.signal(_ALARM, heeded)

    def _passed(self) -> None:
        assert self._simulation is not None
        try:
            self._simulation.finish()
        except Finding as finding:
            self.found = finding
            self._failed(finding, runner.ending_at_close(finding))
            raise
        self._ending = Ending("passed")
        self.rest()

    def _left_by(self, error: BaseException) -> None:
        """What it raises to be skipped is no failure."""
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

"""Where a failing run raised, with all frames: the driver's, and those of the actors and tasks that it came from.

Exceptions travel between processes as data, without their frames. So a run is made twice: the first time finds out
which failure it ended with, the second one stops where that is raised, and everything stands as it was at that moment.
No frame is kept meanwhile: that would keep actors alive that end in the first run.
"""

from __future__ import annotations

import contextvars
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType

from simactors.core.outcome import Failure
from simactors.exceptions import RayError
from simactors.exploration import frames, watchdog
from simactors.sim import executor
from simactors.sim.config import NS
from simactors.sim.inspection import Inspection
from simactors.sim.intercept.names import is_users_file
from simactors.sim.invocation import Invocation
from simactors.sim.simulation import Simulation

_MOST_NOTED = 100_000
_HERE = f"{Path(__file__).parent}/"


@dataclass(frozen=True, slots=True)
class Suspect:
    """Which failure of a call a run ended with.

    Attributes:
        nth: its number among all failures of calls, from 0.
        text: what it said.
    """

    nth: int
    text: str


@dataclass(frozen=True, slots=True)
class Scene:
    """Where it was raised.

    Attributes:
        place: the process, and the call that ran there, in words.
        traceback: the user's frames, outermost first: what waited for the call, and then its own. None if there are
            none.
    """

    error: BaseException
    place: str
    time_s: float
    step: int
    traceback: TracebackType | None


class Scout:
    """Finds out in a first run where the second one must stop; an `Onlooker`.

    Attributes:
        suspect: None if the run passed, or if it was the driver's own code that raised.
    """

    def __init__(self) -> None:
        self.suspect: Suspect | None = None
        self._told: list[tuple[str, str]] = []  # what each failure says, and what it passes on of another one

    def opened(self, simulation: Simulation) -> None:
        """See `Onlooker`."""

    def failed(self, error: BaseException) -> None:
        """See `Onlooker`."""
        text, bound = _passed_on(error), len(self._told)
        while text:
            bound = next((n for n in reversed(range(bound)) if self._told[n][0] in text), -1)
            if bound < 0:
                return
            self.suspect = Suspect(bound, self._told[bound][0])
            text = self._told[bound][1]

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Listen for failures."""
        with _listening(self._note):
            yield

    def _note(self, call: Invocation, error: BaseException, failure: Failure) -> None:
        if len(self._told) < _MOST_NOTED:
            # What says nothing is found nowhere.
            self._told.append((_said(failure) or "\0", _passed_on(error)))


class Coroner:
    """Stops the second run where it fails; an `Onlooker`.

    Args:
        examine: called there; virtual time stands still meanwhile.

    Attributes:
        has_examined: the moment was reached.
        has_moved: whoever examined has let the simulation go on by it.
    """

    def __init__(self, suspect: Suspect | None, examine: Callable[[Scene], None]) -> None:
        self._suspect = suspect
        self._examine = examine
        self._failures = 0
        self._inspection: Inspection
        self._simulation: Simulation
        self.has_examined = self.has_moved = False

    def opened(self, simulation: Simulation) -> None:
        """See `Onlooker`."""
        self._simulation, self._inspection = simulation, simulation.inspection()

    def failed(self, error: BaseException) -> None:
        """See `Onlooker`."""
        if not self.has_examined:
            self._stop(error, "the driver", [])

    @contextmanager
    def attending(self) -> Iterator[None]:
        """Listen for failures."""
        with _listening(self._count):
            yield

    def _count(self, call: Invocation, error: BaseException, failure: Failure) -> None:
        nth, suspect = self._failures, self._suspect
        self._failures += 1
        if suspect is not None and suspect == Suspect(nth, _said(failure)):
            process = call.process
            where = "" if process is None else f" in {process.label} on {process.node.label}"
            self._stop(error, f"{call}{where}", self._inspection.callers(call))

    def _stop(self, error: BaseException, place: str, callers: Sequence[FrameType]) -> None:
        self.has_examined = True
        inspection = self._inspection
        before = self._simulation.steps, self._simulation.digest
        found = _users_frames(error, callers)
        scene = Scene(error, place, inspection.now_ns / NS, inspection.steps, _chained(found))
        with watchdog.resting():
            # As nobody's code: what it asks for is no part of the run.
            contextvars.Context().run(self._examine, scene)
        self.has_moved = before != (self._simulation.steps, self._simulation.digest)
        for frame, _, _ in found:
            let_go(frame)


def let_go(frame: FrameType) -> None:
    """Forget the copy that Python keeps of a frame's variables once somebody has looked at them.

    Before Python 3.13, what the code itself drops later would live on in it, actors with it.
    """
    if sys.version_info < (3, 13) and frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        frame.f_locals.clear()


_Place = tuple[FrameType, int, int]
"""A frame, its last instruction, its line."""


def _users_frames(error: BaseException, callers: Sequence[FrameType]) -> list[_Place]:
    files = [frame.f_code.co_filename for frame in callers]
    ours = [at for at, file in enumerate(files) if file.startswith(_HERE)]
    begun = callers[ours[-1] + 1 :] if ours else callers  # the driver's: further out is who makes the run
    found = [(f, f.f_lasti, f.f_lineno) for f in begun if is_users_file(f.f_code.co_filename)]
    own = [(entry.tb_frame, entry.tb_lasti, entry.tb_lineno) for entry in frames.users(error)]
    while own and not is_users_file(own[-1][0].f_code.co_filename):
        own.pop()  # a library's: the user called it
    return found + own


def _chained(places: Sequence[_Place]) -> TracebackType | None:
    chain: TracebackType | None = None
    for frame, last, line in reversed(places):
        chain = TracebackType(chain, frame, last, line)
    return chain


def _said(failure: Failure) -> str:
    """The remote error's own text: without the name of its class."""
    return failure.text.partition(": ")[2]


def _passed_on(error: BaseException) -> str:
    """What an error says that comes from a call; empty for any other."""
    return str(error) if isinstance(error, RayError) else ""


@contextmanager
def _listening(listener: Callable[[Invocation, BaseException, Failure], None]) -> Iterator[None]:
    executor.listeners.append(listener)
    try:
        yield
    finally:
        executor.listeners.remove(listener)

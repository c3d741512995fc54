"""One run of a program, on the simulator or on a real backend, and how it ended: `RunResult`.

Not the program (`target.py`), and no printing: the program's output goes wherever ``sys.stdout`` leads.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from simactors.api import session
from simactors.core import tracing
from simactors.core.choices import Choices, Offer
from simactors.core.events import Record
from simactors.core.fault_plan import Fault
from simactors.core.sightings import Sighting
from simactors.exceptions import DeadlockError, Finding, InternalError, LimitError, RayTaskError, TargetError
from simactors.exploration import frames, watchdog
from simactors.exploration.target import Program, prepared
from simactors.exploration.world import World, world_of
from simactors.sim.intercept import interrupts
from simactors.sim.simulation import Simulation, simulate

Outcome = Literal["passed", "failed", "deadlock", "limit", "error"]

LAST_STEPS = 20


class Ending(NamedTuple):
    """How the program ended.

    Attributes:
        outcome: "error" means a fault of simactors itself; all others are the program's.
        kind: the class of what was raised: ``AssertionError``, ``RayTaskError(ValueError)``, ``SystemExit``.
        message: of what was raised, without its traceback.
        traceback: the user's frames only.
        place: the user's line that raised it, as ``app.py:12 in transfer``; empty if none did.
    """

    outcome: Outcome
    kind: str | None = None
    message: str | None = None
    traceback: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """One run. What only a simulation has is None for the others.

    Attributes:
        digest: of the whole trace, hexadecimal.
        virtual_time_s: how long the run took in its own time.
        last_steps: the end of the trace of a run that failed, one line a step.
        path: what happened, in order, if the order is explored; see `Offers.taken`.
        sightings: which properties it met, see `checkers.properties`.
        struck: which of its faults befell something.
    """

    ending: Ending
    seed: int | None = None
    digest: str | None = None
    virtual_time_s: float | None = None
    steps: int | None = None
    last_steps: tuple[str, ...] = ()
    path: Sequence[Offer] = field(default=(), repr=False, compare=False)
    sightings: tuple[Sighting, ...] = field(default=(), repr=False, compare=False)
    struck: tuple[Fault, ...] = field(default=(), repr=False, compare=False)

    @property
    def failed(self) -> bool:
        """Whether anything but success came out."""
        return self.ending.outcome != "passed"


class Onlooker(Protocol):
    """Looks at a run while it goes on. It must not change it."""

    def opened(self, simulation: Simulation) -> None:
        """The run is about to begin: the program has not been loaded yet."""
        ...

    def failed(self, error: BaseException) -> None:
        """The program ended with `error`; everything still stands as it was then."""
        ...


def run_simulated(
    program: Program,
    seed: int,
    watch: Callable[[Record], None] | None = None,
    *,
    world: World | None = None,
    choices: Choices | None = None,
    onlookers: Sequence[Onlooker] = (),
) -> RunResult:
    """Run the program on a simulated cluster.

    Args:
        watch, choices: see `simulate`.
        world: where it runs; None for `world_of` the program.
        onlookers: told when it begins and if it fails.

    Raises:
        TargetError: it, or one of the files of its cluster, can't be loaded.
    """
    world = world or world_of(program, seed)
    simulation: Simulation | None = None
    with prepared(program, seed=seed) as start:
        try:
            with opened(world, seed, watch, choices, onlookers) as simulation:
                ending = _run(start, onlookers)
                simulation.has_failed = ending.outcome != "passed"
        except TargetError:
            raise
        except Finding as finding:  # met when the simulation was closed
            ending = ending_at_close(finding)
        except Exception as error:  # the user's are endings already: this one is ours
            _raise_interrupt(error)
            ending = _our_fault(error)
    if simulation is None:
        return RunResult(ending=ending, seed=seed)
    return result_of(simulation, ending)


@contextmanager
def opened(
    world: World,
    seed: int,
    watch: Callable[[Record], None] | None = None,
    choices: Choices | None = None,
    onlookers: Sequence[Onlooker] = (),
    patience_s: float = watchdog.PATIENCE_S,
) -> Iterator[Simulation]:
    """A simulation for the code of the block, with somebody who ends what spins.

    Args:
        watch, choices: see `simulate`.
        onlookers: told when it begins; of a failure, who runs the code has to tell them.
        patience_s: see `watchdog.watched`.
    """
    with (
        simulate(seed, config=world.config, faults=world.faults, watch=watch, choices=choices) as simulation,
        watchdog.watched(simulation, patience_s),
    ):
        for onlooker in onlookers:
            onlooker.opened(simulation)
        yield simulation


def result_of(simulation: Simulation, ending: Ending, last_steps: tuple[str, ...] | None = None) -> RunResult:
    """What a run came to that has ended so.

    Args:
        last_steps: what happened last before it failed; None if nothing came after that.
    """
    if ending.outcome == "passed":
        last_steps = ()
    elif last_steps is None:
        last_steps = last_steps_of(simulation)
    return RunResult(
        ending=ending,
        seed=simulation.seed,
        digest=simulation.digest,
        virtual_time_s=simulation.now_s,
        steps=simulation.steps,
        last_steps=last_steps,
        path=simulation.path,
        sightings=tuple(simulation.sightings),
        struck=simulation.struck,
    )


def last_steps_of(simulation: Simulation) -> tuple[str, ...]:
    """The end of its trace so far, one line a step."""
    return tuple(str(record) for record in simulation.last_records(LAST_STEPS))


def run_for_real(
    program: Program, backend: str, seed: int = 0, trace_to: Path | None = None, *, times_only: bool = False
) -> RunResult:
    """Run the program on a real backend, which its plain ``init()`` opens and its end closes.

    Of its cluster, that has the GPUs and the resources by name.

    Args:
        seed: of what its workload draws; all else is as it comes.
        trace_to: a folder to write down who called what, see `tracing`; None: nobody does.
        times_only: without values, which takes less time.

    Raises:
        TargetError: it can't be loaded.
    """
    if backend == "ray":  # where `import ray` is to mean Ray itself
        program = replace(program, as_ray=False)
    variables = {session.BACKEND_VARIABLE: backend}
    if trace_to is not None:
        variables[tracing.VARIABLE] = str(trace_to.absolute())
        variables |= {tracing.TIMES_ONLY: "yes"} if times_only else {}
    with (
        _environment(variables),
        session.defaults(faults=program.faults, resources=logical_resources(program)),
        prepared(program, seed=seed, ship_code=True) as start,
    ):
        try:
            return RunResult(ending=_run(start))
        finally:
            session.shutdown()


def logical_resources(program: Program) -> Mapping[str, float]:
    """What all machines of its cluster have together of what needs no real machine to be counted: not CPUs or memory.

    A program that asks for them could never be placed without.
    """
    machines = () if program.cluster is None else program.cluster.machines
    found: dict[str, float] = {}
    for machine in machines:
        for name, quantity in {"GPU": machine.num_gpus, **machine.resources}.items():
            if quantity:
                found[name] = found.get(name, 0) + quantity
    return found


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set some variables for a while."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _run(start: Callable[[], object], onlookers: Sequence[Onlooker] = ()) -> Ending:
    try:
        start()
    except (TargetError, KeyboardInterrupt):
        raise
    except BaseException as error:  # user code ran: whatever leaves it is how the program ended
        _raise_interrupt(error)
        ending = ending_of(error)
        for onlooker in onlookers if ending.outcome != "passed" else ():
            onlooker.failed(error)
        return ending
    return Ending("passed")


def _raise_interrupt(error: BaseException) -> None:
    """Raise `KeyboardInterrupt` if it was Ctrl-C that `error` came of."""
    if interrupts.has_come() and _came_of_an_interrupt(error):
        raise KeyboardInterrupt from None


def _came_of_an_interrupt(error: BaseException | None) -> bool:
    """Whether it was raised while Ctrl-C was on its way: by a loop that could not be closed any more, say."""
    seen: list[BaseException] = []  # the user's code may have made a circle of them
    while error is not None and error not in seen:
        if isinstance(error, KeyboardInterrupt):
            return True
        seen.append(error)
        error = error.__cause__ or error.__context__
    return False


def ending_at_close(finding: Finding) -> Ending:
    """How a run ended in which something was found only when its program had ended: no line of the user's raised it."""
    return ending_of(finding, text=f"{type(finding).__name__}: {finding}")


def ending_of(error: BaseException, text: str | None = None) -> Ending:
    """How a run ended that this has left.

    Args:
        text: its traceback; None for the user's part of it.
    """
    if isinstance(error, InternalError):
        return _our_fault(error)
    if isinstance(error, SystemExit) and not error.code:
        return Ending("passed")
    outcome: Outcome = "failed"
    if isinstance(error, DeadlockError):
        outcome = "deadlock"
    elif isinstance(error, LimitError):
        outcome = "limit"
    if text is None:
        text = frames.text(error)
    return Ending(outcome, type(error).__name__, _message(error), text, frames.last_place(text))


def _message(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"exit code {error.code}" if isinstance(error.code, int) else str(error.code)
    # The text of a remote error is its whole remote traceback.
    told = error.cause if isinstance(error, RayTaskError) else error
    try:
        return str(told)
    except Exception as broken:  # the user's own __str__
        return f"<{type(told).__name__}, whose str() raised {type(broken).__name__}>"


def _our_fault(error: Exception) -> Ending:
    text = "".join(traceback.format_exception(error)).rstrip()
    return Ending("error", type(error).__name__, str(error), text)

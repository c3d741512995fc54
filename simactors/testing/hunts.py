"""A test function as the target of a hunt, and its failure as that of the test. For `simulated`."""

from __future__ import annotations

import asyncio
import inspect
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from simactors import exceptions
from simactors.exploration import exploring, frames
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Quest
from simactors.exploration.hunting import Case
from simactors.exploration.repro import LONGEST_TOKEN, Replay, Repro, replay
from simactors.exploration.runner import Ending
from simactors.exploration.storms import kinds_of
from simactors.exploration.strategies import STRATEGIES
from simactors.exploration.target import Program, Target
from simactors.reports import hunt as hunt_report
from simactors.reports.text import figures, reproduction, test_command
from simactors.sim.simulation import Simulation

__unittest = True  # which leaves our frames out of its tracebacks

REPLAY = "SIMACTORS_REPLAY"
"""The variable that names a run to be made again."""

_PYTEST = "PYTEST_CURRENT_TEST"
_FOLDER = Path(".simactors")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """See `simulated`."""

    seeds: int
    faults: str | Sequence[str]
    nodes: int | None
    strategy: str
    shrink_s: float


def quest(faults: str | Sequence[str], strategy: str, nodes: int | None = None) -> Quest:
    """As a hunt has it.

    Raises:
        ValueError: one of them means nothing.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"there is no strategy {strategy!r}; use one of {', '.join(STRATEGIES)}")
    kinds = kinds_of(faults if isinstance(faults, str) else ",".join(faults))
    return Quest(strategy=strategy, faults=kinds, nodes=nodes)


def hunt(call: Callable[[], Any], function: Callable[..., Any], wishes: Wishes) -> None:
    """Make the runs; or the one that the variable SIMACTORS_REPLAY names, if it is one of this test.

    Args:
        call: the test, with its arguments.
        function: the function itself.

    Raises:
        Exception: as the test failed.
    """
    __tracebackhide__ = True
    target = _target(function, _started(call, function))
    wanted = os.environ.get(REPLAY)
    if wanted:
        repro = Repro.read(wanted)
        if _is_same(repro.recipe.program.target, target):
            _replay(repro, target)
            return
    wished = quest(wishes.faults, wishes.strategy, wishes.nodes)
    program = Program(target, preemption="stores")
    seconds = wishes.shrink_s
    report = exploring.hunt(program, wished, Budget(wishes.seeds), seconds, explain_s=seconds / 2)
    if report.cases:
        case = report.cases[0]
        catcher = _Catcher()
        case.shrunk.finding.recipe.run(onlookers=[catcher])
        story = _story(case, report.runs, target, is_pytests=bool(_nodeid(function)))
        _fail(case.shrunk.finding.result.ending, catcher.error, story)


def _started(call: Callable[[], Any], function: Callable[..., Any]) -> Callable[[], object]:
    if not inspect.iscoroutinefunction(function):
        return call
    return lambda: asyncio.run(call())


def _target(function: Callable[..., Any], call: Callable[[], object]) -> Target:
    """The test as pytest's command line has it, if pytest runs it; else by its name in the file."""
    file = os.path.relpath(inspect.getsourcefile(inspect.unwrap(function)) or "<unknown>")
    named, _, test = _nodeid(function).partition("::")
    if not test:
        return Target(file, test=_name(function).replace(".", "::"), call=call)
    return Target(named if Path(named).is_file() else file, test=test, call=call)


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", type(function).__name__)


def _nodeid(function: Callable[..., Any]) -> str:
    """What pytest calls the test that it runs; empty if it runs none, or another one that calls this."""
    told = os.environ.get(_PYTEST, "").rpartition(" (")[0]
    test = told.partition("::")[2].partition("[")[0]
    file = inspect.getsourcefile(inspect.unwrap(function)) or ""
    is_it = test.rpartition("::")[2] == _name(function).rpartition(".")[2]
    return told if is_it and Path(told.partition("::")[0]).name == Path(file).name else ""


def _is_same(target: Target, mine: Target) -> bool:
    return target.test == mine.test and Path(target.file).resolve() == Path(mine.file).resolve()


class _Catcher:
    """Keeps what a run was left by; an `Onlooker`."""

    error: BaseException | None = None

    def opened(self, simulation: Simulation) -> None:
        """See `Onlooker`."""

    def failed(self, error: BaseException) -> None:
        """See `Onlooker`."""
        self.error = error


def _replay(repro: Repro, target: Target) -> None:
    __tracebackhide__ = True
    program = replace(repro.recipe.program, target=target)
    catcher = _Catcher()
    again = replace(repro, recipe=replace(repro.recipe, program=program))
    replayed: Replay = replay(again, onlookers=[catcher])
    told = reproduction(replayed)
    if replayed.result.failed:
        _fail(replayed.result.ending, catcher.error, told)
    try:
        warnings.warn(told, stacklevel=2)  # runners show it of tests that pass, too
    except Warning:  # where all warnings are errors; it is none
        print(told)


def _story(case: Case, runs: int, target: Target, *, is_pytests: bool) -> str:
    small = case.shrunk.finding.result
    lines = [f"{case.which(runs)} failed{figures(small)}", hunt_report.plan(case)]
    word = case.repro.token
    if len(word) > LONGEST_TOKEN:
        file = _FOLDER / f"{Path(target.file).stem}-{case.first.group.word}.json"
        case.repro.write(file)
        word = str(file)
    how, again = "To see exactly this run again:", test_command(target, word)
    if not is_pytests:
        how, again = "To see exactly this run again, run the test with this variable set:", f"{REPLAY}={word}"
    return "\n".join([*(line for line in lines if line), how, f"  {again}"])


def _fail(ending: Ending, error: BaseException | None, story: str) -> None:
    """Raise what the test raised, from where it did."""
    __tracebackhide__ = True
    if error is None:
        known = getattr(exceptions, ending.kind or "", AssertionError)
        error = known(ending.message)
    users = frames.users(error)
    error.add_note(story)
    raise error.with_traceback(users[0] if users else None)

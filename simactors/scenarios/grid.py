"""All runs of a scenario: each seed at each point of its grid, in several processes where there is much to do."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from fnmatch import fnmatchcase
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from simactors.exceptions import TargetError
from simactors.exploration import missed
from simactors.exploration.endings import end_with
from simactors.exploration.objectives import Objective, parse
from simactors.exploration.recipe import Recipe
from simactors.exploration.scenario import Scenario
from simactors.scenarios import metrics
from simactors.scenarios.result import Point, Result, Run, Totals
from simactors.scenarios.running import Look, Order, make

_WORTH_PROCESSES_S = 2.0
"""So long the rest would take alone: starting processes takes half a second."""


class Watches(Protocol):
    """Is told how all runs stand."""

    def update(self, done: int, of: int, time_s: float, totals: Totals) -> None:
        """Often.

        Args:
            done, of: runs.
            time_s: of the run that goes on, by its own clock.
            totals: of the run that goes on.
        """
        ...


@dataclass(frozen=True, slots=True)
class Unwatched:
    """Nobody looks."""

    def update(self, done: int, of: int, time_s: float, totals: Totals) -> None:
        """See `Watches`."""


def run(
    scenario: Scenario,
    backend: str = "sim",
    *,
    seeds: Sequence[int] | None = None,
    jobs: int | None = None,
    watch: Watches | None = None,
    look: Look | None = None,
) -> Result:
    """Make all runs, and sum them up.

    Args:
        seeds: instead of the scenario's own.
        jobs: how many processes make them; None: as many as are worth it. Real backends run one at a time.
        watch: told now and then.
        look: told of what ran where and when, of runs that can't be made again.

    Raises:
        TargetError: the program can't be loaded, or a process that makes runs was killed.
    """
    chosen = scenario.seeds if seeds is None else tuple(seeds)
    orders = [
        Order(point.program, point.objectives, seed, backend, look)
        for point in scenario.points
        for seed in chosen
    ]
    runs = _Runs(orders, watch or Unwatched())
    is_interrupted, began_s = False, time.perf_counter()
    try:
        runs.make(1 if backend != "sim" else jobs)
    except KeyboardInterrupt:
        is_interrupted = True
    points = []
    for number, point in enumerate(scenario.points):
        made = [
            run for run in runs.made[number * len(chosen) : (number + 1) * len(chosen)] if run is not None
        ]
        if made:
            points.append(_point(dict(point.swept), made))
    return Result(
        scenario=scenario.name,
        title=scenario.title,
        backend=backend,
        expect=scenario.expect,
        because=scenario.because,
        as_expected=not is_interrupted and all(_is_as_expected(point, scenario) for point in points),
        points=points,
        interrupted=is_interrupted,
        wall_s=time.perf_counter() - began_s,
    )


def _is_as_expected(point: Point, scenario: Scenario) -> bool:
    if any(run.outcome == "error" for run in point.runs):
        return False
    if scenario.expect == "fails":
        failed = [check for run in point.runs for check in run.checks if check.has_failed]
        return any(scenario.because in f"{check.name}: {check.message}" for check in failed)
    return scenario.expect == "any" or point.verdict == "passed"


def _point(swept: dict[str, Any], runs: list[Run]) -> Point:
    verdict = "passed" if all(run.has_passed for run in runs) else "failed"
    return Point(swept=swept, runs=runs, verdict=verdict, metrics=metrics.estimates(runs))


def never_called(scenario: Scenario, result: Result) -> dict[str, set[str]]:
    """Whose service times were never asked for at any point: a misspelt name makes work take no time, without a word.

    Constructors are left out, of which results know nothing.

    Returns:
        By each such name, or pattern, what was called.
    """
    called = {method.name for point in result.points for run in point.runs for method in run.methods}
    named = [
        name
        for point in scenario.points
        if point.program.cluster is not None
        for times in (point.program.cluster.service_times, point.program.cluster.first_service_times)
        for name in times
    ]
    if result.backend != "sim" or result.interrupted:
        return {}
    return {
        name: called
        for name in dict.fromkeys(named)
        if not name.endswith(".__init__") and not any(fnmatchcase(one, name) for one in called)
    }


def struck_nothing(scenario: Scenario, result: Result) -> list[str]:
    """What is to be told of the faults that befell nothing at any point: a misspelt name spares everybody, silently."""
    runs = [run for point in result.points for run in point.runs]
    if result.backend != "sim" or result.interrupted:
        return []
    names = {method.name for run in runs for method in run.methods}
    longest_s = max((run.duration_s for run in runs), default=0.0)
    faults = dict.fromkeys(fault for point in scenario.points for fault in missed.planned(point.program))
    return [
        missed.words(fault, "in any run", names, longest_s)
        for fault in faults
        if all(missed.as_in_files(fault) in run.missed for run in runs)
    ]


class _Runs:
    """The runs so far; None for those that are still to be made."""

    def __init__(self, orders: Sequence[Order], watch: Watches) -> None:
        self._orders = orders
        self._watch = watch
        self.made: list[Run | None] = [None] * len(orders)

    def make(self, jobs: int | None) -> None:
        """Make all; the first ones here, to see how long they take."""
        self._watch.update(0, len(self._orders), 0.0, Totals())
        spent_s = 0.0
        for number, order in enumerate(self._orders):
            left = len(self._orders) - number
            if jobs is None and number and spent_s / number * left > _WORTH_PROCESSES_S:
                jobs = os.cpu_count() or 1
            if jobs is not None and jobs > 1 and left > 1:
                self._in_processes(range(number, len(self._orders)), min(jobs, left))
                return
            run = make(order, self._teller(number))
            self.made[number] = run
            spent_s += run.wall_s
            self._watch.update(number + 1, len(self._orders), run.duration_s, run.totals)

    def _teller(self, number: int) -> Callable[[float, Totals], None]:
        return lambda time_s, totals: self._watch.update(number, len(self._orders), time_s, totals)

    def _in_processes(self, numbers: Sequence[int], jobs: int) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would take along what this process has open
        others = multiprocessing.active_children()
        with ProcessPoolExecutor(
            jobs, mp_context=context, initializer=_settle_in, initargs=(os.getpid(),)
        ) as pool:
            try:
                waiting = {pool.submit(_made_there, _told(self._orders[n])): n for n in numbers}
                while waiting:
                    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in done:
                        self._take(waiting.pop(future), future)
            except (
                BaseException
            ):  # Ctrl-C, or wrong input: nobody waits for what they still make, as the pool would
                _kill_children_but(others)
                raise
            finally:
                pool.shutdown(cancel_futures=True)

    def _take(self, number: int, future: Future[dict[str, Any]]) -> None:
        try:
            told = future.result()
        except BrokenProcessPool:
            raise TargetError(
                "a process that made runs has ended before its time, for lack of memory perhaps: "
                "fewer at once take less, as --jobs 1 does"
            ) from None
        if "wrong input" in told:
            raise TargetError(told["wrong input"])
        run: Run = told["run"]
        self.made[number] = run
        done = sum(run is not None for run in self.made)
        self._watch.update(done, len(self.made), run.duration_s, run.totals)


def _settle_in(parent: int) -> None:
    """Done first in each of the processes that make runs for `parent`."""
    end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C at the terminal is for the one that sums up


def _kill_children_but(others: Sequence[BaseProcess]) -> None:
    for process in multiprocessing.active_children():
        if process not in others:
            process.kill()


def _told(order: Order) -> dict[str, Any]:
    """An order as another process can take it."""
    return {
        "recipe": Recipe(program=order.program, seed=order.seed).to_fields(),
        "objectives": [objective.text for objective in order.objectives],
    }


def _made_there(told: dict[str, Any]) -> dict[str, Any]:
    """Make a run in a process of its own."""
    recipe = Recipe.from_fields(told["recipe"])
    objectives: tuple[Objective, ...] = tuple(map(parse, told["objectives"]))
    try:
        return {"run": make(Order(recipe.program, objectives, recipe.seed))}
    except TargetError as error:
        return {"wrong input": str(error)}

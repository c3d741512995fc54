"""``simactors run`` of a scenario: all of its runs, with their progress, and a table of what they came to."""

from __future__ import annotations

import itertools
import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from simactors.cli import files, params
from simactors.cli.group import FAILED, INTERRUPTED, OUR_FAULT, PASSED, PLEASE_REPORT, WrongInput
from simactors.core import nearest
from simactors.core.fault_plan import FaultPlan
from simactors.exceptions import NondeterminismError, TargetError
from simactors.exploration.capturing import captured
from simactors.exploration.repro import Repro
from simactors.exploration.runner import logical_resources
from simactors.exploration.scenario import Scenario, load
from simactors.reports import mermaid, perfetto, scenario_page
from simactors.reports import scenario as report
from simactors.scenarios import grid
from simactors.scenarios.result import Result, Run, Totals
from simactors.scenarios.running import possible_for_real
from simactors.scenarios.timeline import Timeline, recorded

_TERMINAL_PER_S = 8.0
_PIPE_EVERY_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is wanted besides what the file says.

    Attributes:
        seeds: instead of its own.
        settings: ``--set``, by name.
        jobs: how many processes make the runs.
        csv, out, report, timeline: files to write.
        as_json: print the result as the last line.
    """

    seeds: tuple[int, ...] | None = None
    settings: tuple[tuple[str, Any], ...] = ()
    jobs: int | None = None
    csv: Path | None = None
    out: Path | None = None
    report: Path | None = None
    timeline: Path | None = None
    as_json: bool = False

    @property
    def wants_views(self) -> bool:
        """Whether what ran where and when is of any use."""
        return self.report is not None or self.timeline is not None


class _Drawn:
    """What ran where and when in real runs, of those two that a reader may be shown: see `scenario_page.choose`."""

    def __init__(self) -> None:
        self._kept: list[tuple[Run, Timeline]] = []

    def look(self, run: Run, timeline: Timeline) -> None:
        """See `running.Look`."""
        if not self._kept or all(kept.has_passed for kept, _ in self._kept):
            self._kept = [*self._kept[:1], (run, timeline)]

    def of(self, run: Run) -> Timeline | None:
        """None if it was not watched."""
        if run.repro:  # a simulation is made once more
            with captured():
                return recorded(Repro.read(run.repro).recipe, run.digest)
        return next((timeline for kept, timeline in self._kept if kept is run), None)


def run(file: str, variant: str, backend: str, wishes: Wishes, options: dict[str, Any]) -> None:
    """Run it, tell what came of it, and end the command.

    Args:
        options: of the command, for every run; see `params.completed`.
    """
    _refuse_files(wishes)
    try:
        told = load(file, variant, wishes.settings)
        points = [replace(point, program=params.completed(point.program, **options)) for point in told.points]
        scenario = replace(told, points=tuple(points))
        if backend != "sim":
            _tell_what_is_left_out(scenario, backend)
        drawn = _Drawn()
        look = drawn.look if wishes.wants_views else None
        with _warnings_shown(), _shown(_State(tells_of_running=backend == "sim")) as watch:
            result = grid.run(scenario, backend, seeds=wishes.seeds, jobs=wishes.jobs, watch=watch, look=look)
    except TargetError as error:
        raise WrongInput(str(error)) from None
    for name, called in grid.never_called(told, result).items():
        hint = nearest.clause(name, sorted(called))
        click.echo(f"cluster.service_times: nothing was called {name!r} in any run{hint}", err=True)
    for words in grid.struck_nothing(scenario, result):
        click.echo(words, err=True)
    click.echo(report.summary(result), err=wishes.as_json)  # first: writing may fail, or be stopped
    if wishes.out is not None:
        _write(wishes.out, result.to_json().decode() + "\n")
    if wishes.csv is not None:
        _write(wishes.csv, report.as_csv(result))
    repeats = not wishes.wants_views or _write_views(result, wishes, drawn)
    if wishes.as_json:
        click.echo(result.to_json().decode())
    code = _exit_code(result)
    raise click.exceptions.Exit(code if repeats else code or FAILED)


def _refuse_files(wishes: Wishes) -> None:
    """Say now what could not be written, not after all runs."""
    named = {name: getattr(wishes, name) for name in ("out", "csv", "report", "timeline")}
    places: dict[str, Path] = {f"--{name}": path for name, path in named.items() if path is not None}
    for option, path in places.items():
        files.refuse_unwritable(option, path)
    for (one, path), (other, same) in itertools.combinations(places.items(), 2):
        if path.resolve() == same.resolve() and not path.is_char_device():  # /dev/stdout takes any number
            raise WrongInput(f"{one} and {other} name the same file, {path}")


def _exit_code(result: Result) -> int:
    if result.interrupted:
        return INTERRUPTED
    if any(run.outcome == "error" for point in result.points for run in point.runs):
        click.echo(PLEASE_REPORT, err=True)
        return OUR_FAULT
    return PASSED if result.as_expected else FAILED


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WrongInput(f"{path} can't be written to: {error.strerror}") from None


def _write_views(result: Result, wishes: Wishes, drawn: _Drawn) -> bool:
    """The page, and the timeline, of the run that is worth a look: a simulation is made once more for that.

    Returns:
        Whether it has become the same run again: if not, no timeline is drawn.
    """
    pair = scenario_page.choose(result)
    if pair is None:
        click.echo("no run was made: there is nothing to look into", err=True)
        return True
    point, run = pair
    timeline, remark = None, ""
    try:
        timeline = drawn.of(run)
    except NondeterminismError as error:
        remark = str(error)
        click.echo(remark, err=True)
    if wishes.report is not None:
        shown = scenario_page.Shown(point, run, timeline, remark)
        _write(wishes.report, scenario_page.html(result, shown))
    if wishes.timeline is not None and timeline is not None:
        is_mermaid = wishes.timeline.suffix.lower() == ".mmd"
        _write(wishes.timeline, _as_timeline(run, timeline, is_mermaid=is_mermaid))
    elif wishes.timeline is not None and not remark:
        raise WrongInput(f"--timeline: nobody saw what ran where and when, on {result.backend}")
    return not remark


def _as_timeline(run: Run, timeline: Timeline, *, is_mermaid: bool) -> str:
    if not is_mermaid:
        return perfetto.dumps(run, timeline)
    diagram = mermaid.text(run, timeline)
    if diagram is None:
        raise WrongInput(
            "--timeline: the run is too long for a Mermaid diagram, which has at most "
            f"{mermaid.MOST_MESSAGES} messages; write a .json for Perfetto"
        )
    return diagram + "\n"


def _tell_what_is_left_out(scenario: Scenario, backend: str) -> None:
    program = scenario.points[0].program
    faults = program.faults.faults + tuple(one.fault for one in program.drawn)
    left_out = len(faults) - len(possible_for_real(FaultPlan(faults), backend))
    kept = ", ".join(sorted(logical_resources(program)))
    parts = ["its cluster" + (f" (but what it has of {kept})" if kept else "")] if program.cluster else []
    parts += [f"{left_out} of its {len(faults)} faults"] if left_out else []
    if parts:
        click.echo(f"{' and '.join(parts)} can only be simulated, not on {backend}: left out", err=True)


# How it stands


class _State:
    """How the runs stand: written by whoever makes them, read by a thread of its own, whose clock is the real one.

    Args:
        tells_of_running: what goes on in a run is told, too: real ones are only read when they are over.
    """

    def __init__(self, *, tells_of_running: bool) -> None:
        self._tells_of_running = tells_of_running
        self._began = time.perf_counter()
        self._done = self._of = 0
        self._time_s = 0.0
        self._totals = Totals()
        self._calls_before = 0

    def update(self, done: int, of: int, time_s: float, totals: Totals) -> None:
        """See `grid.Watches`."""
        if done > self._done:
            self._calls_before += totals.calls
            totals = Totals()
        self._done, self._of, self._time_s, self._totals = done, of, time_s, totals

    def __str__(self) -> str:
        calls = self._calls_before + self._totals.calls
        passed_s = time.perf_counter() - self._began
        if not self._tells_of_running:
            return f"{self._done} of {self._of or '?'} runs in {passed_s:.0f} s, in real time"
        rate = calls / max(passed_s, 1e-9)
        return (
            f"{self._done} of {self._of or '?'} runs; at {self._time_s:.3f} s, {calls:,} calls, {rate:,.0f} calls/s, "
            f"{self._totals.faults} faults in this run"
        )


class _Warnings(logging.Handler):
    """Shows each warning of ours once, where the user sees it: what a run prints is kept for its result.

    A real run that waits for ever has none.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._stream = sys.stderr
        self._shown: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        text = self.format(record)
        if text not in self._shown:
            self._shown.add(text)
            print(text, file=self._stream, flush=True)


@contextmanager
def _warnings_shown() -> Iterator[None]:
    handler, log = _Warnings(), logging.getLogger("simactors")
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


@contextmanager
def _shown(state: _State) -> Iterator[grid.Watches]:
    """A display on stderr: on a terminal it changes, in a pipe there is a line now and then."""
    stream = sys.stderr
    if not stream.isatty():
        over = threading.Event()

        def tell() -> None:
            while not over.wait(_PIPE_EVERY_S):
                print(state, file=stream, flush=True)

        teller = threading.Thread(target=tell, daemon=True)
        teller.start()
        try:
            yield state
        finally:
            over.set()
            teller.join()
        return
    from rich.console import Console  # lazily: no run needs it
    from rich.live import Live

    with Live(
        console=Console(file=stream),
        get_renderable=lambda: str(state),
        transient=True,
        refresh_per_second=_TERMINAL_PER_S,
        redirect_stdout=False,
        redirect_stderr=False,
    ):
        yield state

"""One run of a scenario's program, measured and judged: a `Run`."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from simactors.core import tracing
from simactors.core.fault_plan import CrashProcess, DelayCall, Fault, FaultPlan, Pause
from simactors.exploration import missed
from simactors.exploration.capturing import captured
from simactors.exploration.drawn_faults import plan
from simactors.exploration.endings import temporary_folder
from simactors.exploration.objectives import Objective
from simactors.exploration.recipe import Recipe
from simactors.exploration.repro import Repro
from simactors.exploration.runner import RunResult, run_for_real
from simactors.exploration.target import Program
from simactors.scenarios import objectives as judging
from simactors.scenarios.latencies import of_requests
from simactors.scenarios.meter import Meter
from simactors.scenarios.objectives import Measured
from simactors.scenarios.real_runs import RealRun
from simactors.scenarios.result import Check, Run, Totals
from simactors.scenarios.samples import Samples
from simactors.scenarios.tally import Tally
from simactors.scenarios.timeline import Timeline, drawn
from simactors.sim.intercept import interrupts
from simactors.workload.measured import Log, collecting

_LAST_LINES = 40

Tell = Callable[[float, Totals], None]
"""Told how a run stands: virtual seconds so far, and the totals."""


Look = Callable[[Run, Timeline], None]
"""Told what ran where and when."""


def _nobody(_: float, __: Totals) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Order:
    """One run that is to be made.

    Attributes:
        look: is told what ran where and when, if the run can't be made again to see that.
    """

    program: Program
    objectives: tuple[Objective, ...]
    seed: int
    backend: str = "sim"
    look: Look | None = None


def make(order: Order, tell: Tell = _nobody) -> Run:
    """Make the run.

    Raises:
        TargetError: the program can't be loaded.
    """
    log, began_s = Log(), time.perf_counter()
    recipe = Recipe(program=order.program, seed=order.seed)
    with collecting(log), captured() as output:
        if order.backend == "sim":
            made = _simulated(recipe, tell)
        else:
            with interrupts.heard():
                made = _real(order, log)
    run, origin_s = made.run, made.origin_s
    run.wall_s = time.perf_counter() - began_s
    run.output = _as_text(output.getvalue()).splitlines()[-_LAST_LINES:]
    run.requests = of_requests(log, origin_s)
    _judge(run, log, origin_s, order)
    if order.look is not None and made.draw is not None:
        order.look(run, made.draw())
    return run


class _Made(NamedTuple):
    """A run that is not judged yet.

    Attributes:
        origin_s: what the clock said at its beginning.
        draw: makes the picture of what ran where and when, unless only the run that is made again can.
    """

    run: Run
    origin_s: float
    draw: Callable[[], Timeline] | None = None


def _simulated(recipe: Recipe, tell: Tell) -> _Made:
    meter = Meter(tell)
    made = recipe.run(meter.watch, onlookers=[meter])
    run = _run(recipe.seed, made)
    run.duration_s = made.virtual_time_s or 0.0
    run.digest, run.steps = made.digest or "", made.steps or 0
    _fill(run, meter.tally, meter.samples)
    run.missed = [missed.as_in_files(fault) for fault in missed.missed(recipe.program, made.struck)]
    run.repro = Repro.of(recipe, made).token
    return _Made(run, 0.0)


def _real(order: Order, log: Log) -> _Made:
    faults = order.program.faults.faults + plan(order.program.drawn, order.seed).faults
    possible = possible_for_real(FaultPlan(faults), order.backend)
    program = replace(order.program, faults=FaultPlan(possible), drawn=())
    with temporary_folder() as folder:
        began_s, trace_to = time.monotonic(), None if tracing.VARIABLE in os.environ else folder
        made = run_for_real(program, order.backend, order.seed, trace_to, times_only=True)
        origin_s = began_s if log.began_s is None else log.began_s
        run = _run(order.seed, made)
        run.duration_s = time.monotonic() - origin_s
        real = RealRun(folder, time.time() - run.duration_s)
    if not real.is_watched:
        return _Made(run, origin_s)
    tally = Tally()
    for record in real.records:
        tally.count(record)
    for trouble in real.troubles:
        tally.meet(trouble)
    _fill(run, tally, real.samples(run.duration_s))
    return _Made(run, origin_s, functools.partial(drawn, real.records, real.place_of, run.duration_s * 1e6))


def _fill(run: Run, tally: Tally, samples: Samples) -> None:
    """Say what happened inside."""
    run.methods, run.faults, run.totals = tally.methods, tally.faults, tally.totals
    run.queues, run.uses, run.samples_s = samples.queues, samples.uses, samples.times_s


def possible_for_real(faults: FaultPlan, backend: str) -> tuple[Fault, ...]:
    """Those faults that a real backend can let happen."""
    if backend != "local":
        return ()
    return tuple(
        fault
        for fault in faults.faults
        if isinstance(fault, CrashProcess | DelayCall) or (isinstance(fault, Pause) and fault.node is None)
    )


def _run(seed: int, made: RunResult) -> Run:
    ending = made.ending
    return Run(
        seed=seed,
        outcome=ending.outcome,
        kind=ending.kind or "",
        message=_as_text(ending.message or ""),
        traceback=_as_text(ending.traceback),
        place=_as_text(ending.place),
    )


def _as_text(told: str) -> str:
    """Without half characters, of which programs may make words, and which no file holds."""
    return told.encode("utf-8", "backslashreplace").decode()


def _judge(run: Run, log: Log, origin_s: float, order: Order) -> None:
    """Add what came of the checks; a run whose checks have failed has failed."""
    run.checks = [_program(run, log), *_of_log(log, origin_s, order.program)]
    measured = Measured(run, log, origin_s, is_watched=bool(run.samples_s))
    if run.outcome in ("passed", "failed"):
        run.checks += judging.judge(measured, order.objectives)
    if run.outcome == "passed" and any(check.has_failed for check in run.checks):
        run.outcome = "failed"


def _program(run: Run, log: Log) -> Check:
    """Whether it came to its end by itself; what a check has raised is that check's."""
    check = Check(name="the program ends well", kind="program", status="passed")
    if run.outcome != "passed" and not log.is_ended_by_check:
        check.status, check.broke_at_s = "failed", run.duration_s
        check.message = f"{run.kind}: {run.message}" if run.message else run.kind
    return check


def _of_log(log: Log, origin_s: float, program: Program) -> Sequence[Check]:
    entries = () if program.load is None else program.load.checks
    return [
        Check(
            name=each.name,
            kind="entry" if each.name in entries else "history",
            status=each.status,
            message=_as_text(each.message),
            broke_at_s=None if each.status == "passed" else each.at_s - origin_s,
        )
        for each in log.checks
    ]

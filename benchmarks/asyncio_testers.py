"""How many runs public testers of asyncio need for bugs of ``tests/power``, written as mailbox actors in plain asyncio.

Run, with Python 3.12 or later and in any environment (one that is not installed is told and left out):
``pip install simloop simloom detangle frontrun``, then
``python benchmarks/asyncio_testers.py [--tester NAME]... [--campaigns N] [--most N] [--seconds S] [PROGRAM...]``.

As in ``power.py``, the figures are means of the runs up to the first failure, with 95 % confidence intervals, and a
campaign that finds nothing counts as the most runs. A row has some seconds; ``found`` tells how many campaigns that
made. Strategies that draw nothing have one campaign. ``told as`` is what the tester said that it found; runs
that only measure how long the program is are not counted.

A message takes one step of its sender to arrive, and messages from one sender to one actor arrive in order, as in Ray:
without that step no tester could part two sends that follow each other. In ``reorder`` the checker comes first: if it
came last, the plain order of asyncio would fail already (as it does in ``lost`` and ``abba``; the row ``asyncio``
tells). A row that ran out of time within a campaign has ``>`` before its mean: that campaign counts as the runs that it
made, and the mean is a lower bound.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import importlib
import importlib.metadata
import io
import logging
import math
import statistics
import time
import warnings
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from asyncio_programs import PROGRAMS, Program

_APART = 1_000_000  # the seeds of two campaigns
_SURE = 1.96  # standard errors on either side hold 95 % of all means
_QUIET_S = (
    0.3  # a run under Frontrun that makes no step for so long hangs: it cannot see that in any other way
)


class OutOfTime(KeyboardInterrupt):
    """No further run may begin; of a kind that no tester takes for a failure of the program."""


class CannotTell(Exception):
    """A tester does not come to a verdict on a program, or to one that cannot be right."""


@dataclass
class Clock:
    """Counts the runs of a campaign and ends them in time."""

    ends: float = math.inf
    runs: int = 0


CLOCK = Clock()


def main_of(make: Callable[[], Program]) -> Callable[[], Coroutine[Any, Any, None]]:
    """The whole program as the coroutine function that testers with an event loop of their own take."""

    def begin() -> Coroutine[Any, Any, None]:
        if time.perf_counter() > CLOCK.ends:
            raise OutOfTime
        CLOCK.runs += 1
        return main()

    async def main() -> None:
        program = make()
        workers = [asyncio.ensure_future(actor.work()) for actor in program.actors]
        await asyncio.gather(*(program.client(number) for number in range(len(program.clients))))
        await asyncio.gather(*workers)
        assert program.holds()

    return begin


@dataclass(frozen=True)
class Found:
    """What came of a campaign."""

    runs: int | None  # up to the first failure; None: there was none
    told: str = ""
    made: int = 0  # runs, if nothing was found
    cut: bool = False  # by the clock


Hunt = Callable[[Callable[[], Program], int, int], Found]  # a program, a campaign's number, the most runs


def simloop(policy: str, make: Callable[[], Program], campaign: int, most: int) -> Found:
    tester = importlib.import_module("simloop")
    first = (campaign + 1) * _APART  # seed 0 is the one it measures with
    report = tester.explore(main_of(make), range(first, first + most), policy=policy)
    return (
        Found(None, made=most)
        if report is None
        else Found(report.seeds_passed + 1, type(report.exception).__name__)
    )


def simloom(scheduler: str, make: Callable[[], Program], campaign: int, most: int) -> Found:
    tester = importlib.import_module("simloom")
    result = tester.explore(main_of(make), runs=most, start_seed=campaign * _APART, scheduler=scheduler)
    return Found(result.runs, result.failures[0].error) if result.failed else Found(None, made=result.runs)


def simloom_systematic(make: Callable[[], Program], campaign: int, most: int) -> Found:
    tester = importlib.import_module("simloom")
    result = tester.explore_systematic(main_of(make), max_schedules=most)
    found = result.failed
    return Found(result.schedules, result.failures[0].error) if found else Found(None, made=result.schedules)


def detangle(strategy: str, make: Callable[[], Program], campaign: int, most: int) -> Found:
    tester = importlib.import_module("detangle")
    options = {"strategy": strategy, "seed": campaign, "shrink": False, "database": False}
    try:
        stats = tester.explore(main_of(make), runs=most, **options)
    except tester.BugFound as bug:
        failure = bug.report.failure
        return Found(bug.report.runs, type(failure.exception).__name__ if failure.exception else failure.kind)
    return Found(None, made=stats.runs)


def frontrun(strategy: str, make: Callable[[], Program], campaign: int, most: int) -> Found:
    """Clients are its workers and actors are tasks beside: as workers it takes idle actors for a deadlock."""
    tester = importlib.import_module("frontrun")
    drawn = {"max_attempts": most, "max_ops": 2000, "seed": campaign}
    searched = {"max_executions": most, "reproduce_on_failure": 0}

    def setup() -> Program:
        program = make()
        program.workers = [asyncio.ensure_future(actor.work()) for actor in program.actors]
        return program

    async def explore() -> Any:
        return await tester.explore(
            setup=setup,
            workers=[partial(_client, number=number) for number in range(len(make().clients))],
            invariant=lambda program: program.holds(),
            strategy=strategy,
            timeout_per_run=2 * _QUIET_S,
            deadlock_timeout=_QUIET_S,
            total_timeout=max(0.1, CLOCK.ends - time.perf_counter()),
            **(drawn if strategy == "random" else searched),
        )

    result = asyncio.run(explore())
    runs = result.num_explored
    told = " ".join((result.explanation or "").split())
    if result.property_holds is None and "timed out" in told:
        raise CannotTell(f"no verdict on runs that hang: {told[:110]}")
    if result.property_holds is not False:
        claims = "says that it holds" if result.property_holds and strategy != "random" else ""
        return Found(None, claims, made=runs, cut=runs < most and time.perf_counter() > CLOCK.ends)
    if "Deadlock" in told:
        raise CannotTell(f"a deadlock where there is none, after {runs} runs: {told[:110]}")
    return Found(runs, "invariant violated")


async def _client(program: Program, number: int) -> None:
    await program.client(number)


def plain(make: Callable[[], Program], campaign: int, most: int) -> Found:
    """One run in the order of asyncio itself; a deadlock shows as silence."""
    try:
        asyncio.run(asyncio.wait_for(main_of(make)(), _QUIET_S))
    except (AssertionError, TimeoutError) as failure:
        return Found(1, type(failure).__name__)
    return Found(None, made=1)


DRAWN: dict[tuple[str, str], Hunt] = {
    ("simloop", "random"): partial(simloop, "random"),
    ("simloop", "pct"): partial(simloop, "pct"),
    ("simloom", "random"): partial(simloom, "random"),
    ("simloom", "pct:auto"): partial(simloom, "pct:auto"),
    ("detangle", "random"): partial(detangle, "random"),
    ("detangle", "pct"): partial(detangle, "pct"),
    ("detangle", "auto"): partial(detangle, "auto"),
    ("frontrun", "random"): partial(frontrun, "random"),
}
SEARCHED: dict[tuple[str, str], Hunt] = {
    ("asyncio", "its order"): plain,
    ("simloom", "systematic"): simloom_systematic,
    ("detangle", "dfs"): partial(detangle, "dfs"),
    ("frontrun", "dpor"): partial(frontrun, "dpor"),
}


def hunts_of(
    hunt: Hunt, make: Callable[[], Program], campaigns: int, most: int, seconds: float
) -> list[Found]:
    """The campaigns that begin in time."""
    CLOCK.ends = time.perf_counter() + seconds
    found: list[Found] = []
    while len(found) < campaigns and time.perf_counter() < CLOCK.ends:
        CLOCK.runs = 0
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                found.append(hunt(make, len(found), most))
        except OutOfTime:
            found.append(Found(None, made=CLOCK.runs, cut=True))
    return found


def row(name: str, key: tuple[str, str], args: argparse.Namespace) -> str:
    """One line of the table."""
    head = f"{name:<16}{key[0]:<10}{key[1]:<12}"
    hunt, campaigns = (DRAWN[key], args.campaigns) if key in DRAWN else (SEARCHED[key], 1)
    began = time.perf_counter()
    try:
        all_found = hunts_of(hunt, PROGRAMS[name], campaigns, args.most, args.seconds)
    except Exception as refusal:  # whatever a tester says to a program that it does not take
        return f"{head}not compared: {type(refusal).__name__}: {refusal}"
    seconds = time.perf_counter() - began
    made = [found.made if found.runs is None else found.runs for found in all_found]
    counted = [n if found.runs or found.cut else args.most for n, found in zip(made, all_found, strict=True)]
    error = _SURE * statistics.stdev(counted) / math.sqrt(len(counted)) if len(counted) > 1 else 0.0
    hits = sum(found.runs is not None for found in all_found)
    told = ", ".join(sorted({found.told for found in all_found if found.told}))
    mean = f"{'>' if any(found.cut for found in all_found) else ' '}{statistics.mean(counted):>6.1f} ±{error:>5.1f}"
    if key not in DRAWN and not hits and not all_found[0].cut:
        told = f"{told} (and makes no more runs than {made[0]})".strip() if made[0] < args.most else told
    return f"{head}{mean}{hits:>6}/{len(counted):<4}{sum(made) / seconds:>9.0f}  {told}".rstrip()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="*", help="parts of names; all programs if there are none")
    parser.add_argument("--tester", action="append", choices=["simloop", "simloom", "detangle", "frontrun"])
    parser.add_argument("--campaigns", type=int, default=20)
    parser.add_argument("--most", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=1.2, help="the time of a row")
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    there = ["asyncio"]
    for tester in args.tester or ["simloop", "simloom", "detangle", "frontrun"]:
        try:
            importlib.import_module(tester)
        except ImportError as missing:
            print(f"{tester} is left out: {missing}")
        else:
            there.append(tester)
            print(f"{tester} {importlib.metadata.version(tester)}")
    gc.freeze()  # some testers collect garbage in each run: let that not cost more the more testers are loaded
    print(f"at most {args.most} runs a campaign, {args.campaigns} campaigns or {args.seconds:g} s a row")
    print(
        f"{'program':<16}{'tester':<10}{'strategy':<12}{'runs to failure':>14}{'found':>8}{'runs/s':>12}  told as"
    )
    for name in PROGRAMS:
        if not args.programs or any(part in name for part in args.programs):
            for key in (key for tester in there for key in (*DRAWN, *SEARCHED) if key[0] == tester):
                print(row(name, key, args), flush=True)


if __name__ == "__main__":
    main()

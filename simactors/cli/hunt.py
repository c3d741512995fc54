"""``simactors hunt``: many runs of a program on the simulator, each in another order, until one fails."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import click

from simactors.cli import files, params, progress
from simactors.cli.group import INTERRUPTED, WrongInput, epilog, exit_with
from simactors.exceptions import TargetError
from simactors.exploration import crew, fleet, hunting
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import AUDITED, Quest, Tally
from simactors.exploration.hunting import Report
from simactors.exploration.journal import Before, Journal
from simactors.exploration.shrinking import SECONDS
from simactors.exploration.storms import kinds_of
from simactors.exploration.strategies import STRATEGIES, SYSTEMATIC
from simactors.exploration.target import Program, Target
from simactors.reports import hunt as report
from simactors.reports import json_line
from simactors.reports.text import count

_OUT = ".simactors"
_RUNS = 1_000


@click.command(
    epilog=epilog(
        "Each run starts from a fresh module; what it prints is shown only if it fails.",
        "simactors hunt app.py:main --time 60s --faults delay,crash --jobs 2",
        "simactors hunt scenarios/bank --seeds 100 --keep-going --out found",
    )
)
@params.TARGET
@params.ARGS
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    help=f"How many runs. Default: {_RUNS}, or as many as --time allows.",
)
@click.option("--time", "seconds", type=params.DURATION, help="How long to hunt: 90s, 5m, 1h.")
@click.option(
    "--first-seed", type=params.SEED, default=0, show_default=True, help="The seed of the first run."
)
@click.option(
    "--jobs", type=click.IntRange(min=1), help="How many processes hunt. Default: 1; on Ray one for each CPU."
)
@click.option(
    "--on",
    "where",
    type=click.Choice(["here", "ray"]),
    default="here",
    show_default=True,
    help="Where the runs are made: on this machine, or on the Ray cluster that RAY_ADDRESS names.",
)
@click.option(
    "--strategy",
    type=click.Choice(list(STRATEGIES)),
    default="portfolio",
    show_default=True,
    help="How orders are chosen; the portfolio takes turns with kinds, orders, delays, pct, pos and random.",
)
@click.option(
    "--faults",
    multiple=True,
    metavar="KINDS|FILE.toml",
    help="What may go wrong, drawn anew for each run: none, delay, crash, node, partition, skew, rpc or all, several "
    "with commas; or a file with faults, which then happen in every run. Default: delay; with a file only what it "
    "says, as with a scenario that has faults.",
)
@click.option(
    "--max-faults",
    type=click.IntRange(min=0),
    help="The most crashes, lost nodes and cuts, each, of one run. Default: one of each.",
)
@click.option(
    "--fault-calls",
    metavar="CALL[,CALL]",
    help="Crash processes, and break connections, around these calls only: 'Account.add', 'Account.*', or the name of "
    "a task. Default: around any.",
)
@click.option(
    "--nodes",
    type=click.IntRange(min=1),
    help="How many machines. Default: 1, or 3 if faults of nodes, partitions or clocks are wanted.",
)
@click.option("--keep-going", is_flag=True, help="Go on after a failure; others are grouped by what broke.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Where failures are written to. Default: {_OUT}. If it is given, a hunt that was stopped goes on from there.",
)
@click.option(
    "--shrink-time",
    type=params.DURATION,
    default=f"{SECONDS:g}s",
    show_default=True,
    help="How long making a failure small may take; 0s: leave it as it is.",
)
@params.CLUSTER
@params.ALLOW
@params.MAX_STEPS
@params.FAIL_ON
@params.preempt("stores")
@click.option(
    "--check-determinism/--no-check-determinism",
    default=None,
    help="Make every run twice, and the first one in fresh processes, too: a run that does not repeat is a failure. "
    f"Default: one run in {AUDITED}.",
)
@params.AS_RAY
@params.JSON
def hunt(
    target: Program, args: tuple[str, ...], seeds: int | None, seconds: float | None, **options: Any
) -> None:
    """Run a program in many orders, with many faults, until one fails.

    Makes the first failure small, shows what has to happen for it, and the command that replays it exactly.
    """
    program, quest = _asked(target, args, options)
    if options["out"] is not None:
        files.refuse_unwritable_folder("--out", options["out"])
    if seconds == 0:
        raise click.UsageError("--time: a hunt takes some time")
    runs = _RUNS if seeds is None and seconds is None else seeds
    as_json = options["as_json"]
    try:
        # A systematic search knows only from its own runs where it is: it begins anew.
        journal = Journal(None if quest.strategy == SYSTEMATIC else options["out"], program, quest)
        _tell_what_was_there(journal.before, program.target)
        found = _hunt(program, quest, Budget(runs, seconds), journal, options)
    except TargetError as error:
        raise WrongInput(str(error)) from None
    except OSError as error:
        raise WrongInput(f"{error.filename or 'the hunt'}: {error.strerror or error}") from None
    written = _written(found, options["out"] or Path(_OUT))
    journal.reported(case.first.group for case in found.cases)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 110
    click.echo(report.text(found, written, width), err=as_json)
    if as_json:
        click.echo(json_line.hunt_line(found, written))
    if found.tally.interrupted and not found.failed:
        raise click.exceptions.Exit(INTERRUPTED)
    exit_with("passed" if found.first is None else found.first.result.ending.outcome)


def _written(found: Report, folder: Path) -> list[report.Files | None]:
    try:
        return report.write_cases(found, folder)
    except OSError as error:
        click.echo(f"{folder} can't be written to: {error}", err=True)
        return [None] * len(found.cases)


def _asked(target: Program, args: tuple[str, ...], options: dict[str, Any]) -> tuple[Program, Quest]:
    """What is to be hunted, and how."""
    kinds, file = _faults(options["faults"], given=bool(target.faults.faults or target.drawn))
    program = params.completed(
        target,
        options["cluster"],
        file,
        options["fail_on"],
        argv=args,
        as_ray=options["as_ray"],
        max_steps=options["max_steps"],
        preemption=options["preempt"],
        allow=options["allow"],
    )
    quest = Quest(
        first_seed=options["first_seed"],
        strategy=options["strategy"],
        faults=kinds,
        max_faults=options["max_faults"],
        fault_calls=_calls(options["fault_calls"]),
        nodes=options["nodes"],
        audit_every=_audited(options["check_determinism"]),
        keep_going=options["keep_going"],
    )
    try:
        quest.check(options["jobs"], is_here=options["where"] == "here")
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    return program, quest


def _hunt(
    program: Program, quest: Quest, wanted: Budget, journal: Journal, options: dict[str, Any]
) -> Report:
    before = journal.before
    runs = None if wanted.runs is None else max(wanted.runs - len(before.covered), 0)
    with progress.shown(runs, wanted.seconds) as display:

        def watch(tally: Tally) -> None:
            display.update(tally)
            journal.look_at(tally)

        budget, jobs = Budget(runs, wanted.seconds), options["jobs"]
        if options["where"] == "ray":
            tally = fleet.search(program, quest, budget, jobs, watch, before.covered)
        elif jobs in (None, 1):
            tally = hunting.search(program, quest, budget, watch, before.covered)
        else:
            tally = crew.search(program, quest, budget, jobs, watch, before.covered)
        spent_s = budget.spent_s
        journal.write(tally)
        return hunting.finish(
            program,
            quest,
            journal.total(tally),
            before.seconds + spent_s,
            options["shrink_time"],
            on_found=display.shrinking,
            before=before,
        )


def _tell_what_was_there(before: Before, target: Target) -> None:
    if before.is_outdated:
        click.echo(
            f"{target.file}, or a file that belongs to it, was changed since: the hunt begins anew", err=True
        )
    elif before.covered:
        click.echo(f"goes on after {count(len(before.covered), 'run')}", err=True)


def _calls(words: str | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(word.strip() for word in words.split(",") if word.strip())


def _audited(wanted: bool | None) -> int | None:
    if wanted is None:
        return AUDITED
    return 1 if wanted else None


def _faults(words: tuple[str, ...], *, given: bool) -> tuple[tuple[str, ...], str | None]:
    """The kinds of faults, and the file with faults, that were asked for.

    Args:
        given: the target says itself what goes wrong.
    """
    files = [word for word in words if word.endswith(".toml") or Path(word).is_file()]
    if len(files) > 1:
        raise click.UsageError(f"--faults takes one file at most, not {', '.join(files)}")
    kinds = [word for word in words if word not in files]
    if any(not word.strip(", ") for word in kinds):
        raise click.UsageError("--faults: name some kinds, or none")
    if not kinds:
        return (() if files or given else ("delay",)), (files[0] if files else None)
    try:
        return kinds_of(",".join(kinds)), (files[0] if files else None)
    except ValueError as error:
        raise click.UsageError(f"--faults: {error}") from None

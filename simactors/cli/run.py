"""``simactors run``: one run of a program, whose output goes through unchanged; a scenario goes to `cli.scenario`."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, NoReturn

import click

from simactors.cli import attending, completion, files, params, streams
from simactors.cli.attending import Attendance
from simactors.cli.group import WrongInput, epilog, exit_with
from simactors.cli.output import Output
from simactors.exceptions import TargetError
from simactors.exploration import determinism, following, missed
from simactors.exploration.named import named
from simactors.exploration.recipe import Recipe
from simactors.exploration.runner import RunResult, run_for_real
from simactors.exploration.target import MAX_STEPS, Program
from simactors.reports import json_line, text


@click.command(
    cls=params.TracesToFiles,
    epilog=epilog(
        "FILE.py runs as a script; FILE.py:FUNCTION calls that function once, without arguments. A SCENARIO is a "
        "folder with a scenario.toml, SCENARIO:VARIANT a variant of it: all of its runs are made, and summed up.",
        "simactors run app.py:main --seed 7 --pdb",
        "simactors run app.py --as-ray --backend local",
        "simactors run scenarios/bank --seeds 20 --out result.json",
    ),
)
@click.argument("target", metavar="FILE.py[:FUNCTION]|SCENARIO[:VARIANT]", shell_complete=completion.targets)
@params.ARGS
@click.option(
    "--backend",
    type=params.BackendType(),
    help="Where to run. Default: the variable SIMACTORS_BACKEND, or else sim, the simulator.",
)
@click.option(
    "--seed", type=params.SEED, help="Of the simulation: another seed, another schedule. Default: 0."
)
@params.CLUSTER
@click.option(
    "--profile",
    metavar="FILE.toml",
    shell_complete=completion.files,
    help="What `simactors calibrate` has measured: simulate a runtime that is as fast.",
)
@params.FAULTS
@params.ALLOW
@params.MAX_STEPS
@params.FAIL_ON
@params.preempt("off")
@click.option(
    "--check-determinism",
    is_flag=True,
    help="Run it again, also in fresh processes under other hash seeds, and fail if it goes another way.",
)
@click.option(
    "--record",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="On real processes: write down who called what, for `simactors replay FOLDER` and for judges.",
)
@params.AS_RAY
@attending.options
@params.of_scenarios
@params.JSON
def run(target: str, args: tuple[str, ...], **options: Any) -> None:
    """Run a program once, or all runs of a scenario.

    What a program prints goes to stdout as it is; how the run went goes to stderr. Of a scenario, stdout has a table.
    """
    backend = params.chosen_backend(options.pop("backend"))
    watched = {name: options.pop(name) for name in ("until", "pdb", "trace")}
    wishes = attending.Wishes(**watched)
    wanted = {name: options.pop(name) for name in params.OF_SCENARIOS}
    is_one_run = bool(wishes) or options["check_determinism"] or bool(args) or options["record"] is not None
    file, variant = params.scenario_of(target, wanted["variant"])
    if backend != "sim":
        _refuse_of_the_simulator(backend, {**options, **watched}, has_workload=file is not None)
    elif options["record"] is not None:
        raise click.UsageError(
            "--record is for real processes: a simulated run is the same each time, and --trace shows it."
        )
    if file is not None and not is_one_run:
        _run_scenario(file, variant, backend, wanted, options)
        return
    for name, value in wanted.items():
        if value and (name not in ("variant", "settings") or file is None):
            ones = "--until, --pdb, --trace, --check-determinism, --record and arguments"
            why = f"{ones} are for one run" if file else ""
            raise click.UsageError(f"{_FLAGS[name]} is for the runs of a scenario. {why}".rstrip())
    program = _program(target, file, variant, wanted["settings"])
    _run_once(program, args, backend, wishes, options)


_FLAGS = {name: f"--{name}" for name in params.OF_SCENARIOS} | {"settings": "--set"}


def _program(target: str, file: str | None, variant: str, settings: tuple[tuple[str, Any], ...]) -> Program:
    """What to run once."""
    try:
        if file is None:
            return named(target)
        from simactors.exploration.scenario import load  # lazily: pydantic takes as long as a small run

        return load(file, variant, settings).points[0].program
    except TargetError as error:
        raise WrongInput(str(error)) from None


def _run_scenario(
    file: str, variant: str, backend: str, wanted: dict[str, Any], options: dict[str, Any]
) -> None:
    from simactors.cli import scenario  # lazily, as above

    seed, as_json = options.pop("seed"), options.pop("as_json")
    options["preemption"] = options.pop("preempt")
    del options["check_determinism"], options["record"], wanted["variant"]
    seeds, how_many = None, wanted.pop("seeds")
    if seed is not None and how_many is not None:
        raise click.UsageError("--seed is one seed, --seeds so many of them: give one of the two")
    if seed is not None or how_many is not None:
        seeds = (seed,) if seed is not None else tuple(range(how_many))
    wishes = scenario.Wishes(seeds=seeds, as_json=as_json, **wanted)
    scenario.run(file, variant, backend, wishes, options)


def _refuse_of_the_simulator(backend: str, options: dict[str, Any], *, has_workload: bool) -> None:
    """Options of the simulator change nothing elsewhere: giving them is a mistake."""
    given = [name for name in _OF_THE_SIMULATOR if options[name]]
    given += ["faults"] if options["faults"] and backend != "local" else []
    given += (
        ["seed"] if options["seed"] is not None and not has_workload else []
    )  # workloads draw from it anywhere
    given += ["preempt"] if options["preempt"] != "off" else []
    given += ["max_steps"] if options["max_steps"] != MAX_STEPS else []
    if given:
        raise click.UsageError(
            f"--{given[0].replace('_', '-')} means something only to the simulator, not to the backend {backend!r}."
        )


_OF_THE_SIMULATOR = (
    "cluster",
    "profile",
    "allow",
    "fail_on",
    "until",
    "pdb",
    "trace",
    "check_determinism",
)


def _run_once(
    program: Program, args: tuple[str, ...], backend: str, wishes: attending.Wishes, options: dict[str, Any]
) -> NoReturn:
    seed, as_json = options.pop("seed"), options.pop("as_json")
    check_determinism, record = options.pop("check_determinism"), options.pop("record")
    if check_determinism and wishes:
        raise click.UsageError("--check-determinism makes many runs; --until, --pdb and --trace show one.")
    program = params.completed(program, argv=args, preemption=options.pop("preempt"), **options)
    if backend != "sim" and program.cluster is not None:
        click.echo(
            f"The cluster that {program.target} describes is simulated only, not on {backend}.",
            err=True,
        )
    attendance = attending.Attendance(wishes, output := Output())

    def finish() -> None:
        output.restore()
        if as_json:
            output.last_line(json_line.interrupted_line(program, backend))

    with attending.interruptible(f"{program.target} on {backend}", finish):
        result = _run(program, backend, seed or 0, attendance, record, check_determinism=check_determinism)
    output.restore()
    if "BrokenPipeError" in (result.ending.kind or "") and streams.is_unread():
        raise BrokenPipeError(
            errno.EPIPE, os.strerror(errno.EPIPE)
        )  # what the program printed was to be read by somebody who has seen enough
    if backend == "sim" and result.ending.outcome != "error":
        _tell_what_was_missed(program, result)
    for words in attendance.closing_words(result.ending):
        click.echo(f"{words}\n", err=True)
    click.echo(text.run_report(program, backend, result), err=True)
    if as_json:
        output.last_line(json_line.run_line(program, backend, result))
    exit_with(result.ending.outcome)


def _tell_what_was_missed(program: Program, result: RunResult) -> None:
    for fault in missed.missed(program, result.struck):
        click.echo(missed.words(fault, "", longest_s=result.virtual_time_s), err=True)


def _run(
    program: Program,
    backend: str,
    seed: int,
    attendance: Attendance,
    record: Path | None,
    *,
    check_determinism: bool,
) -> RunResult:
    recipe = Recipe(program=program, seed=seed)
    try:
        if backend != "sim":
            if record is not None:
                files.refuse_unwritable_folder("--record", record)
                following.keep_program(program, record)
            return run_for_real(program, backend, seed, record)
        if check_determinism:
            return determinism.audit(recipe)
        return attendance.make(lambda watch, onlookers: recipe.run(watch, onlookers=onlookers))
    except TargetError as error:
        raise WrongInput(str(error)) from None

"""``simactors run``: one run of a program; its own output goes through unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from simactors.cli import attending, params
from simactors.cli.attending import Attendance
from simactors.cli.group import WrongInput, exit_with
from simactors.cli.output import Output
from simactors.exploration import determinism, following
from simactors.exploration.recipe import Recipe
from simactors.exploration.runner import RunResult, run_for_real
from simactors.exploration.target import Program, TargetError
from simactors.reports import json_line, text


@click.command(
    epilog="FILE.py runs as a script; FILE.py:FUNCTION calls that function once, without arguments. Example: simactors "
    "run app.py:main --seed 7 --pdb"
)
@params.TARGET
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
@params.JSON
def run(
    target: Program,
    args: tuple[str, ...],
    backend: str | None,
    seed: int | None,
    *,
    check_determinism: bool,
    record: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Run a program once.

    What the program prints goes to stdout as it is; how the run went goes to stderr.
    """
    backend = params.chosen_backend(backend)
    watched = {name: options.pop(name) for name in ("until", "pdb", "trace")}
    wishes = attending.Wishes(**watched)
    if backend != "sim":
        named = (
            ("cluster", "profile", "allow", "fail_on")
            if backend == "local"
            else ("cluster", "profile", "faults", "allow", "fail_on")
        )
        given = {name: options[name] or None for name in named}
        _refuse_for_real(backend, seed=seed, **given, **watched, check_determinism=check_determinism)
    elif record is not None:
        raise click.UsageError(
            "--record is for real processes: a simulated run is the same each time, and --trace shows it."
        )
    if check_determinism and wishes:
        raise click.UsageError("--check-determinism makes many runs; --until, --pdb and --trace show one.")
    program = params.completed(target, argv=args, preemption=options.pop("preempt"), **options)
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
    for words in attendance.closing_words(result.ending):
        click.echo(f"{words}\n", err=True)
    click.echo(text.run_report(program, backend, result), err=True)
    if as_json:
        output.last_line(json_line.run_line(program, backend, result))
    exit_with(result.ending.outcome)


def _refuse_for_real(backend: str, **given: object) -> None:
    """Options of the simulator change nothing elsewhere: giving them is a mistake."""
    for name, value in given.items():
        if value is not None and value is not False:
            raise click.UsageError(
                f"--{name.replace('_', '-')} means something only to the simulator, not to the backend {backend!r}."
            )


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
                following.keep_program(program, record)
            return run_for_real(program, backend, record)
        if check_determinism:
            return determinism.audit(recipe)
        return attendance.make(lambda watch, onlookers: recipe.run(watch, onlookers=onlookers))
    except TargetError as error:
        raise WrongInput(str(error)) from None

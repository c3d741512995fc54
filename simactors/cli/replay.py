"""``simactors replay``: a run that was found, once more."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import click

from simactors.cli import attending, completion, params
from simactors.cli.attending import Attendance, Wishes
from simactors.cli.group import WrongInput, epilog, exit_with
from simactors.cli.output import Output
from simactors.exceptions import TargetError
from simactors.exploration import following, repro
from simactors.exploration.confirming import faults_for_real
from simactors.exploration.repro import Replay, Repro
from simactors.exploration.runner import run_for_real
from simactors.exploration.stopping import Moment
from simactors.exploration.target import Program
from simactors.exploration.wording import faults_in_words
from simactors.reports import json_line, text
from simactors.traces import Trace, TraceError


@click.command(
    epilog=epilog(
        "Exit code: that of the run, as with `simactors run`: 1 if the failure is there again; 130 if you ended it.",
        "simactors replay .simactors/app-AssertionError-c1a912.json --until 1.25s",
        "simactors replay .simactors/app-AssertionError-c1a912.json --backend local --times 5",
        "simactors replay trace --program app.py:main",
    )
)
@click.argument("word", metavar="FILE|TOKEN|FOLDER", shell_complete=completion.files)
@click.option(
    "--program",
    type=params.TargetType(),
    metavar="FILE.py[:FUNCTION]",
    help="With the folder of a trace: the program that made it, if the trace does not say.",
)
@click.option(
    "--backend",
    type=click.Choice(["sim", "local"]),
    default="sim",
    show_default=True,
    help="On local, the program runs on real processes, with the same faults; the order of messages is theirs.",
)
@click.option(
    "--times",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="With --backend local: run it so often, or until it fails in the same way.",
)
@attending.options
@params.JSON
def replay(
    word: str,
    *,
    program: Program | None,
    backend: str,
    times: int,
    until: Moment | None,
    pdb: bool,
    trace: bool,
    as_json: bool,
) -> None:
    """Make a run that failed again, exactly.

    It is told by the file that `simactors hunt` has written, or by the token that it and `simactors run` print. Call it
    in the same folder. If the program was changed since, the run is followed as far as it can be.

    A FOLDER holds the trace of a run on real processes, see `simactors run --record`: it is simulated with its messages
    in the same order.
    """
    if os.path.isdir(word):
        if backend != "sim" or times != 1 or until is not None or pdb or trace:
            raise click.UsageError(
                "a trace is followed as it is; the token that comes out of it takes options."
            )
        _follow(Path(word), program, as_json=as_json)
    if program is not None:
        raise click.UsageError("--program is for the folder of a trace: a file or a token names its own.")
    if backend == "local":
        if until is not None or pdb or trace or as_json:
            raise click.UsageError(
                "--until, --pdb, --trace and --json show a simulated run: leave out --backend."
            )
        _confirm(word, times)
    if times != 1:
        raise click.UsageError(
            "a simulated run is the same each time: --times means something with --backend local."
        )
    output = Output()
    attendance = Attendance(Wishes(until=until, pdb=pdb, trace=trace), output)
    try:
        wanted = Repro.read(word)
        _refuse_tests(wanted, word)
        _take_its_hash_seed(wanted, word)
        replayed = _replayed(wanted, attendance, output, as_json=as_json)
    except (repro.ReproError, TargetError) as error:
        raise WrongInput(str(error)) from None
    output.restore()
    for words in attendance.closing_words(replayed.result.ending):
        click.echo(f"{words}\n", err=True)
    click.echo(text.replay_report(replayed), err=True)
    if as_json:
        output.last_line(json_line.replay_line(replayed))
    exit_with(replayed.result.ending.outcome)


def _follow(folder: Path, program: Program | None, *, as_json: bool) -> NoReturn:
    """Let a simulation go the way of a real run."""
    output = Output()
    try:
        trace = Trace.load(folder)
        followed = following.follow(program or following.program_of(trace, folder), trace)
    except (TraceError, TargetError) as error:
        raise WrongInput(str(error)) from None
    output.restore()
    click.echo(text.followed_report(followed, trace), err=True)
    if as_json:
        output.last_line(json_line.followed_line(followed))
    exit_with(followed.result.ending.outcome)


def _confirm(word: str, times: int) -> NoReturn:
    """Let real processes meet the faults of a run, and see whether they fail as it did."""
    try:
        wanted = Repro.read(word)
        _refuse_tests(wanted, word)
        faults = faults_for_real(wanted.recipe)
        click.echo(f"what goes wrong: {'; '.join(faults_in_words(faults)) or 'nothing'}", err=True)
        program = replace(wanted.recipe.program, faults=faults)
        for number in range(1, times + 1):
            ending = run_for_real(program, "local").ending
            click.echo(
                f"run {number} of {times} on real processes: {ending.kind or ending.outcome}", err=True
            )
            if ending.kind == wanted.kind and ending.outcome != "passed":
                click.echo(f"{ending.traceback}\n\nconfirmed: real processes fail in the same way", err=True)
                exit_with(ending.outcome)
    except (repro.ReproError, TargetError) as error:
        raise WrongInput(str(error)) from None
    click.echo(
        f"not seen in {times} runs: the simulator chose the order of messages, real processes have their own",
        err=True,
    )
    exit_with("passed")


def _refuse_tests(wanted: Repro, word: str) -> None:
    target = wanted.recipe.program.target
    if target.test is not None:
        raise WrongInput(
            f"that run is of a pytest test, and pytest makes it: {text.test_command(target, word)}"
        )


def _replayed(wanted: Repro, attendance: Attendance, output: Output, *, as_json: bool) -> Replay:
    program = wanted.recipe.program

    def finish() -> None:
        output.restore()
        if as_json:
            output.last_line(json_line.interrupted_line(program, "sim"))

    with attending.interruptible(f"the replay of {program.target}", finish):
        return attendance.make(lambda watch, onlookers: repro.replay(wanted, watch, onlookers=onlookers))


def _take_its_hash_seed(wanted: Repro, word: str) -> None:
    """Start this very command again under the PYTHONHASHSEED of the first run; Python reads it only when it starts."""
    seed = wanted.other_hash_seed
    if seed is None:
        return
    if word not in sys.orig_argv:  # called by another program, which is not ours to replace
        click.echo(
            f"the first run had PYTHONHASHSEED={seed}: set it, or this one may go another way", err=True
        )
        return
    click.echo(f"the first run had PYTHONHASHSEED={seed}: starting again under it", err=True)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # Python finds its packages by the name that it is called by, which may have been a bare "python".
    command = [sys.executable, *sys.orig_argv[1:]]
    os.execve(sys.executable, command, {**os.environ, "PYTHONHASHSEED": seed})

"""``simactors replay``: a run that was found, once more."""

from __future__ import annotations

import click

from simactors.cli import params
from simactors.cli.group import INTERRUPTED, WrongInput, exit_with
from simactors.cli.output import Output
from simactors.exploration import repro
from simactors.exploration.target import TargetError
from simactors.reports import json_line, text


@click.command(epilog="Exit code: that of the run, as with `simactors run`: 1 if the failure is there again.")
@click.argument("word", metavar="FILE|TOKEN")
@params.JSON
def replay(word: str, *, as_json: bool) -> None:
    """Make a run that failed again, exactly.

    It is told by the file that `simactors hunt` has written, or by the token that it and `simactors run` print. Call it
    in the same folder.
    """
    output = Output()
    try:
        replayed = repro.replay(repro.Repro.read(word))
    except (repro.ReproError, TargetError) as error:
        raise WrongInput(str(error)) from None
    except KeyboardInterrupt:
        click.echo("stopped by Ctrl-C", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    output.restore()
    click.echo(text.replay_report(replayed), err=True)
    if as_json:
        output.last_line(json_line.replay_line(replayed))
    exit_with(replayed.result.ending.outcome)

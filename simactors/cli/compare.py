"""``simactors compare``: two results of ``simactors run``, side by side."""

from __future__ import annotations

import json

import click

from simactors.cli import completion
from simactors.cli.group import WrongInput, epilog
from simactors.reports import scenario as report
from simactors.scenarios.compare import compare as compared
from simactors.scenarios.result import read


@click.command(
    epilog=epilog(
        "A and B are files that `simactors run SCENARIO --out FILE` has written.",
        "simactors compare before.json after.json",
    )
)
@click.argument("before", metavar="A", shell_complete=completion.files)
@click.argument("after", metavar="B", shell_complete=completion.files)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print an object as the last line on stdout: its points hold one entry for each point of the grid.",
)
def compare(before: str, after: str, *, as_json: bool) -> None:
    """Say what differs between two results, and whether that is more than chance."""
    try:
        first, second = read(before), read(after)
        pairs = compared(first, second)
    except ValueError as error:
        raise WrongInput(str(error)) from None
    click.echo(report.comparison(first, second, pairs), err=as_json)
    if as_json:
        points = [
            {
                "swept": pair.swept,
                "metrics": [
                    {
                        "name": metric.name,
                        "before": metric.before.mean,
                        "after": metric.after.mean,
                        **metric.difference._asdict(),
                        "paired": metric.is_paired,
                        "significant": metric.is_significant,
                    }
                    for metric in pair.metrics
                ],
            }
            for pair in pairs
        ]
        click.echo(json.dumps({"points": points}))

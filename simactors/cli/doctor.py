"""``simactors doctor``: what in a program could escape the simulation or not repeat; nothing is run."""

from __future__ import annotations

import click

from simactors.cli import completion, params
from simactors.cli.group import FAILED, PASSED, WrongInput, epilog
from simactors.exceptions import TargetError
from simactors.exploration import checkup
from simactors.reports import doctor as report
from simactors.sim.escapes import policy


@click.command(
    epilog=epilog(
        "Exit codes: 0 nothing that would be refused; 1 something would be; 2 a file can't be read.",
        "simactors doctor app.py --allow write",
    )
)
@click.argument("files", nargs=-1, required=True, metavar="FILE.py...", shell_complete=completion.files)
@params.CLUSTER
@params.ALLOW
@params.JSON
def doctor(files: tuple[str, ...], cluster: str | None, allow: tuple[str, ...], *, as_json: bool) -> None:
    """List what in a program could escape or not repeat.

    Reads the files and the modules in their folders that they import, and runs nothing.
    """
    try:
        escapes = dict(_escapes_of(cluster))
        found = checkup.check(files, policy({**escapes, **dict.fromkeys(allow, "allow")}))
    except TargetError as error:
        raise WrongInput(str(error)) from None
    click.echo(report.json_line(found) if as_json else report.text(found))
    raise click.exceptions.Exit(FAILED if found.refused else PASSED)


def _escapes_of(cluster: str | None) -> dict[str, str]:
    if cluster is None:
        return {}
    from simactors.exploration import cluster_file  # lazily: pydantic takes as long as all of this

    return dict(cluster_file.load_cluster(cluster).escapes)

"""``simactors init``: a folder with a scenario to start from."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import click

from simactors.cli.group import WrongInput, epilog

FILES = ("scenario.toml", "app.py")


@click.command(epilog=epilog("", "simactors init scenarios/counter"))
@click.argument("name", metavar="NAME", type=click.Path(file_okay=False))
def init(name: str) -> None:
    """Write a scenario to start from.

    It is a folder NAME with a scenario.toml and its app.py. Nothing that is there is overwritten.
    """
    if not name.strip():  # an unset variable, say: it would mean this folder
        raise WrongInput("name a folder; . is the one that you are in")
    folder = Path(name)
    there = [file for file in FILES if (folder / file).exists()]
    if there:
        raise WrongInput(f"{folder / there[0]} is there already; choose another name")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in FILES:
            text = (resources.files("simactors.scenarios") / "starter" / f"{file}.txt").read_text("utf-8")
            (folder / file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise WrongInput(f"{folder} can't be written to: {error.strerror}") from None
    click.echo(f"wrote {' and '.join(str(folder / file) for file in FILES)}\nsimactors run {folder}")

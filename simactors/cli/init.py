"""``simactors init``: a folder with a scenario to start from."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import click

from simactors.cli.group import WrongInput, epilog

FILES = ("scenario.toml", "app.py")


@click.command(epilog=epilog("", "simactors init scenarios/counter"))
@click.argument("folder", metavar="NAME", type=click.Path(file_okay=False, path_type=Path))
def init(folder: Path) -> None:
    """Write a scenario to start from.

    It is a folder NAME with a scenario.toml and its app.py. Nothing that is there is overwritten.
    """
    there = [name for name in FILES if (folder / name).exists()]
    if there:
        raise WrongInput(f"{folder / there[0]} is there already; choose another name")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            text = (resources.files("simactors.scenarios") / "starter" / f"{name}.txt").read_text("utf-8")
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise WrongInput(f"{folder} can't be written to: {error.strerror}") from None
    click.echo(f"wrote {' and '.join(str(folder / name) for name in FILES)}\nsimactors run {folder}")

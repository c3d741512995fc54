"""Files that commands write: what their endings may be, and whether they can be written, asked before any work."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from simactors.cli.group import WrongInput


class OutFile(click.ParamType):  # type: ignore[type-arg]  # click is generic since 8.5 only
    """A file to write, whose ending says its format.

    Args:
        formats: what is written, by ending: ``{".csv": "a table"}``. The first also without any ending.
    """

    name = "file"

    def __init__(self, formats: dict[str, str]) -> None:
        self._formats = formats

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Raise a usage error for an ending of which nothing is known."""
        path = Path(value)
        ending = path.suffix.lower()
        if ending and ending not in self._formats:
            possible = " or ".join(f"{what} ({name})" for name, what in self._formats.items())
            self.fail(f"{str(path)!r} ends in {path.suffix!r}: what is written is {possible}.", param, ctx)
        return path

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """What the help shows."""
        return "|".join(f"FILE{ending}" for ending in self._formats)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Files and folders, which the shell itself looks for."""
        return [CompletionItem(incomplete, type="file")]


def refuse_unwritable_folder(option: str, path: Path) -> None:
    """The same of a folder that need not be there yet.

    Raises:
        WrongInput: nothing can be written into it.
    """
    try:
        there = next(each for each in (path, *path.absolute().parents) if each.exists())
    except OSError as error:
        raise WrongInput(f"{option}: {path} can't be written to: {error.strerror}") from None
    if not there.is_dir():
        raise WrongInput(f"{option}: {path} can't be written to: {there} is no folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise WrongInput(f"{option}: {path} can't be written to: {there} may only be read")


def refuse_unwritable(option: str, path: Path) -> None:
    """Say now what could not be written.

    Raises:
        WrongInput: it can't be.
    """
    try:
        is_folder, has_folder, exists = path.is_dir(), path.parent.is_dir(), path.exists()
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise WrongInput(f"{option}: {path} can't be written to: {error.strerror}") from None
    if is_folder:
        raise WrongInput(f"{option}: {path} is a folder; name a file")
    if not has_folder:
        raise WrongInput(f"{option}: {path} can't be written to: there is no folder {path.parent}")
    if not os.access(path if exists else path.parent, os.W_OK):
        raise WrongInput(f"{option}: {path} can't be written to: it may only be read")

"""The group that loads commands when they are called, and the exit codes that all commands share."""

from __future__ import annotations

import errno
import importlib
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from simactors.cli import streams
from simactors.core import nearest

PASSED = 0
FAILED = 1
WRONG_INPUT = 2
OUR_FAULT = 3
INTERRUPTED = 130
CLOSED_PIPE = 141
"""Whoever reads what is printed has seen enough, as in ``simactors schema | head``: as if SIGPIPE had ended it."""

PLEASE_REPORT = "This is a fault of simactors itself. Please report it, with the lines above and the program."

_OF_NAMES = (errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.ELOOP, errno.EROFS)
"""What looking for a file may come to besides that it is there or is not."""

_EXIT_CODES = {"passed": PASSED, "error": OUR_FAULT}


def exit_with(outcome: str) -> NoReturn:
    """End the command with the exit code of a run's outcome."""
    if outcome == "error":
        click.echo(PLEASE_REPORT, err=True)
    raise click.exceptions.Exit(_EXIT_CODES.get(outcome, FAILED))


class WrongInput(click.ClickException):
    """What the user gave can't be used, although the command line itself is well-formed."""

    exit_code = WRONG_INPUT


class CommandGroup(click.Group):
    """Knows its commands by name only.

    Attributes:
        places: name -> (``module:command``, the line of help).
    """

    def __init__(self, *args: Any, places: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table, which is the order in which a newcomer meets them."""
        return list(self.places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load the command; None if there is none of that name."""
        if cmd_name not in self.places:
            return None
        module, _, name = self.places[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names.

        Raises:
            click.UsageError: there is none; the message names the nearest one.
        """
        if args and args[0] not in self.places and not args[0].startswith("-"):
            near = nearest.sentence(args[0], self.places)
            ctx.fail(f"there is no command {args[0]!r}.{near or ' Commands: ' + ', '.join(self.places)}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer the commands without loading them: somebody waits at a prompt."""
        commands = [
            CompletionItem(name, help=line)
            for name, (_, line) in self.places.items()
            if name.startswith(incomplete)
        ]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.places.items()])


def epilog(words: str, *examples: str) -> str:
    """What stands below the help of a command: some words, and lines that may be typed."""
    lines = "\n".join(f"  {example}" for example in examples)
    head = "Examples:" if len(examples) > 1 else "Example:"
    return f"{words}\n\n\b\n{head}\n{lines}".strip()


def exit_code_of(group: click.Group, args: Sequence[str] | None, prog_name: str | None) -> int:
    """Run a command line; whatever happens, the answer is an exit code, and the reason is on stderr."""
    streams.prepare()
    own = sys.stdout, sys.stderr
    try:
        code = _code_of(group, args, prog_name)
        streams.flush()
    except SystemExit:
        if sys.stdout is own[0]:  # else click has met a closed pipe, and put something into its place
            raise
        sys.stdout, sys.stderr = own
        code = CLOSED_PIPE
    except BrokenPipeError:
        code = CLOSED_PIPE
    except OSError as error:
        streams.tell(f"Error: what is to be printed can't be written: {error.strerror}")
        code = WRONG_INPUT
    else:
        return code
    streams.give_up()
    return code


def _code_of(group: click.Group, args: Sequence[str] | None, prog_name: str | None) -> int:
    """The same, but for what comes of stdout and stderr themselves.

    Raises:
        OSError: one of them can't be written to.
        SystemExit: it is a pipe that nobody reads.
    """
    try:
        returned = group.main(args, prog_name, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return WRONG_INPUT
    except click.Abort:  # Ctrl-C before or after the command had something to sum up
        click.echo("stopped by Ctrl-C", err=True)
        return INTERRUPTED
    except Exception as error:
        if streams.is_of_writing(error):  # of stdout or stderr: commands tell of their files themselves
            raise
        if isinstance(error, OSError) and error.errno in _OF_NAMES and error.filename is not None:
            click.echo(f"Error: {error.filename}: {error.strerror}", err=True)
            return WRONG_INPUT
        traceback.print_exc()
        click.echo(PLEASE_REPORT, err=True)
        return OUR_FAULT
    # click returns the code of an Exit instead of raising it.
    return returned if isinstance(returned, int) else PASSED

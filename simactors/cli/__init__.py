"""The command ``simactors``: reads the command line, runs, prints, and says how it went by its exit code.

A command's file is loaded when the command is called: ``simactors --help`` loads no simulator.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from simactors import __version__
from simactors.cli import bash as _bash  # noqa: F401  # completes in bash
from simactors.cli.group import CommandGroup, epilog, exit_code_of

__all__ = ["main"]


def main(args: Sequence[str] | None = None, prog_name: str | None = None) -> NoReturn:
    """Run the command line, by default that of this process, and end the process with its exit code."""
    sys.exit(exit_code_of(commands, args, prog_name))


# Name -> where the command is, and what ``simactors --help`` says of it without loading it.
_COMMANDS = {
    "run": ("simactors.cli.run:run", "Run a program once, or all runs of a scenario."),
    "hunt": ("simactors.cli.hunt:hunt", "Run a program in many orders, with many faults, until one fails."),
    "replay": ("simactors.cli.replay:replay", "Make a run that failed again, exactly."),
    "doctor": ("simactors.cli.doctor:doctor", "List what in a program could escape or not repeat."),
    "init": ("simactors.cli.init:init", "Write a scenario to start from."),
    "schema": ("simactors.cli.schema:schema", "Print the JSON Schema of scenario files."),
    "compare": (
        "simactors.cli.compare:compare",
        "Say what differs between two results, and whether that is more than chance.",
    ),
    "calibrate": (
        "simactors.cli.calibrate:calibrate",
        "Measure a real runtime, so that simulations take as long as it does.",
    ),
    "status": (
        "simactors.cli.status:status",
        "Show what goes on in backend='local': actors, calls, memory.",
    ),
}


@click.group(
    cls=CommandGroup,
    places=_COMMANDS,
    epilog=epilog(
        "`simactors COMMAND --help` shows its options, with examples. Exit codes: 0 fine; 1 the program failed; 2 "
        "wrong input; 3 a fault of simactors itself; 130 after Ctrl-C; 141 if nobody reads the output. The last "
        "example tells bash to complete commands, options and files at Tab; zsh_source and fish_source are for those "
        "shells.",
        "simactors run app.py:main --seed 7",
        "simactors hunt app.py:main --faults delay,crash",
        'eval "$(_SIMACTORS_COMPLETE=bash_source simactors)"',
    ),
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def commands() -> None:
    """Run actor code in Ray's shape on a deterministic simulator, on real processes, or on Ray."""

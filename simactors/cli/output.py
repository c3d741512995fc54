"""The command's own stdout, whatever the program that it ran did to ``sys.stdout`` meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from simactors.cli import streams


class Output:
    """stdout as it was when this was made; programs close it, or put something else in its place."""

    def __init__(self) -> None:
        streams.as_programs_know_it()
        self._stream = sys.stdout
        self._terminal = sys.stdin, sys.stdout, sys.stderr

    @contextmanager
    def terminal(self) -> Iterator[None]:
        """Talk to the user in the middle of a run: stdin, stdout and stderr as they were."""
        programs = sys.stdin, sys.stdout, sys.stderr
        sys.stdin, sys.stdout, sys.stderr = self._terminal
        try:
            yield
        finally:
            if not sys.stdin.isatty():  # nobody has ended the prompt's line by pressing return
                sys.stdout.write("\n")
            sys.stdout.flush()
            sys.stdin, sys.stdout, sys.stderr = programs

    def tell(self, line: str) -> None:
        """Print to stderr in the middle of a run, at once, whoever's code runs."""
        stream = self._terminal[2]
        if stream is not None and not stream.closed:
            stream.write(f"{line}\n")
            stream.flush()

    def restore(self) -> None:
        """Put it back, with everything written that the program left in its buffer."""
        sys.stdout = self._stream
        if self._stream is not None and not self._stream.closed:
            self._stream.flush()

    def last_line(self, line: str) -> None:
        """Print `line`; says so on stderr if there is no stdout any more."""
        try:
            if self._stream is None:
                raise ValueError("there is none")
            click.echo(line, file=self._stream)
        except BrokenPipeError:
            raise  # whoever read it has seen enough; the command ends quietly
        except (OSError, ValueError) as error:
            click.echo(f"stdout can't be written to ({error}); the last line was:\n{line}", err=True)

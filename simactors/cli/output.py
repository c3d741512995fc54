"""The command's own stdout, whatever the program that it ran did to ``sys.stdout`` meanwhile."""

from __future__ import annotations

import sys

import click


class Output:
    """stdout as it was when this was made; programs close it, or put something else in its place."""

    def __init__(self) -> None:
        self._stream = sys.stdout

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

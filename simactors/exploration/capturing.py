"""Keeps what runs print to themselves."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from simactors.sim.intercept import interrupts


@contextmanager
def captured(output: io.StringIO | None = None) -> Iterator[io.StringIO]:
    """Collect what the block prints, to stdout and stderr alike.

    Ctrl-C comes in simulated code, or at the end of the block: elsewhere it could keep the streams from being restored,
    and whatever is said after it would be lost.

    Args:
        output: what is in it is thrown away; None for a new one.
    """
    output = output or io.StringIO()
    output.seek(0)
    output.truncate()
    with interrupts.held(), redirect_stdout(output), redirect_stderr(output):
        yield output

"""`pdb` where a run failed: the talk with a user about one `Scene`."""

from __future__ import annotations

import pdb
from collections.abc import Callable

import click

from simactors.cli.output import Output
from simactors.exploration.autopsy import Scene


def examine(output: Output) -> Callable[[Scene], None]:
    """See `autopsy.Coroner`: pdb on the command's own stdin and stdout."""

    def stopped(scene: Scene) -> None:
        with output.terminal():
            click.echo(_greeting(scene))
            if scene.traceback is not None:
                debugger = pdb.Pdb()
                debugger.reset()
                debugger.interaction(None, scene.traceback)

    return stopped


def _greeting(scene: Scene) -> str:
    what = f"stopped where {type(scene.error).__name__} was raised, by {scene.place}"
    when = f"at {scene.time_s:.6f}s of virtual time, in step {scene.step}"
    if scene.traceback is None:
        return f"{what}, {when}: in no line of the program"
    return f"{what}, {when}. Time stands still; 'w' shows the frames, 'c' goes on to the end of the run."

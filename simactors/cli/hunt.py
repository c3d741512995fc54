"""``simactors hunt``: many runs of a program on the simulator, one a seed, until one fails."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import click

from simactors.cli import params
from simactors.cli.group import INTERRUPTED, WrongInput, exit_with
from simactors.cli.params import Preemption
from simactors.exploration import search
from simactors.exploration.target import Program, Target, TargetError
from simactors.reports import json_line, text

_PROGRESS_EVERY_S = 0.2


@click.command(epilog="Each run starts from a fresh module; what it prints is shown only if it fails.")
@params.TARGET
@params.ARGS
@click.option("--seeds", type=click.IntRange(min=1), required=True, help="How many seeds to try.")
@click.option(
    "--first-seed", type=params.SEED, default=0, show_default=True, help="The seed of the first run."
)
@params.CLUSTER
@params.FAULTS
@params.ALLOW
@params.MAX_STEPS
@params.preempt("stores")
@click.option(
    "--check-determinism/--no-check-determinism",
    default=None,
    help="Make every run twice, and the first one in fresh processes, too: a run that does not repeat is a failure. "
    "Default: one run in twenty.",
)
@params.AS_RAY
@params.JSON
def hunt(
    target: Target,
    args: tuple[str, ...],
    seeds: int,
    first_seed: int,
    cluster: str | None,
    faults: str | None,
    allow: tuple[str, ...],
    max_steps: int,
    preempt: Preemption,
    *,
    check_determinism: bool | None,
    as_ray: bool,
    as_json: bool,
) -> None:
    """Run a program under many seeds until one fails.

    Shows the first failure, the last steps before it, and the command that replays exactly that run.
    """
    program = Program(
        target=target,
        argv=args,
        as_ray=as_ray,
        max_steps=max_steps,
        preemption=preempt,
        cluster=cluster,
        faults=faults,
        allow=allow,
    )
    started = time.perf_counter()
    try:
        every = {None: search.AUDITED, True: 1, False: None}[check_determinism]
        hunted = search.hunt(
            program, seeds=seeds, first_seed=first_seed, audit_every=every, on_run=_progress(seeds)
        )
    except TargetError as error:
        raise WrongInput(str(error)) from None
    seconds = time.perf_counter() - started
    report = text.hunt_report(program, hunted, first_seed=first_seed, seconds=seconds)
    click.echo(report, err=as_json)
    if as_json:
        click.echo(json_line.hunt_line(program, hunted, seconds=seconds))
    if hunted.interrupted:
        raise click.exceptions.Exit(INTERRUPTED)
    exit_with(hunted.failure.ending.outcome if hunted.failure is not None else "passed")


def _progress(seeds: int) -> Callable[[int], None]:
    """Says on a terminal, now and then, how far the hunt is."""
    terminal = sys.stderr
    if not terminal.isatty():
        return lambda _: None
    shown_at = time.perf_counter()

    def show(number: int) -> None:
        nonlocal shown_at
        now = time.perf_counter()
        if now - shown_at >= _PROGRESS_EVERY_S:
            shown_at = now
            terminal.write(f"\rrun {number} of {seeds}\r")
            terminal.flush()

    return show

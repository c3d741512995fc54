"""The command: what generated programs come to on a real backend, and whether the simulator reaches it."""

from __future__ import annotations

import functools
import sys
import time
from collections import Counter
from collections.abc import Iterable
from typing import TextIO

import click

from simactors.conformance.programs.judging import (
    DamagedLineError,
    drawn,
    judge,
    line_of,
    perform,
    performed,
    read,
)
from simactors.conformance.programs.play import Outcome
from simactors.conformance.programs.rendering import render

_PROGRESS_S = 10.0


@click.command()
@click.option("--backend", type=click.Choice(["local", "ray"]), default="local", show_default=True)
@click.option("--first-seed", type=int, default=0, show_default=True, help="Of the first program.")
@click.option(
    "--count", type=click.IntRange(min=1), default=2000, show_default=True, help="How many programs."
)
@click.option("--times", type=click.IntRange(min=1), default=3, show_default=True, help="Real runs of each.")
@click.option(
    "--most-runs",
    type=click.IntRange(min=50),
    default=20_000,
    show_default=True,
    help="Simulated runs of each, if something is not found before.",
)
@click.option("--show", is_flag=True, help="Print the programs, and run nothing.")
@click.option(
    "--perform",
    "performs",
    is_flag=True,
    help="Only run, and print what came out, in lines of JSON for --judge.",
)
@click.option(
    "--judge",
    "told",
    type=click.File(),
    help="Run nothing on the backend: look for the outcomes of earlier runs on it, which --perform printed.",
)
def main(
    *,
    backend: str,
    first_seed: int,
    count: int,
    times: int,
    most_runs: int,
    show: bool,
    performs: bool,
    told: TextIO | None,
) -> None:
    """Hold the simulator against a real backend with generated programs.

    Exit code 1: something came out really that the simulator does not reach, or a program has ended our own backend.
    """
    seeds = range(first_seed, first_seed + count)
    if show:
        for seed in seeds:
            print(render(drawn(seed, backend)))
    elif performs:
        perform(backend, seeds, times, functools.partial(_tell, backend))
    else:
        performances = performed(backend, seeds, times) if told is None else read(told, backend)
        try:
            sys.exit(_compare(backend, performances, most_runs))
        except (DamagedLineError, UnicodeDecodeError) as error:
            name = "its output" if told is None else told.name
            raise click.BadParameter(f"{name}: {error}", param_hint="--judge") from error


def _tell(backend: str, seed: int, outcomes: Counter[Outcome]) -> None:
    print(line_of(seed, backend, outcomes), flush=True)


def _compare(backend: str, performances: Iterable[tuple[int, Counter[Outcome] | str]], most_runs: int) -> int:
    began = told_at = time.monotonic()
    sums = Counter[str]()
    for seed, real in performances:
        if isinstance(real, str):
            print(f"\nprogram {seed}: the driver on {backend!r} ended before its time: {real}\n", flush=True)
            sums["crashed drivers"] += 1
            continue
        judged = judge(drawn(seed, backend), real, most_runs, backend)
        sums["programs"] += 1
        sums["real runs"] += real.total()
        sums["real outcomes"] += len(real)
        sums["simulated runs"] += judged.search.runs
        sums["simulated outcomes"] += len(judged.search.found)
        sums["mismatches"] += judged.is_mismatch
        if judged.is_mismatch:
            print(f"\n{judged}\n", flush=True)
        if time.monotonic() - told_at > _PROGRESS_S:
            told_at = time.monotonic()
            print(_summary(sums, told_at - began), flush=True)
    print(_summary(sums, time.monotonic() - began))
    is_our_crash = backend != "ray" and sums["crashed drivers"] > 0  # Ray itself ends some: docs/semantics.md
    return 1 if sums["mismatches"] or is_our_crash or not sums["programs"] else 0


def _summary(sums: Counter[str], seconds: float) -> str:
    names = (
        "programs",
        "real runs",
        "real outcomes",
        "simulated runs",
        "simulated outcomes",
        "crashed drivers",
    )
    return f"{', '.join(f'{sums[name]} {name}' for name in names)}, {sums['mismatches']} mismatches, {seconds:.0f} s"


if __name__ == "__main__":
    main()

"""``simactors calibrate``: measures a real runtime, so that simulations take as long as it does."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, replace
from pathlib import Path

import click

from simactors.cli import files, params
from simactors.cli.group import WrongInput, epilog
from simactors.cli.output import Output
from simactors.core.fault_plan import FaultPlan
from simactors.exceptions import TargetError
from simactors.exploration.target import Program
from simactors.sim.profile import Profile

_METERED = ("local",)
"""The backends that write down what calls cost."""


@click.command(
    epilog=epilog(
        "What it writes is for `simactors run --profile`, and for SimConfig.from_profile.",
        "simactors calibrate --program app.py:main -o profile.toml",
    )
)
@click.option(
    "--backend", type=params.BackendType(), default="local", show_default=True, help="What to measure."
)
@click.option("--address", metavar="ADDRESS", help="Of a Ray cluster. Default: one that is started for this.")
@click.option(
    "--program",
    type=params.TargetType(),
    metavar="FILE.py[:FUNCTION]|SCENARIO[:VARIANT]",
    help="Run this, too, and measure how much its methods and tasks compute. Backend local only.",
)
@click.option(
    "--runs",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="How often to run the program.",
)
@params.AS_RAY
@click.option(
    "-o",
    "--output",
    type=files.OutFile({".toml": "a profile"}),
    default="profile.toml",
    show_default=True,
    help="The file to write.",
)
@params.JSON
def calibrate(
    backend: str,
    address: str | None,
    program: Program | None,
    runs: int,
    output: Path,
    *,
    as_ray: bool,
    as_json: bool,
) -> None:
    """Measure a real runtime, so that simulations take as long as it does.

    Latency of calls, what calls cost both sides, transfers, starts and restarts of processes. It takes some seconds,
    and is best done on a machine that does nothing else.
    """
    if backend == "sim":
        raise click.UsageError("The simulator takes as long as it is told: measure local or ray.")
    if address is not None and backend != "ray":
        raise click.UsageError(f"--address is a Ray cluster's; {backend} is this machine.")
    files.refuse_unwritable("--output", output)  # said now, not after a minute
    if program is not None and backend not in _METERED:
        raise click.UsageError(f"--program: {backend} does not tell what calls compute; measure it on local.")
    from simactors import calibration  # lazily: it opens a session, and needs all that

    try:
        profile = calibration.measure(backend, address, _told)
    except (ImportError, ConnectionError) as error:
        raise WrongInput(str(error)) from None
    printed = Output()
    if program is not None:
        # Without what its scenario lets go wrong: that is no part of how fast it is.
        program = replace(program, as_ray=as_ray or program.as_ray, faults=FaultPlan())
        profile = _with_services(program, backend, runs, profile)
    printed.restore()
    try:
        output.write_text(profile.to_toml(), encoding="utf-8")
    except OSError as error:
        raise WrongInput(f"{output} can't be written: {error.strerror}") from None
    click.echo(_report(profile, output), err=True)
    if as_json:
        printed.last_line(json.dumps({"file": str(output), **asdict(profile)}))


def _told(what: str) -> None:
    click.echo(f"{what} ...", err=True)


def _with_services(program: Program, backend: str, runs: int, profile: Profile) -> Profile:
    """What the program's calls compute, too.

    Raises:
        WrongInput: it can't be loaded, or fails.
    """
    from simactors import calibration  # lazily, as above
    from simactors.exploration.endings import temporary_folder
    from simactors.exploration.runner import run_for_real

    factors: list[float] = []
    with temporary_folder() as folder:
        for number in range(1, runs + 1):
            _told(f"run {number} of {program.target}")
            try:
                with calibration.metered(folder):
                    ending = run_for_real(program, backend).ending
                    factors.append(calibration.slowdown(backend))
            except TargetError as error:
                raise WrongInput(str(error)) from None
            if ending.outcome != "passed":
                click.echo(ending.traceback, err=True)
                said = (ending.message or "").partition("\n")[0]  # remote errors have a traceback in theirs
                raise WrongInput(f"{program.target} fails on {backend}: {ending.kind}: {said}")
        later, first = calibration.service_times(folder, profile)
    # How busy the machine is while the program runs counts for what the program computes.
    return replace(
        profile, slowdown=statistics.mean(factors), service_times_s=later, first_service_times_s=first
    )


def _report(profile: Profile, output: Path) -> str:
    rows = [
        ("round trip of a call", profile.round_trip_s, 1e6, "µs"),
        ("start of a process", profile.process_start_s, 1e3, "ms"),
        ("restart of a process", profile.restart_s, 1e3, "ms"),
    ]
    numbers = [
        ("each further process", profile.process_spacing_s * 1e3, "ms", "of many at once"),
        ("work of the caller", profile.caller_work_s * 1e6, "µs", "for each of very many calls"),
        ("and to wait for each", profile.wake_work_s * 1e6, "µs", ""),
        ("work for a call", profile.callee_work_s * 1e6, "µs", "of who runs it"),
        ("first call of another", profile.connect_s * 1e6, "µs", "more than the next"),
        ("large values", profile.bytes_per_s / 1e6, "MB/s", ""),
        (
            "work takes",
            profile.slowdown,
            "times its time",
            "the machine does other things, too" * _busy(profile),
        ),
    ]
    lines = [
        f"{what:<24}{statistics.median(samples) * scale:>10,.1f} {unit}"
        f"   ({samples[0] * scale:,.1f} to {samples[-1] * scale:,.1f})"
        for what, samples, scale, unit in rows
    ]
    lines += [
        f"{what:<24}{number:>10,.1f} {unit}{f'   ({more})' if more else ''}"
        for what, number, unit, more in numbers
    ]
    lines += [
        f"{label:<24}{statistics.median(samples) * 1e3:>10,.3f} ms"
        f"   (first in a process {statistics.median(profile.first_service_times_s[label]) * 1e3:,.3f})"
        for label, samples in profile.service_times_s.items()
    ]
    return "\n".join([f"{profile.backend}, {profile.where}: medians", *lines, f"written to {output}"])


def _busy(profile: Profile) -> bool:
    return profile.slowdown > 1.2

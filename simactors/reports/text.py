"""Results for a human reader."""

from __future__ import annotations

import textwrap

from simactors.exploration.repro import Replay, Repro
from simactors.exploration.runner import RunResult
from simactors.exploration.search import HuntResult
from simactors.exploration.target import Program


def run_report(program: Program, backend: str, result: RunResult, *, with_command: bool = True) -> str:
    """What one run came to: one line if it passed.

    Args:
        with_command: say how to replay a failing run.
    """
    line = f"{_verdict(result)} on {backend}{_figures(result)}"
    if not result.failed:
        return line
    if result.seed is None or result.ending.outcome == "error":
        return f"{result.ending.traceback}\n\n{line}"
    return f"{_failure(result)}\n\n{line}{_command(program, result) if with_command else ''}"


def hunt_report(program: Program, hunted: HuntResult, *, first_seed: int, seconds: float) -> str:
    """What a hunt found.

    Args:
        seconds: how long it took, by the clock on the wall.
    """
    seeds = (
        f"seed {first_seed}" if hunted.runs == 1 else f"seeds {first_seed} to {first_seed + hunted.runs - 1}"
    )
    effort = f"{_count(hunted.runs, 'run')} in {seconds:.1f} s"
    if hunted.interrupted:
        tried = f" ({seeds})" if hunted.runs else ""
        return f"stopped by Ctrl-C: no failure in {effort}{tried}"
    failure = hunted.failure
    if failure is None:
        return f"no failure in {effort} ({seeds})"
    line = f"run {hunted.runs} {_verdict(failure)}{_figures(failure)}"
    if failure.ending.outcome == "error":
        return f"{failure.ending.traceback}\n\n{line}"
    printed = f"\n\nWhat the program printed:\n{_indented(hunted.output)}" if hunted.output.strip() else ""
    return f"{_failure(failure)}{printed}\n\nfound in {effort}: {line}{_command(program, failure)}"


def replay_report(replay: Replay) -> str:
    """What a replay came to, and whether it was the same run."""
    report = run_report(replay.program, "sim", replay.result, with_command=bool(replay.differences))
    if not replay.differences:
        return f"{report}\nreproduced exactly: same ending, same digest"
    reasons = "\n".join(f"  - {difference}" for difference in replay.differences)
    return (
        f"{report}\nNOT reproduced:\n{reasons}\n"
        "If neither the program nor what it reads was changed since, something in it is not repeatable: look "
        "for loops over sets, id() and hash(), the real clock, and set PYTHONHASHSEED=0 for both runs."
    )


def _verdict(result: RunResult) -> str:
    ending = result.ending
    words = {
        "deadlock": "ended in a deadlock",
        "limit": "reached a limit",
        "error": "hit a fault of simactors",
    }
    verdict = words.get(ending.outcome, ending.outcome)
    return verdict if ending.kind is None else f"{verdict} ({ending.kind})"


def _figures(result: RunResult) -> str:
    if result.digest is None or result.virtual_time_s is None or result.steps is None:
        return ""
    return (
        f": seed {result.seed}, {_count(result.steps, 'step')}, "
        f"{result.virtual_time_s:.6g} s of virtual time, digest {result.digest[:16]}"
    )


def _failure(result: RunResult) -> str:
    parts = [result.ending.traceback]
    if result.last_steps:
        steps = "\n".join(result.last_steps)
        parts.append(f"The last {_count(len(result.last_steps), 'step')} before the end:\n{_indented(steps)}")
    return "\n\n".join(parts)


def _command(program: Program, result: RunResult) -> str:
    return f"\nTo see exactly this run again:\n  simactors replay {Repro.of(program, result).token}"


def _indented(text: str) -> str:
    return textwrap.indent(text.rstrip("\n"), "  ")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

"""Results for a human reader."""

from __future__ import annotations

import textwrap

from simactors.exploration.recipe import Recipe
from simactors.exploration.repro import Replay, Repro
from simactors.exploration.runner import RunResult
from simactors.exploration.target import Program


def run_report(program: Program, backend: str, result: RunResult, *, with_command: bool = True) -> str:
    """What one run came to: one line if it passed.

    Args:
        with_command: say how to replay a failing run.
    """
    line = f"{verdict(result)} on {backend}{figures(result)}"
    if not result.failed:
        return line
    if result.seed is None or result.ending.outcome == "error":
        return f"{result.ending.traceback}\n\n{line}"
    return f"{failure(result)}\n\n{line}{_command(program, result) if with_command else ''}"


def replay_report(replay: Replay) -> str:
    """What a replay came to, and whether it was the same run."""
    report = run_report(replay.program, "sim", replay.result, with_command=False)
    if not replay.differences:
        return f"{report}\nreproduced exactly: same ending, same digest"
    reasons = "\n".join(f"  - {difference}" for difference in replay.differences)
    return (
        f"{report}\nNOT reproduced:\n{reasons}\n"
        "If neither the program nor what it reads was changed since, something in it is not repeatable: look "
        "for loops over sets, id() and hash(), the real clock, and set PYTHONHASHSEED=0 for both runs."
    )


def verdict(result: RunResult) -> str:
    """How it ended, in words."""
    ending = result.ending
    words = {
        "deadlock": "ended in a deadlock",
        "limit": "reached a limit",
        "error": "hit a fault of simactors",
    }
    verdict = words.get(ending.outcome, ending.outcome)
    return verdict if ending.kind is None else f"{verdict} ({ending.kind})"


def figures(result: RunResult) -> str:
    """What tells the run from others; empty for a real one."""
    if result.digest is None or result.virtual_time_s is None or result.steps is None:
        return ""
    return (
        f": seed {result.seed}, {count(result.steps, 'step')}, "
        f"{result.virtual_time_s:.6g} s of virtual time, digest {result.digest[:16]}"
    )


def failure(result: RunResult, *, with_steps: bool = True) -> str:
    """The traceback, and what happened last."""
    parts = [result.ending.traceback]
    if result.last_steps and with_steps:
        steps = "\n".join(result.last_steps)
        parts.append(f"The last {count(len(result.last_steps), 'step')} before the end:\n{indented(steps)}")
    return "\n\n".join(parts)


def _command(program: Program, result: RunResult) -> str:
    assert result.seed is not None
    recipe = Recipe(program=program, seed=result.seed)
    return f"\nTo see exactly this run again:\n  simactors replay {Repro.of(recipe, result).token}"


def indented(text: str) -> str:
    """A text below a heading."""
    return textwrap.indent(text.rstrip("\n"), "  ")


def count(number: int, noun: str) -> str:
    """So many of something."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

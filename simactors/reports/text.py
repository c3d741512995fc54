"""Results for a human reader."""

from __future__ import annotations

import shlex
import textwrap

from simactors.exploration.departures import Departure
from simactors.exploration.following import Departed, Followed
from simactors.exploration.recipe import Recipe
from simactors.exploration.repro import Replay, Repro
from simactors.exploration.runner import RunResult
from simactors.exploration.target import Program, Target
from simactors.traces import Trace


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
    return f"{report}\n{reproduction(replay)}"


def followed_report(followed: Followed, trace: Trace) -> str:
    """What a simulation came to that went the way of a real run, and how far it did."""
    program, result = followed.repro.recipe.program, followed.result
    lines = [
        run_report(program, "sim", result, with_command=False),
        f"{followed.kept} of the {count(followed.calls, 'call')} on {trace.backend} began at their places in the "
        "same order",
        *(f"  - {_departed(departed)}" for departed in followed.departures),
        "To see exactly this run again, also with --pdb, --until and --trace:",
        f"  simactors replay {followed.repro.token}",
    ]
    return "\n".join(lines)


def _departed(departed: Departed) -> str:
    where = f"{departed.place}, its call {departed.number}"
    if departed.wanted is None:
        return f"{where}: there was none, and here came {departed.got!r}"
    came = "none" if departed.got is None else repr(departed.got)
    return f"{where}: there it was {departed.wanted!r}, here {came}"


def reproduction(replay: Replay) -> str:
    """Whether it was the same run, and if not, what differs."""
    if not replay.differences:
        return "reproduced exactly: same ending, same digest"
    reasons = [*replay.differences, *_departure(replay)]
    told = "\n".join(f"  - {reason}" for reason in reasons)
    return f"NOT reproduced:\n{told}\n{_advice(replay)}"


def _departure(replay: Replay) -> list[str]:
    """Where it left the first run's path, and what became of that one's choices."""
    told, departure = [], replay.departure
    if departure is not None:
        told.append(f"{_same(departure)}{_then(departure)}")
        if departure.failing:
            told.append(
                f"of the choices of the first run, this one could not be followed: {departure.failing}"
            )
    elif replay.repro.path:
        told.append("all of its steps are those of the first one, in the same order")
    elif replay.repro.recipe.program.slack is None:
        told.append(
            "where it left the path of the first one is not known: that run was told by its seed alone"
        )
    if replay.unused:
        told.append(f"{count(replay.unused, 'choice')} of the first run never came up")
    return told


def _same(departure: Departure) -> str:
    if departure.same == 0:
        return "it left the path of the first one at its very first step"
    are = "step is" if departure.same == 1 else f"{departure.same} steps are"
    return f"the first {are} the same"


def _then(departure: Departure) -> str:
    if departure.time_s is None:
        return "; then this run was over, and the first one went on"
    when = f"{departure.time_s:.6f}s"
    at = f", its code at {departure.place}" if departure.place else ""
    if not departure.step:
        return f" (until {when}{at}); it left the path of the first one before step {departure.before}"
    return f"; the next one, at {when}, was another one: {departure.step}{at}"


def _advice(replay: Replay) -> str:
    if replay.is_other_program:
        return (
            "The program was changed since: what the first run chose was followed as far as it could be. To see "
            "whether it can still fail, hunt again."
        )
    return (
        "The program has not been changed since. If nothing that it reads was changed either, something in it is not "
        "repeatable: 'simactors run --check-determinism' shows where. Look for loops over sets, id() and hash(), the "
        "real clock, and set PYTHONHASHSEED=0 for both runs."
    )


def test_command(target: Target, word: str) -> str:
    """What makes exactly one run of a test again.

    Args:
        word: the token, or the file, of its repro.
    """
    return f"pytest {shlex.quote(str(target))} --sim-replay {shlex.quote(word)}"


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

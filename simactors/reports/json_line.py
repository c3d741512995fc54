"""Results for another program: one JSON object on one line.

`run_line` and `replay_line` hold nothing that depends on the clock on the wall, so that two lines of the same
run are the same bytes.
"""

from __future__ import annotations

import json
from typing import Any

from simactors.exploration.repro import Replay, Repro
from simactors.exploration.runner import Ending, RunResult
from simactors.exploration.search import HuntResult
from simactors.exploration.target import Program


def run_line(program: Program, backend: str, result: RunResult) -> str:
    """One run."""
    return json.dumps(_run(program, backend, result))


def hunt_line(program: Program, hunted: HuntResult, *, seconds: float) -> str:
    """A hunt: the figures of its last run, which is the failing one if there is one.

    An interrupted hunt has neither passed nor failed: its outcome is "interrupted".

    Args:
        seconds: how long it took, by the clock on the wall.
    """
    failure = hunted.failure
    failures = []
    if failure is not None:
        repro = Repro.of(program, failure).token
        ending = failure.ending
        failures = [{"kind": ending.kind, "message": ending.message, "run": hunted.runs, "repro": repro}]
    fields = {**_run(program, "sim", hunted.last), "runs": hunted.runs, "seconds": round(seconds, 3)}
    if hunted.interrupted:
        fields["outcome"] = "interrupted"
    return json.dumps({**fields, "failures": failures})


def replay_line(replay: Replay) -> str:
    """A replay."""
    fields = _run(replay.program, "sim", replay.result)
    return json.dumps({**fields, "reproduced": not replay.differences, "differences": replay.differences})


def _run(program: Program, backend: str, result: RunResult | None) -> dict[str, Any]:
    names = ("seed", "digest", "virtual_time_s", "steps")
    ending = result.ending if result is not None else Ending("passed")
    return {
        "outcome": ending.outcome,
        **{name: getattr(result, name, None) for name in names},
        "backend": backend,
        "target": str(program.target),
        "kind": ending.kind,
        "message": ending.message,
    }

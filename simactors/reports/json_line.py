"""Results for another program: one JSON object on one line.

`run_line` and `replay_line` hold nothing that depends on the clock on the wall, so that two lines of the same
run are the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from simactors.exploration.following import Followed
from simactors.exploration.hunting import Case, Report
from simactors.exploration.repro import Replay
from simactors.exploration.runner import Ending, RunResult
from simactors.exploration.target import Program
from simactors.reports.hunt import Files


def run_line(program: Program, backend: str, result: RunResult) -> str:
    """One run."""
    return json.dumps(_run(program, backend, result))


def followed_line(followed: Followed) -> str:
    """A simulated run that went the way of a real one."""
    fields = _run(followed.repro.recipe.program, "sim", followed.result)
    departures = [departed._asdict() for departed in followed.departures]
    more = {"calls": followed.calls, "kept": followed.kept, "departures": departures}
    return json.dumps({**fields, **more, "repro": followed.repro.token})


def interrupted_line(program: Program, backend: str) -> str:
    """A run that the user has ended: it has neither passed nor failed."""
    return json.dumps({**_run(program, backend, None), "outcome": "interrupted"})


def hunt_line(report: Report, files: Sequence[Files | None]) -> str:
    """A hunt: the figures of its first failure as it was found, or else of its last run.

    An interrupted hunt has neither passed nor failed: its outcome is "interrupted".
    """
    tally = report.tally
    shown = tally.last if report.first is None else report.first.result
    fields = {**_run(report.program, "sim", shown), "runs": tally.runs, "seconds": round(report.seconds, 3)}
    if tally.interrupted and not report.failed:
        fields["outcome"] = "interrupted"
    failures = [_failure(case, written) for case, written in zip(report.cases, files, strict=True)]
    more = {"orders": tally.orders, "verdict": tally.verdict, "earlier_runs": report.earlier}
    never = [str(sighting) for sighting in report.never]
    return json.dumps({**fields, **more, "never": never, "missed": report.missed, "failures": failures})


def _failure(case: Case, files: Files | None) -> dict[str, Any]:
    ending, small = case.shrunk.finding.result.ending, case.shrunk.finding.recipe
    return {
        "kind": ending.kind,
        "message": ending.message,
        "place": ending.place,
        "run": case.first.run,
        "times": case.first.others + 1,
        "plan": [] if case.explanation is None else list(case.explanation.plan),
        "deviations": len(small.script or ()),
        "faults": len(small.faults.faults),
        "is_smallest": case.shrunk.is_smallest,
        "repro": case.repro.token,
        "file": None if files is None else str(files.repro),
        "page": None if files is None or files.page is None else str(files.page),
    }


def replay_line(replay: Replay) -> str:
    """A replay."""
    fields = _run(replay.program, "sim", replay.result)
    departure = None if replay.departure is None else asdict(replay.departure)
    told = {"reproduced": not replay.differences, "differences": replay.differences}
    return json.dumps({**fields, **told, "departure": departure, "unused": replay.unused})


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

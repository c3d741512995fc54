"""What is made of a failure that a hunt has found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Campaign, Quest
from simactors.exploration.hunting import case_of
from simactors.exploration.target import Program, Target


def test_a_run_of_very_many_steps_is_told_as_it_was_found(tmp_path: Path) -> None:
    """A loop that waited for what never came was to be made small, one minute for each try."""
    (tmp_path / "app.py").write_text("import time\ntime.sleep(1)\nraise ValueError")
    tally = Campaign(Program(target=Target(str(tmp_path / "app.py"))), Quest()).run(Budget(1))
    (finding,) = tally.findings.values()
    case = case_of(finding, shrink_s=10)
    assert case.explanation is not None
    assert case.shrunk.runs > 0
    long = replace(finding, result=replace(finding.result, steps=1_000_000))
    case = case_of(long, shrink_s=10)
    assert (case.first, case.shrunk.finding, case.shrunk.runs, case.explanation) == (long, long, 0, None)

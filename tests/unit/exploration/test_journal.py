"""The file of a hunt: it goes on where it was, refuses what is another hunt's, and survives being interrupted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from simactors.core.fault_plan import CrashProcess, FaultPlan
from simactors.exceptions import TargetError
from simactors.exploration import crew, hunting
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Quest, Tally
from simactors.exploration.covered import Covered, Share
from simactors.exploration.journal import NAME, Journal
from simactors.exploration.target import Program, Target
from simactors.sim.config import SimConfig

FAILS_NOW_AND_THEN = "import random\nx = random.random()\nif x < 0.3: raise ValueError\nassert x < 0.8\n"
QUEST = Quest(strategy="sampled", faults=(), keep_going=True, audit_every=None, first_seed=7)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    path = tmp_path / "app" / "app.py"
    path.parent.mkdir()
    path.write_text(FAILS_NOW_AND_THEN)
    return Program(target=Target(str(path)))


def session(
    folder: Path, program: Program, until: int, jobs: int = 1, *, stop_after: int | None = None
) -> Tally:
    """One call of the command, to `until` runs in all; as if Ctrl-C was pressed before run `stop_after`."""
    journal = Journal(folder, program, QUEST)

    def watch(tally: Tally) -> None:
        if stop_after is not None and tally.runs >= stop_after:
            raise KeyboardInterrupt

    budget = Budget(until - len(journal.before.covered))
    if jobs == 1:
        runs = budget.runs if stop_after is None else min(stop_after, budget.runs or 0)
        tally = hunting.search(program, QUEST, Budget(runs), covered=journal.before.covered)
    else:
        tally = crew.search(program, QUEST, budget, jobs, watch, journal.before.covered)
    journal.write(tally)
    return journal.total(tally)


def counts(tally: Tally) -> dict[str, tuple[int, int]]:
    return {str(group): (finding.run, finding.others) for group, finding in tally.findings.items()}


def test_a_hunt_that_was_stopped_and_went_on_has_made_the_runs_of_one_that_was_not(
    program: Program, tmp_path: Path
) -> None:
    whole = session(tmp_path / "whole", program, 40)
    for stop in (3, 0, 12):
        session(tmp_path / "parts", program, 40, stop_after=stop)
    assert Journal(tmp_path / "parts", program, QUEST).before.covered == Covered(15)
    parts = session(tmp_path / "parts", program, 40)
    assert (parts.runs, counts(parts)) == (40, counts(whole))
    assert len(whole.findings) == 2


def test_several_processes_may_go_on_where_one_has_stopped(program: Program, tmp_path: Path) -> None:
    whole = session(tmp_path / "whole", program, 30)
    session(tmp_path / "parts", program, 30, stop_after=5)
    parts = session(tmp_path / "parts", program, 30, jobs=2)
    assert Journal(tmp_path / "parts", program, QUEST).before.covered == Covered(30)
    assert {group: others for group, (_, others) in counts(parts).items()} == {
        group: others for group, (_, others) in counts(whole).items()
    }


def test_another_hunt_is_refused_with_what_differs(program: Program, tmp_path: Path) -> None:
    session(tmp_path, program, 2)
    other = Program(target=program.target, max_steps=77)
    with pytest.raises(
        TargetError, match=r"hunt\.json is the file of another hunt: max_steps is as by default"
    ):
        Journal(tmp_path, other, QUEST)
    with pytest.raises(
        TargetError, match="strategy is sampled there, and pct here; faults is none there, and delay"
    ):
        Journal(tmp_path, program, Quest(strategy="pct", first_seed=7, audit_every=None))


def test_whether_it_stops_at_a_failure_makes_no_other_hunt(program: Program, tmp_path: Path) -> None:
    session(tmp_path, program, 2)
    stops = Quest(strategy="sampled", faults=(), audit_every=None, first_seed=7)
    assert Journal(tmp_path, program, stops).before.covered == Covered(2)


def test_a_program_that_was_changed_is_hunted_anew(program: Program, tmp_path: Path) -> None:
    session(tmp_path, program, 20)
    Path(program.target.file).write_text("print('mended')\n")
    before = Journal(tmp_path, program, QUEST).before
    assert (before.is_outdated, before.covered, before.findings) == (True, Covered(), ())
    assert session(tmp_path, program, 20).findings == {}


def test_another_cluster_or_other_faults_make_it_another_program(program: Program, tmp_path: Path) -> None:
    session(tmp_path, program, 2)
    assert Journal(tmp_path, program, QUEST).before.covered == Covered(2)
    stormy = replace(program, faults=FaultPlan((CrashProcess(at_s=1),)))
    assert Journal(tmp_path, stormy, QUEST).before.is_outdated
    assert Journal(tmp_path, replace(program, cluster=SimConfig(num_cpus=2)), QUEST).before.is_outdated


def test_what_was_reported_is_not_reported_again(program: Program, tmp_path: Path) -> None:
    tally = session(tmp_path, program, 20)
    journal = Journal(tmp_path, program, QUEST)
    assert journal.before.told == frozenset()
    first = next(iter(tally.findings))
    journal.reported([first])
    again = Journal(tmp_path, program, QUEST)
    assert again.before.told == {first}
    report = hunting.finish(program, QUEST, again.total(Tally()), 0.0, 0.0, before=again.before)
    assert [case.first.group for case in report.cases] == [
        group for group in tally.findings if group != first
    ]
    assert (report.failed, report.earlier) == (True, 20)


def test_a_write_that_fails_leaves_the_old_file(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session(tmp_path, program, 3)
    old = (tmp_path / NAME).read_text()
    journal = Journal(tmp_path, program, QUEST)

    def torn(path: Path, text: str) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", torn)
    with pytest.raises(KeyboardInterrupt):
        journal.write(Tally(runs=4, shares=(Share(runs=4),)))
    assert (tmp_path / NAME).read_text() == old


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"simactors_hunt": 99}', '{"simactors_hunt": 1, "about": {}}']
)
def test_a_file_that_is_no_hunts_is_refused_by_name(program: Program, tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(TargetError, match=r"hunt\.json"):
        Journal(tmp_path, program, QUEST)


def test_without_a_folder_nothing_is_written(program: Program, tmp_path: Path) -> None:
    journal = Journal(None, program, QUEST)
    journal.write(Tally(runs=1, shares=(Share(runs=1),)))
    assert journal.before.covered == Covered()
    assert [path.name for path in tmp_path.iterdir()] == ["app"]


def test_the_file_is_json_with_what_it_is_about(program: Program, tmp_path: Path) -> None:
    session(tmp_path, program, 3)
    told = json.loads((tmp_path / NAME).read_text())
    assert told["about"]["target"] == program.target.file
    assert (told["until"], told["beyond"]) == (3, [])
    assert [path.name for path in tmp_path.glob("*.tmp")] == []

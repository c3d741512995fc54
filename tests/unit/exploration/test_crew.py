"""A hunt in several processes: they share the runs, find what one finds, and none of them outlives it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from simactors.exceptions import InternalError, TargetError
from simactors.exploration import crew, hunting
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Quest, Tally
from simactors.exploration.covered import Share
from simactors.exploration.target import Program, Target

THREE_KINDS = """
import random
x = random.random()
if x < 0.2: raise ValueError(x)
if x < 0.4: raise KeyError(x)
assert x < 0.8
"""
SLOW = "import simactors as ray, time\nfor _ in range(30_000): ray.get(ray.put(1))\n"
SAMPLED: dict[str, Any] = {"strategy": "sampled", "faults": (), "audit_every": None}


def program(folder: Path, code: str) -> Program:
    (folder / "app.py").write_text(code)
    return Program(target=Target(str(folder / "app.py")))


def children() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # it has ended meanwhile, or is a zombie
            if "simactors.exploration.crew" in child.cmdline():
                found.append(child)
    return found


def counts(tally: Tally) -> dict[str, int]:
    return {group.kind: finding.others for group, finding in tally.findings.items()}


def test_two_processes_make_the_runs_of_one_and_find_the_same(tmp_path: Path) -> None:
    quest = Quest(**SAMPLED, keep_going=True)
    alone = hunting.search(program(tmp_path, THREE_KINDS), quest, Budget(41))
    together = crew.search(program(tmp_path, THREE_KINDS), quest, Budget(41), 2)
    assert together.runs == 41
    assert sorted(together.shares) == [Share(0, 2, 21), Share(1, 2, 20)]
    assert counts(together) == counts(alone)
    assert len(counts(alone)) == 3
    firsts = {finding.run: finding.result.digest for finding in alone.findings.values()}
    assert all(firsts.get(f.run, f.result.digest) == f.result.digest for f in together.findings.values())
    assert together.last is not None
    assert not children()


def test_the_first_failure_ends_all_of_them(tmp_path: Path) -> None:
    tally = crew.search(program(tmp_path, THREE_KINDS), Quest(**SAMPLED), Budget(100_000), 2)
    assert tally.findings
    assert tally.runs < 100_000
    assert not children()


def test_what_can_not_be_loaded_is_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"app\.py can't be loaded"):
        crew.search(program(tmp_path, "import nowhere"), Quest(**SAMPLED), Budget(10), 2)
    assert not children()


def test_a_process_that_is_killed_is_told_clearly_and_the_others_end(tmp_path: Path) -> None:
    def kill_one(_: Tally) -> None:
        for child in children()[:1]:
            child.send_signal(signal.SIGKILL)

    with pytest.raises(InternalError, match=r"process 1 of the 2 of this hunt was killed by SIGKILL"):
        crew.search(program(tmp_path, SLOW), Quest(**SAMPLED), Budget(None, 60), 2, kill_one)
    assert not children()


def test_ctrl_c_ends_all_of_them_with_what_is_known(tmp_path: Path) -> None:
    quest = Quest(**SAMPLED, keep_going=True)

    def press(tally: Tally) -> None:
        if tally.runs >= 3:
            os.kill(os.getpid(), signal.SIGINT)

    tally = crew.search(program(tmp_path, THREE_KINDS), quest, Budget(None, 60), 2, press)
    assert tally.interrupted
    assert tally.runs >= 3
    assert sum(share.runs for share in tally.shares) == tally.runs
    assert not children()


def test_ctrl_c_while_they_are_started_leaves_none_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, members = crew._Member, []

    def pressed(*args: Any) -> Any:
        if members:
            raise KeyboardInterrupt
        members.append(started(*args))
        return members[0]

    monkeypatch.setattr(crew, "_Member", pressed)
    tally = crew.search(program(tmp_path, SLOW), Quest(**SAMPLED), Budget(None, 60), 2)
    assert (tally.interrupted, tally.runs) == (True, 0)
    assert not children()


def test_more_processes_than_runs_make_each_run_once(tmp_path: Path) -> None:
    tally = crew.search(program(tmp_path, ""), Quest(**SAMPLED), Budget(2), 3)
    assert (tally.runs, tally.findings) == (2, {})


def test_ctrl_c_keeps_every_run_that_was_made(tmp_path: Path) -> None:
    """What they had not told yet, of the last fifth of a second, was lost: early on, all of it."""
    made = tmp_path / "made"
    code = f"with open({str(made)!r}, 'a') as file: file.write('x')\n"
    target = replace(program(tmp_path, code), allow=("write",))

    def press(_: Tally) -> None:
        if made.exists() and made.stat().st_size > 20:
            raise KeyboardInterrupt

    tally = crew.search(target, Quest(**SAMPLED), Budget(1_000_000), 2, press)
    assert tally.interrupted
    assert made.stat().st_size - 2 <= tally.runs <= made.stat().st_size  # each may have been within one
    assert sum(share.runs for share in tally.shares) == tally.runs
    assert not children()


def test_a_process_that_does_not_hear_ctrl_c_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "_LAST_WORDS_S", 0.1)
    begun = tmp_path / "begun"
    deaf = f"""
import _signal
_signal.signal(2, _signal.SIG_IGN)
open({str(begun)!r}, "w").close()
while True: pass
"""
    target = replace(program(tmp_path, deaf), allow=("write",))

    def press(_: Tally) -> None:
        if begun.exists():
            raise KeyboardInterrupt

    tally = crew.search(target, Quest(**SAMPLED), Budget(1_000_000), 2, press)
    assert (tally.interrupted, tally.runs) == (True, 0)
    assert not children()

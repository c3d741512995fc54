"""A hunt: which runs it makes, when it stops, and what it keeps of them."""

from __future__ import annotations

import itertools
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Campaign, Quest, Tally
from simactors.exploration.target import Program, Target
from tests.pressed import pressed_at

# Fails in its third run. The count lives in a file: a run sees nothing of the others in the interpreter.
THIRD_FAILS = """
import logging, pathlib, sys
counter = pathlib.Path(__file__).with_suffix(".count")
number = len(counter.read_text()) + 1 if counter.exists() else 1
counter.write_text("x" * number)
print("run", number)
print("to stderr", file=sys.stderr)
logging.basicConfig(level="INFO")
logging.getLogger().info("logged %s", number)
if number == 3:
    raise {error}
"""


def hunt_in(folder: Path, code: str, runs: int, watched: list[int] | None = None, **quest: Any) -> Tally:
    path = folder / "app.py"
    path.write_text(code)
    campaign = Campaign(Program(target=Target(str(path)), allow=("write",)), Quest(**quest))
    return campaign.run(Budget(runs), lambda tally: (watched or []).append(tally.runs))


def test_it_stops_at_the_first_failure_and_keeps_its_seed_and_output(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("logging.root.handlers", [])
    watched = [-1]
    tally = hunt_in(tmp_path, THIRD_FAILS.format(error="ValueError()"), 9, watched, first_seed=40)
    (finding,) = tally.findings.values()
    assert (tally.runs, finding.run, finding.result.seed, watched) == (3, 3, 42, [-1, 0, 1, 2, 3])
    assert finding.output == "run 3\nto stderr\nINFO:root:logged 3\n"
    assert capfd.readouterr() == ("", "")


def test_without_a_failure_it_makes_all_runs(tmp_path):
    tally = hunt_in(tmp_path, "", 4)
    assert (tally.runs, tally.findings) == (4, {})


def test_it_goes_on_after_a_failure_and_counts_those_alike(tmp_path):
    code = "import simactors, random\nx = random.random()\nif x < 0.5: raise ValueError(x)\nassert x < 0.8"
    tally = hunt_in(tmp_path, code, 60, keep_going=True, strategy="random")
    kinds = {group.kind: finding.others for group, finding in tally.findings.items()}
    assert tally.runs == 60
    assert sorted(kinds) == ["AssertionError", "ValueError"]
    assert kinds["ValueError"] > kinds["AssertionError"] > 0


def test_ctrl_c_ends_it_with_what_is_known_so_far(tmp_path):
    tally = hunt_in(tmp_path, THIRD_FAILS.format(error="KeyboardInterrupt"), 9)
    assert tally.interrupted
    assert (tally.runs, tally.findings) == (2, {})


def test_ctrl_c_between_two_runs_keeps_what_is_known_so_far(tmp_path):
    def watch(tally: Tally) -> None:
        if tally.runs == 3:
            raise KeyboardInterrupt

    (tmp_path / "app.py").write_text("")
    campaign = Campaign(Program(target=Target(str(tmp_path / "app.py"))), Quest())
    tally = campaign.run(Budget(9), watch)
    assert (tally.interrupted, tally.runs) == (True, 3)


def test_ctrl_c_at_any_point_keeps_what_is_known_so_far_and_restores_stdout(tmp_path):
    """It could keep stdout from being restored, and the summary of the hunt was not to be seen."""
    (tmp_path / "app.py").write_text("")
    streams = sys.stdout, sys.stderr
    for point in itertools.count(1, 23):
        campaign = Campaign(Program(target=Target(str(tmp_path / "app.py"))), Quest())
        with (
            suppress(KeyboardInterrupt),
            pressed_at(point) as presses,
        ):  # before the first run nothing is known
            campaign.run(Budget(3))
        tally = campaign.tally
        assert (sys.stdout, sys.stderr) == streams
        if not presses.has_pressed:
            break
        assert tally.interrupted or not tally.runs, f"at point {point}"
    assert point > 1500
    assert (tally.interrupted, tally.runs) == (False, 3)

"""A hunt: which runs it makes, when it stops, and what it keeps of them."""

from __future__ import annotations

from pathlib import Path

from simactors.exploration.search import HuntResult, hunt
from simactors.exploration.target import Program, Target

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


def hunt_in(folder: Path, code: str, **options: int) -> HuntResult:
    path = folder / "app.py"
    path.write_text(code)
    return hunt(Program(target=Target(str(path)), allow=("write",)), **options)


def test_it_stops_at_the_first_failure_and_keeps_its_seed_and_output(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("logging.root.handlers", [])
    watched: list[int] = []
    hunted = hunt_in(
        tmp_path, THIRD_FAILS.format(error="ValueError()"), seeds=9, first_seed=40, on_run=watched.append
    )
    assert hunted.failure is not None
    assert (hunted.runs, hunted.failure.seed, watched) == (3, 42, [1, 2, 3])
    assert hunted.output == "run 3\nto stderr\nINFO:root:logged 3\n"
    assert capfd.readouterr() == ("", "")


def test_without_a_failure_it_makes_all_runs(tmp_path):
    hunted = hunt_in(tmp_path, "", seeds=4)
    assert (hunted.runs, hunted.failure, hunted.output) == (4, None, "")


def test_ctrl_c_ends_it_with_what_is_known_so_far(tmp_path):
    hunted = hunt_in(tmp_path, THIRD_FAILS.format(error="KeyboardInterrupt"), seeds=9)
    assert hunted.interrupted
    assert (hunted.runs, hunted.failure) == (2, None)

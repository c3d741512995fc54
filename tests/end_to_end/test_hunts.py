"""`simactors hunt` as a user calls it: groups and files, going on, Ctrl-C, what it prints."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = "tests/power/programs"
TWO_KINDS = """
import random
import simactors as ray

@ray.remote
def draw():
    return random.random()

def main():
    first, second = ray.get([draw.remote(), draw.remote()])
    if first < 0.3:
        raise ValueError("low")
    assert second < 0.7, "high"
"""


def hunt(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simactors", "hunt", *args]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)


def last_line(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return fields


@pytest.fixture
def two_kinds(tmp_path: Path) -> str:
    (tmp_path / "app.py").write_text(TWO_KINDS)
    return f"{tmp_path}/app.py:main"


def test_failures_are_grouped_by_what_broke_and_each_group_has_its_files(
    two_kinds: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = hunt(
        two_kinds, "--seeds", "40", "--strategy", "random", "--keep-going", "--out", str(out), "--json"
    )
    assert done.returncode == 1
    fields = last_line(done)
    assert (fields["runs"], fields["outcome"], fields["earlier_runs"]) == (40, "failed", 0)
    assert sorted(failure["kind"] for failure in fields["failures"]) == ["AssertionError", "ValueError"]
    assert "2 kinds of failure in 40 runs:" in done.stderr
    for failure in fields["failures"]:
        assert f"{failure['times']:>6} x {failure['kind']} at app.py:" in done.stderr
        assert Path(failure["file"]).parent == Path(failure["page"]).parent == out
        assert json.loads(Path(failure["file"]).read_text())["failure"].startswith(failure["kind"])
        assert "<html" in Path(failure["page"]).read_text()
        again = subprocess.run(
            [sys.executable, "-m", "simactors", "replay", failure["file"], "--json"],
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        assert last_line(again)["reproduced"] is True
    stems = {path.stem for path in out.iterdir()}
    assert len(stems) == 3, "two failures, and the hunt"
    assert (out / "hunt.json").is_file()


def test_a_hunt_called_again_goes_on_and_reports_nothing_twice(two_kinds: str, tmp_path: Path) -> None:
    args = (
        two_kinds,
        "--strategy",
        "random",
        "--out",
        str(tmp_path / "out"),
        "--shrink-time",
        "0s",
        "--json",
    )
    first = hunt(*args, "--seeds", "500")
    runs = last_line(first)["runs"]
    assert first.returncode == 1
    second = hunt(*args, "--seeds", str(runs))
    assert second.returncode == 1, "what was found is still there"
    assert f"goes on after {runs} run" in second.stderr
    assert "reported before" in second.stderr
    assert last_line(second)["failures"] == []
    third = hunt(*args, "--seeds", "40", "--keep-going")
    assert (last_line(third)["runs"], last_line(third)["earlier_runs"]) == (40, runs)
    assert "2 kinds of failure in 40 runs:" in third.stderr


def test_a_folder_of_another_hunt_is_wrong_input(two_kinds: str, tmp_path: Path) -> None:
    args = ("--seeds", "2", "--out", str(tmp_path / "out"))
    counted = f"{PROGRAMS}/lost_update.py:counted"
    assert hunt(counted, *args).returncode == 0
    done = hunt(counted, *args, "--faults", "crash,rpc", "--fail-on", "unread-error")
    assert done.returncode == 2
    assert "faults is delay there, and crash,rpc here" in done.stderr
    assert "fail_on is as by default there, and unread-error here" in done.stderr
    assert "Traceback" not in done.stderr


def test_time_alone_ends_a_hunt(tmp_path: Path) -> None:
    done = hunt(f"{PROGRAMS}/lost_update.py:counted", "--time", "1s", "--json")
    fields = last_line(done)
    assert (done.returncode, fields["outcome"], fields["failures"]) == (0, "passed", [])
    assert 1 <= fields["seconds"] < 10
    assert fields["runs"] > 5


def test_what_a_run_is_to_fail_for_is_kept_in_its_token(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    path.write_text(
        "import simactors as ray\n@ray.remote\ndef boom(): raise ValueError('x')\n"
        "def main():\n    boom.remote()\n    ray.get(ray.put(1))\n    ray.wait([boom.remote()])\n"
    )
    done = hunt(f"{path}:main", "--seeds", "3", "--fail-on", "unread-error,get-timeout", "--json")
    (failure,) = last_line(done)["failures"]
    assert (failure["kind"], failure["place"]) == ("UnreadError", "app.py:3 in boom")
    replay = [sys.executable, "-m", "simactors", "replay", failure["repro"], "--json"]
    again = subprocess.run(replay, capture_output=True, text=True, cwd=ROOT)
    assert (again.returncode, last_line(again)["reproduced"]) == (1, True)


@contextmanager
def under_way(*args: str, until: Callable[[], bool]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "simactors", "hunt", *args]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 30
        while not until() and time.monotonic() < deadline:
            time.sleep(0.02)  # another process is waited for
        yield process


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_keeps_what_was_done_and_leaves_no_process(jobs: str, tmp_path: Path) -> None:
    started = tmp_path / "started"
    (tmp_path / "app.py").write_text(
        "import pathlib\nwith open(pathlib.Path(__file__).with_name('started'), 'a') as f: f.write('x')\n"
    )
    out = tmp_path / "out"
    args = (
        f"{tmp_path}/app.py",
        "--out",
        str(out),
        "--allow",
        "write",
        "--strategy",
        "sampled",
        "--jobs",
        jobs,
    )

    def is_under_way() -> bool:
        return started.exists() and os.path.getsize(started) > 300

    with under_way(*args, "--seeds", "100000000", until=is_under_way) as process:
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        shown, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert shown.startswith("stopped by Ctrl-C: no failure in ")
    assert len(family) == (0 if jobs == "1" else 2)
    assert not [child for child in family if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    told = json.loads((out / "hunt.json").read_text())
    made = told["until"] + len(told["beyond"])
    on = hunt(*args[:-1], "1", "--seeds", str(made + 3), "--json")
    assert f"goes on after {made} run" in on.stderr
    assert (last_line(on)["runs"], last_line(on)["outcome"]) == (made + 3, "passed")

"""stdout and stderr that can't be written to: closed pipes end a command quietly, full disks are told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def closed_pipe() -> int:
    read, write = os.pipe()
    os.close(read)
    return write


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(
        "import simactors as ray\n"
        "@ray.remote\n"
        "def task(): print('there')\n"
        "def main(): print('here')\n"
        "def there(): ray.get(task.remote())\n"
        "def silent(): raise ValueError('wrong')\n"
    )
    (tmp_path / "scenario.toml").write_text('workload.entry = "app.py:main"\n')
    return tmp_path


def command(*args: str, **streams: object) -> subprocess.CompletedProcess[str]:
    told: dict[str, object] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    line = [sys.executable, "-m", "simactors", *args]
    return subprocess.run(line, text=True, timeout=60, **told)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["run", "--help"],
        ["schema"],
        ["status"],
        ["run", "{0}"],
        ["run", "{0}/app.py:main"],
        ["run", "{0}/app.py:there"],
        ["hunt", "{0}/app.py:main", "--seeds", "1"],
    ],
    ids=" ".join,
)
def test_a_command_whose_output_nobody_reads_ends_quietly_as_if_by_sigpipe(
    app: Path, closed_pipe: int, args: list[str]
) -> None:
    done = command(*(arg.format(app) for arg in args), stdout=closed_pipe)
    os.close(closed_pipe)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_failure_is_told_although_nobody_reads_stdout(app: Path, closed_pipe: int) -> None:
    done = command("run", f"{app}/app.py:silent", stdout=closed_pipe)
    os.close(closed_pipe)
    assert done.returncode == 1
    assert "ValueError: wrong" in done.stderr


def test_complaints_that_nobody_reads_end_the_command_too(closed_pipe: int) -> None:
    done = command("no-such-command", stderr=closed_pipe)
    os.close(closed_pipe)
    assert (done.returncode, done.stdout) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("args", [["schema"], ["run", "{0}"]], ids=" ".join)
def test_a_full_disk_is_told_and_is_no_fault_of_ours(app: Path, args: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = command(*(arg.format(app) for arg in args), stdout=full)
    assert done.returncode == 2
    assert done.stderr == "Error: what is to be printed can't be written: No space left on device\n"


def test_without_a_stderr_a_command_does_what_it_is_asked(app: Path) -> None:
    line = [sys.executable, "-m", "simactors", "run", str(app), "--json"]
    done = subprocess.run(
        ["sh", "-c", '"$@" 2>&-', "sh", *line], stdout=subprocess.PIPE, text=True, timeout=60
    )
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1

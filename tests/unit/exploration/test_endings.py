"""What is not to outlive a process that SIGTERM, or worse, ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from simactors.exploration.endings import temporary_folder

HOLDS_A_FOLDER = """
import os, signal, sys
{before}
from simactors.exploration.endings import temporary_folder
with temporary_folder() as folder:
    (folder / "trace").write_text("so far")
    if {forks} and os.fork() == 0:
        signal.raise_signal(signal.SIGTERM)
    elif {forks}:
        os.wait()
        assert folder.is_dir(), "the child has taken its parent's folder away"
        sys.exit(0)
    print("ready", flush=True)
    signal.pause()
"""

HAS_A_CHILD = """
import os, subprocess, sys, time
child = '''
import sys, time
from simactors.exploration.endings import end_with
end_with(int(sys.argv[1]))
print("ready", flush=True)
time.sleep(20)
print("too late", flush=True)
'''
subprocess.run([sys.executable, "-c", child, str(os.getpid())])
"""


def started(code: str, folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "TMPDIR": str(folder)}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)


def test_sigterm_takes_the_folder_along(tmp_path: Path) -> None:
    with started(HOLDS_A_FOLDER.format(before="", forks=False), tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert len(list(tmp_path.iterdir())) == 1
        process.terminate()
        assert process.wait(timeout=30) == -signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_a_child_of_the_program_leaves_the_folder_alone(tmp_path: Path) -> None:
    with started(HOLDS_A_FOLDER.format(before="", forks=True), tmp_path) as process:
        assert process.wait(timeout=30) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_handler_of_the_users_stays(tmp_path: Path) -> None:
    before = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))"
    with started(HOLDS_A_FOLDER.format(before=before, forks=False), tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        assert process.wait(timeout=30) == 7
    assert list(tmp_path.iterdir()) == []


def test_the_handler_is_gone_with_the_folder() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with temporary_folder() as folder:
        assert folder.is_dir()
    assert not folder.exists()
    assert signal.getsignal(signal.SIGTERM) is before


def _has_a_folder() -> bool:
    with temporary_folder() as folder:
        return folder.is_dir()


def test_a_thread_has_its_folder_too() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(_has_a_folder).result()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have nothing for it")
def test_a_child_ends_with_its_parent_even_if_that_is_killed(tmp_path: Path) -> None:
    process = started(HAS_A_CHILD, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.kill()
    process.wait(timeout=30)
    assert process.stdout.read() == ""  # until nobody holds the pipe any more
    process.stdout.close()


PROGRAM = """
import os, time
import simactors as ray

@ray.remote
def nothing():
    pass

def main():
    began = time.process_time()  # real, also in a simulation
    os.write(2, b"ready ")
    while time.process_time() - began < 20:
        ray.get(nothing.remote())
    os.write(2, b"too late ")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have nothing for it")
@pytest.mark.parametrize(
    "command",
    [["hunt", "app.py:main", "--seeds", "4"], ["run", ".", "--seeds", "4"]],
    ids=["hunt", "scenario"],
)
def test_nobody_goes_on_with_the_runs_of_a_command_that_was_killed(
    tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "app.py").write_text(PROGRAM)
    (tmp_path / "scenario.toml").write_text('title = "long"\n[workload]\nentry = "app.py:main"\n')
    process = subprocess.Popen(
        [sys.executable, "-m", "simactors", *command, "--jobs", "2"], cwd=tmp_path, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    told = b""
    while told.count(b"ready") < 2:
        piece = os.read(process.stderr.fileno(), 100)
        assert piece, told
        told += piece
    process.kill()
    process.wait(timeout=30)
    assert b"too late" not in process.stderr.read()  # until nobody holds the pipe any more
    process.stderr.close()

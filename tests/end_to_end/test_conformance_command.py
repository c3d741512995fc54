"""The shipped suite of promises, as somebody calls it who has installed simactors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def conformance(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simactors.conformance", *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_it_runs_on_the_backends_that_are_asked_for() -> None:
    made = conformance("--backends", "sim,local", "-q", "-n", "0", "-k", "test_a_result_is_a_copy")
    assert made.returncode == 0, made.stdout
    only = conformance("--backends", "sim", "-q", "-n", "0", "-k", "test_a_result_is_a_copy")
    ran, fewer = (int(told.stdout.rpartition(" passed")[0].split()[-1]) for told in (made, only))
    assert 0 < fewer < ran


def test_a_backend_that_is_not_there_is_wrong_input() -> None:
    refused = conformance("--backends", "sim,locale")
    assert refused.returncode == 2
    assert "there is no 'locale': use sim, local, ray" in refused.stderr

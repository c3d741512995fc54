"""The short form of `tests.soak`, and that it sees what it looks for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.soak.gauges import growth
from tests.soak.journal import Promise, judge

ROOT = Path(__file__).parents[2]
ONCE, TWICE = Promise("a", 0, answered=True), Promise("b", 1, again=True)
FIRST, SECOND = Promise("c", 2, line="actor"), Promise("d", 3, line="actor")


def test_random_programs_survive_a_killer() -> None:
    form = {"minutes": 0.25, "window": 5, "every": 0.1, "threads": 4, "sessions": 3, "seed": os.getpid()}
    options = [word for name, value in form.items() for word in (f"--{name}", str(value))]
    run = subprocess.run(
        [sys.executable, "-m", "tests.soak", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "SIGKILL" in run.stdout


@pytest.mark.parametrize(
    ("begun", "found"),
    [
        ([("a", 1)], []),
        ([("a", 1), ("b", 1), ("b", 2), ("a/", 3), ("b/", 4), ("b/", 4)], []),
        ([("a", 1), ("c", 1), ("d", 1)], []),
        ([("a", 1), ("d", 1), ("c", 2)], []),
        ([], ["a has answered and never ran"]),
        ([("a", 1), ("a", 1)], ["a may run once only and ran 2 times"]),
        ([("a", 1), ("d", 1), ("c", 1)], ["c was sent before d and began after it, in pid 1"]),
        ([("a", 1), ("a/", 2), ("a/", 2)], ["a/, called without retries, ran 2 times, its caller 1 times"]),
    ],
)
def test_what_has_run_is_compared_with_what_was_promised(
    begun: list[tuple[str, int]], found: list[str]
) -> None:
    assert judge([ONCE, TWICE, FIRST, SECOND], begun) == found


def test_growth_is_told_from_noise() -> None:
    flat = [{"descriptors": 20 + n % 3} for n in range(12)]
    growing = [{"descriptors": 20 + 2 * n} for n in range(12)]
    assert growth(flat) == []
    assert growth(growing) == ["descriptors: 27 in the first third, 39 in the last one"]

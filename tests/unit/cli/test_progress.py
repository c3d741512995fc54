"""What a hunt shows while it runs: a line now and then in a pipe, a display that changes on a terminal."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from simactors.cli import progress
from simactors.exploration.campaign import Tally
from simactors.exploration.findings import Finding
from simactors.exploration.recipe import Recipe
from simactors.exploration.runner import Ending, RunResult
from simactors.exploration.target import Program, Target


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """The real clock's place, set by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def perf_counter(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def failed() -> Finding:
    ending = Ending("failed", "ValueError", "no", "", "app.py:3 in f")
    recipe = Recipe(program=Program(target=Target("app.py")))
    return Finding(run=3, recipe=recipe, result=RunResult(ending=ending), others=2)


def tally(runs: int, *findings: Finding) -> Tally:
    return Tally(runs=runs, orders=7, findings={finding.group: finding for finding in findings})


def test_a_pipe_gets_a_line_every_ten_seconds(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress.shown(100, None) as display:
        for runs in (0, 50, 100, 150):
            display.update(tally(runs, failed()))
            clock.now_s += 5
        display.shrinking(failed())
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "100 runs, 10 runs/s, 7 orders of two messages seen, 3 failed\n"


def test_a_terminal_is_told_all_that_a_hunt_is_about_and_left_clean(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with progress.shown(2000, None) as display:
        display.update(tally(0))
        clock.now_s += 2
        display.update(tally(1000, failed()))
        display.shrinking(failed())
    shown = terminal.getvalue()
    for words in (
        "1,000",
        "500 runs/s",
        "orders seen",
        "ValueError at app.py:3 in f",
        "2 s",
        "making it small",
    ):
        assert words in shown
    assert shown.rstrip().endswith("\x1b[2K") or "\x1b[?25h" in shown, "the cursor is back"


def test_a_terminal_is_not_told_more_often_than_it_can_show(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress.shown(None, 60.0) as display:
        display.update(tally(1))
        once = len(terminal.getvalue())
        for runs in range(50):
            display.update(tally(runs))
        assert len(terminal.getvalue()) == once
        clock.now_s += 0.2
        display.update(tally(60))
        assert len(terminal.getvalue()) > once


@pytest.mark.parametrize(("runs", "seconds", "says"), [(0, 0.0, "- runs/s"), (5000, 2.0, "2,500 runs/s")])
def test_a_rate_is_told_for_a_reader(runs: int, seconds: float, says: str, tmp_path: Path) -> None:
    assert progress.rate(runs, seconds) == says

"""What the report of a test says of its run, in a section of its own: how to make it happen, and to run it again."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from simactors.core.events import Record
from simactors.exploration.hunting import Case
from simactors.exploration.repro import LONGEST_TOKEN, Replay, Repro
from simactors.exploration.runner import RunResult
from simactors.exploration.story import Story
from simactors.reports import diagram, hunt
from simactors.reports.text import figures, reproduction, test_command, verdict
from simactors.testing.addresses import command

__all__ = ["add", "add_trace", "case_text", "replay_text", "reproduction", "seed_text"]

HEADING = "simactors"
FOLDER = ".simactors"
"""Where repros are written that are too long for a command line."""

_MOST_TOLD = 500


def add(report: pytest.TestReport, text: str) -> None:
    """Give a report the section; below a traceback it is shown whatever is captured."""
    shown = getattr(report.longrepr, "addsection", None)
    if report.failed and shown is not None:
        shown(HEADING, text)
    else:
        report.sections.append((HEADING, text))


def tell_without_traceback(report: pytest.TestReport, found: BaseException) -> None:
    """Say what was found, and not which line of ours has found it."""
    try:
        pytest.fail(f"{type(found).__name__}: {found}", pytrace=False)
    except pytest.fail.Exception as told:
        report.longrepr = pytest.ExceptionInfo.from_exception(told).getrepr(style="value")


def add_trace(
    report: pytest.TestReport, config: pytest.Config, records: Sequence[Record], result: RunResult
) -> None:
    """The story of a run, in its report; on the terminal at once if nothing is captured."""
    text = f"{trace_text(records, result)}\n\n{verdict(result)}{figures(result)}"
    if config.getoption("capture", "fd") == "no" and not report.failed:
        print(f"\n{text}")
    else:
        add(report, text)


def trace_text(records: Sequence[Record], result: RunResult) -> str:
    """A run as a drawing, or as the end of its trace if that would be too long to read."""
    if records:
        drawn = diagram.text(Story.of(records, ending=result.ending), _width())
        if len(drawn.splitlines()) <= hunt.LONGEST_DIAGRAM:
            return drawn
    lines = [str(record) for record in records[-_MOST_TOLD:]]
    left_out = len(records) - len(lines)
    return "\n".join([f"... {left_out} records before", *lines] if left_out else lines)


def seed_text(item: pytest.Item, result: RunResult) -> str:
    """Of a failure that is told as it was found."""
    return f"{_line(result)}\nTo see exactly this run again:\n  {command(item)}"


def case_text(item: pytest.Item, case: Case) -> str:
    """Of a failure that was made small and explained."""
    small = case.shrunk.finding
    told = hunt.drawn(case, _width()) or hunt.plan(case)
    lines = [_line(case.first.result)]
    is_smaller = small.recipe != case.first.recipe
    if is_smaller:
        lines.append(hunt.shrunk(case))
    lines += ["To see exactly this run again:", f"  {command(item)}"]
    if is_smaller:
        again = replay_line(case.repro, item.config.invocation_params.dir)
        says, said = (_first_line(run.result.ending.message) for run in (small, case.first))
        lines += [
            f"To see exactly the small one{f', which fails with {says}' if says != said else ''}:",
            f"  {again}",
        ]
    return "\n\n".join(part for part in (told, "\n".join(lines)) if part)


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


def _line(result: RunResult) -> str:
    place = f" at {result.ending.place}" if result.ending.place else ""
    return f"{verdict(result)}{place}{figures(result)}"


def replay_line(repro: Repro, folder: Path) -> str:
    """The command that makes a run of a test again.

    Args:
        folder: where pytest was called.
    """
    target, word = repro.recipe.program.target, repro.token
    if len(word) > LONGEST_TOKEN:
        file = Path(FOLDER) / f"{Path(target.file).stem}-{repro.digest}.json"
        repro.write(folder / file)
        word = str(file)
    return test_command(target, word)


def replay_text(replayed: Replay, case: Case | None) -> str:
    """Of a run that was made again."""
    told = "" if case is None else hunt.drawn(case, _width()) or hunt.plan(case)
    ending = f"{_line(replayed.result)}\n{reproduction(replayed)}"
    return "\n\n".join(part for part in (told, ending) if part)


def _width() -> int:
    return shutil.get_terminal_size().columns

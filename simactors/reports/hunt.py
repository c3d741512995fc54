"""What a hunt came to, for a human reader: the text, and the files of each failure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from simactors.exploration.covered import NOTHING
from simactors.exploration.hunting import Case, Report
from simactors.exploration.repro import LONGEST_TOKEN
from simactors.exploration.strategies import SYSTEMATIC
from simactors.reports import diagram, space_time
from simactors.reports.text import count, failure, figures, indented, verdict

LONGEST_DIAGRAM = 60


class Files(NamedTuple):
    """What was written of one failure.

    Attributes:
        repro: what `simactors replay` takes.
        page: the story of the run, for a browser; None if there is none to tell.
    """

    repro: Path
    page: Path | None


def write_cases(report: Report, folder: Path) -> list[Files | None]:
    """Write each failure's repro and page into `folder`; of what is our own fault there are none."""
    written: list[Files | None] = []
    for case in report.cases:
        if case.first.result.ending.outcome == "error":
            written.append(None)
            continue
        stem = f"{Path(report.program.target.file).stem}-{case.first.group.word}"
        repro, page = folder / f"{stem}.json", folder / f"{stem}.html"
        plan = () if case.explanation is None else case.explanation.plan
        ending = case.shrunk.finding.result.ending
        case.repro.write(
            repro, failure=f"{ending.kind}: {ending.message}", place=ending.place, plan=list(plan)
        )
        if case.explanation is not None:
            title = f"{report.program.target}: {case.first.group}"
            page.write_text(
                space_time.html(case.explanation.story, title=title, command=_command(case, repro), plan=plan)
            )
        written.append(Files(repro, page if case.explanation is not None else None))
    return written


def text(report: Report, files: Sequence[Files | None], width: int) -> str:
    """The whole of it.

    Args:
        files: those of `write_cases`.
        width: how many columns there are.
    """
    never = [*(f"never happened: {sighting}" for sighting in report.never), *report.missed]
    if not report.failed:
        return "\n".join([*report.tally.losses, _nothing(report), *never])
    parts = [_case(report, case, written, width) for case, written in zip(report.cases, files, strict=True)]
    if len(report.tally.findings) > 1 or report.quest.keep_going or not report.cases:
        parts.append(_summary(report))
    return "\n\n".join(filter(None, [*parts, *report.tally.losses, "\n".join(never)]))


def _nothing(report: Report) -> str:
    tally = report.tally
    seeds = _seeds(report)
    effort = f"{count(tally.runs, 'run')} in {report.seconds:.1f} s"
    proved = f"\n{tally.verdict}" if tally.verdict else ""
    if tally.interrupted:
        return f"stopped by Ctrl-C: no failure in {effort}{seeds if tally.runs else ''}{proved}"
    return f"no failure in {effort}{seeds}, {count(tally.orders, 'order')} of two messages seen{proved}"


def _seeds(report: Report) -> str:
    first, runs, quest = report.quest.first_seed, report.tally.runs, report.quest
    has_gaps = NOTHING.also(
        *report.tally.shares
    ).beyond  # it ended where some processes had not made their share
    if quest.strategy == SYSTEMATIC or has_gaps:  # or they decided nothing
        return ""
    return f" (seed {first})" if runs == 1 else f" (seeds {first} to {first + runs - 1})"


def _case(report: Report, case: Case, written: Files | None, width: int) -> str:
    first, small = case.first, case.shrunk.finding
    effort = f"{count(report.tally.runs, 'run')} in {report.seconds:.1f} s"
    if first.result.ending.outcome == "error":
        return f"{first.result.ending.traceback}\n\nrun {first.run} {verdict(first.result)}{figures(first.result)}"
    story = drawn(case, width)
    parts = [failure(small.result, with_steps=story is None)]
    if small.output.strip():
        parts.append(f"What the program printed:\n{indented(small.output)}")
    parts.append(plan(case) if story is None else story)
    lines = [f"found in {effort}: run {first.run} {verdict(first.result)}{figures(first.result)}"]
    if case.shrunk.runs:
        lines.append(shrunk(case))
    if written is not None:
        lines += ["To see exactly this run again:", f"  {_command(case, written.repro)}"]
        if written.page is not None:
            lines.append(f"Its story: {written.page}")
    parts.append("\n".join(lines))
    return "\n\n".join(part for part in parts if part)


def drawn(case: Case, width: int) -> str | None:
    """The run as a drawing, with the plan below it; None if it would be too long to read."""
    if case.explanation is None:
        return None
    picture = diagram.text(case.explanation.story, width, case.explanation.plan)
    if not case.explanation.plan:
        picture = f"{picture}\n\n{plan(case)}"
    return picture if len(picture.splitlines()) <= LONGEST_DIAGRAM else None


def plan(case: Case) -> str:
    """What has to happen for it; empty if nobody knows."""
    steps = () if case.explanation is None else case.explanation.plan
    if not steps and case.explanation is not None:
        return "How to make it happen: it fails in the plainest order, without any fault."
    told = "\n".join(f"  {number}. {line}" for number, line in enumerate(steps, 1))
    return f"How to make it happen:\n{told}" if told else ""


def shrunk(case: Case) -> str:
    """What making it small has come to."""
    before, after = case.first.recipe, case.shrunk.finding.recipe
    sizes = [
        f"{count(len(r.script or ()), 'choice')} and {count(len(r.faults.faults), 'fault')}"
        for r in (before, after)
    ]
    rest = "" if case.shrunk.is_smallest else "; the time was up before it was known to be the smallest"
    result = case.shrunk.finding.result
    now = f"now it has {count(result.steps or 0, 'step')} and the digest {(result.digest or '')[:16]}"
    return f"made small in {count(case.shrunk.runs, 'run')}: from {sizes[0]} to {sizes[1]}{rest}; {now}"


def _command(case: Case, repro: Path) -> str:
    token = case.repro.token
    return f"simactors replay {token if len(token) <= LONGEST_TOKEN else repro}"


def _summary(report: Report) -> str:
    """All groups, and what the search has proved."""
    findings = report.tally.findings
    lines = [f"{count(len(findings), 'kind')} of failure in {count(report.tally.runs, 'run')}:"]
    fresh = {case.first.group for case in report.cases}
    for group, finding in findings.items():
        known = "" if group in fresh else ", reported before"
        lines.append(f"  {finding.others + 1:>6} x {group}, first in run {finding.run}{known}")
    if report.tally.verdict:
        lines.append(report.tally.verdict)
    return "\n".join(lines)

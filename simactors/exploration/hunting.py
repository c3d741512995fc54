"""A hunt from its runs to what a person gets of each failure: shrunk, explained, written to files.

Not the runs (`campaign.py` in this process, `crew.py` in several).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from simactors.checkers.declarations import declared, unmet
from simactors.core import nearest
from simactors.core.sightings import Sighting
from simactors.exploration import missed
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Campaign, Quest, Tally
from simactors.exploration.covered import NOTHING, Covered
from simactors.exploration.explaining import Explanation, explain
from simactors.exploration.findings import Finding
from simactors.exploration.journal import Before
from simactors.exploration.repro import Repro
from simactors.exploration.shrinking import SECONDS, Shrunk, shrink
from simactors.exploration.storms import fits
from simactors.exploration.target import Program

_NOBODY = Before()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One failure, ready for a reader.

    Attributes:
        first: as it was found.
        shrunk: the smallest run that fails in the same way; the first one itself if nobody wanted it smaller.
        explanation: None for what is no failure of the program's own order and faults.
    """

    first: Finding
    shrunk: Shrunk
    explanation: Explanation | None

    def which(self, runs: int) -> str:
        """Which run it was of so many; if it was the last one, there was no need for more."""
        return f"run {self.first.run}" + (f" of {runs}" if self.first.run < runs else "")

    @property
    def repro(self) -> Repro:
        """Of the smallest run."""
        finding = self.shrunk.finding
        path = "" if self.explanation is None else self.explanation.landmarks
        return Repro.of(finding.recipe, finding.result, path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a hunt came to.

    Attributes:
        program: what ran, in the world of the hunt.
        seconds: how long its runs took, by the clock on the wall.
        cases: one for each group of failures that was not reported before, in the order in which they were found.
        earlier: how many of the runs were made before the hunt was stopped, and went on.
        never: what the program says should `sometimes` be so, or be `reachable`, and never was in any of the runs;
            nothing of it if the hunt ended early, or went on from an earlier one.
        missed: the program's own faults that befell nothing in any of the runs, and calls that faults were asked for
            and that never came, in words; nothing of them, as above.
    """

    program: Program
    quest: Quest
    tally: Tally
    seconds: float
    cases: tuple[Case, ...]
    earlier: int = 0
    never: tuple[Sighting, ...] = ()
    missed: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether anything was found, now or before."""
        return bool(self.tally.findings)

    @property
    def first(self) -> Finding | None:
        """The first failure; one that was found now, if there is one."""
        return self.cases[0].first if self.cases else next(iter(self.tally.findings.values()), None)

    @property
    def runs(self) -> int:
        """How many runs were made."""
        return self.tally.runs

    def __str__(self) -> str:
        """For a test's output: what failed, what has to happen for it, and the token that replays it."""
        never = [*(f"never happened: {sighting}" for sighting in self.never), *self.missed]
        if not self.cases:
            verdict = f"; {self.tally.verdict}" if self.tally.verdict else ""
            return "\n".join([f"no failure in {self.runs} runs{verdict}", *never])
        parts = []
        for case in self.cases:
            ending = case.shrunk.finding.result.ending
            plan = () if case.explanation is None else case.explanation.plan
            lines = [f"{case.which(self.runs)} failed: {ending.kind}: {ending.message}"]
            lines += [f"  at {ending.place}"] if ending.place else []
            lines += [
                f"  - {line}" for line in plan or ("it fails in the plainest order, without any fault",)
            ]
            parts.append("\n".join([*lines, f"  replay token: {case.repro.token}"]))
        return "\n\n".join(filter(None, [*parts, self.tally.verdict, "\n".join(never)]))


def search(
    program: Program,
    quest: Quest,
    budget: Budget,
    watch: Callable[[Tally], None] = lambda _: None,
    covered: Covered = NOTHING,
) -> Tally:
    """Make the runs of a hunt in this process.

    Args:
        watch: told before each run.
        covered: see `Campaign`.

    Raises:
        TargetError: the program can't be loaded.
    """
    return Campaign(program, quest, covered=covered).run(budget, watch)


def finish(
    program: Program,
    quest: Quest,
    tally: Tally,
    seconds: float,
    shrink_s: float = SECONDS,
    on_found: Callable[[Finding], None] = lambda _: None,
    before: Before = _NOBODY,
    explain_s: float | None = None,
) -> Report:
    """Make of what was found what a person can read.

    Args:
        tally: of the whole hunt.
        seconds: how long its runs took.
        shrink_s: how many seconds making one failure small may take; 0 for not at all.
        on_found: told of each failure before that.
        before: what was there when it went on.
        explain_s: see `case_of`.
    """
    cases = []
    for group, finding in tally.findings.items():
        if group not in before.told:
            on_found(finding)
            cases.append(case_of(finding, shrink_s, explain_s))
    is_whole = not before.covered and not tally.interrupted and (quest.keep_going or not tally.findings)
    return Report(
        program=quest.world_for(program),
        quest=quest,
        tally=tally,
        seconds=seconds,
        cases=tuple(cases),
        earlier=len(before.covered),
        never=_never(program, tally) if is_whole else (),
        missed=_missed(program, quest, tally) if is_whole else (),
    )


def _missed(program: Program, quest: Quest, tally: Tally) -> tuple[str, ...]:
    faults = enumerate(missed.planned(program))
    silent = [missed.words(fault, "in any run") for number, fault in faults if number not in tally.struck]
    unfit = [call for call in quest.fault_calls or () if not any(fits(seen, [call]) for seen in tally.calls)]
    silent += [
        f"faults: no call in any run fits {call!r}{nearest.clause(call, sorted(tally.calls))}"
        for call in unfit
    ]
    return tuple(silent)


def _never(program: Program, tally: Tally) -> tuple[Sighting, ...]:
    file = Path(program.target.file)
    stated = declared([file]) if file.is_file() else []
    return tuple(unmet(stated, tally.sightings))


_AS_FOUND = ("NondeterminismError", "SpinningError")
_MOST_STEPS = 500_000
"""A run with more takes seconds each time, and making it small takes hundreds of runs."""


def case_of(finding: Finding, shrink_s: float, explain_s: float | None = None) -> Case:
    """Make one failure small, and explain it.

    Args:
        shrink_s: how many seconds making it small may take; 0 for not at all.
        explain_s: how many seconds measuring the decisive step may take; None for as many as `explain` takes.
    """
    # What is our fault, does not repeat, or takes long each time, is told as it was found.
    result = finding.result
    is_long = result.ending.kind in _AS_FOUND or (result.steps or 0) > _MOST_STEPS
    if result.ending.outcome == "error" or is_long:
        return Case(
            first=finding, shrunk=Shrunk(finding=finding, runs=0, is_smallest=False), explanation=None
        )
    shrunk = Shrunk(finding=finding, runs=0, is_smallest=False)
    if shrink_s > 0:
        shrunk = shrink(finding, Budget(seconds=shrink_s))
    try:
        explanation = explain(shrunk.finding, None if explain_s is None else Budget(seconds=explain_s))
    except KeyboardInterrupt:  # what was found is told without it
        explanation = None
    return Case(first=finding, shrunk=shrunk, explanation=explanation)

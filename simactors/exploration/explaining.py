"""Why a run failed: its story, what had to happen for it, and the step that decided it, measured.

The decisive step: the failing run is followed up to some step, and goes on from there at random, many times over. Where
the share of those that fail in the same way jumps, there it was decided.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from simactors.core.choices import NEXT, Choices, Offer, SeededChoices
from simactors.core.events import Record
from simactors.exploration.budget import Budget
from simactors.exploration.capturing import captured
from simactors.exploration.departures import landmarks
from simactors.exploration.findings import Finding, Group
from simactors.exploration.frames import user_line
from simactors.exploration.hops import DRIVER
from simactors.exploration.recipe import Recipe
from simactors.exploration.story import Decisive, Story
from simactors.exploration.wording import (
    PREEMPT,
    deviations_in_words,
    faults_in_words,
    others_in_words,
    workload_in_words,
)

SECONDS = 10.0
"""How long measuring may take."""

_SAMPLES = 16
_FIRST_POINTS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a person gets of a failing run.

    Attributes:
        plan: what has to happen for it, a line each; empty if it happens of itself.
        decisive_step: the name of the step that decided it, see `core.choices.Offer`; None if that is not known.
        landmarks: of what happened, see `departures.py`.
    """

    story: Story
    plan: tuple[str, ...]
    decisive_step: str | None
    landmarks: str = ""


def explain(finding: Finding, budget: Budget | None = None) -> Explanation:
    """Tell a failing run.

    Args:
        finding: it must be reproducible.
        budget: for measuring the decisive step; 10 seconds if it is None.
    """
    records: list[Record] = []
    trackers: list[_Tracker] = []

    def tracking(choices: Choices) -> Choices:
        trackers.append(_Tracker(choices, lambda: len(records)))
        return trackers[0]

    with captured():
        result = finding.recipe.run(records.append, around=tracking)
        tracker = trackers[0]
        path, began = result.path, tracker.began
        decisive, name = None, None
        if result.failed and len(path) > 1 and len(began) == len(path):
            found = _measured(finding, path, budget or Budget(seconds=SECONDS))
            if found is not None:
                step, before, after = found
                at = min(began[step], len(records) - 1)
                decisive, name = Decisive(record=at, before=before, after=after), path[step].name
    script = finding.recipe.script
    told = deviations_in_words(script, path)
    notes = {min(began[position], len(records) - 1): text for position, text in told if position < len(began)}
    interrupted = [i for i in tracker.interrupted if i.at < len(records) and records[i.at].kind == PREEMPT]
    notes |= {there.at: there.line for there in interrupted if there.line}
    story = Story.of(records, ending=result.ending, decisive=decisive, notes=notes)
    plan = (
        *workload_in_words(finding.recipe.program),
        *faults_in_words(finding.recipe.faults),
        *(text for _, text in told),
        *(f"interrupt a thread of {_whose(there.step, path)} {there.line}".rstrip() for there in interrupted),
        *others_in_words(
            finding.recipe, {asked: _whose(step, path) for asked, step in tracker.asked.items()}
        ),
    )
    return Explanation(story=story, plan=plan, decisive_step=name, landmarks=landmarks(path))


def _measured(finding: Finding, path: Sequence[Offer], budget: Budget) -> tuple[int, float, float] | None:
    try:
        return _Measure(finding.recipe, finding.group, path, budget).jump()
    except KeyboardInterrupt:  # whoever has no more patience gets the story without it
        return None


class _Interruption(NamedTuple):
    """A thread may have been interrupted: at the record with the number `at`, in a step, before the user's `line`."""

    at: int
    step: int
    line: str


def _whose(step: int, path: Sequence[Offer]) -> str:
    """The process, as plans call it, whose code ran in a step."""
    return path[step].target if 0 <= step < len(path) else DRIVER


class _Tracker:
    """Stands between the simulation and who answers.

    Attributes:
        began: for each step, how many records there were when it was picked.
        interrupted: where threads may have been interrupted.
        asked: in which step other questions were answered otherwise than in the plainest run, by label and number.
    """

    def __init__(self, choices: Choices, records: Callable[[], int]) -> None:
        self._choices = choices
        self._records = records
        self.began: list[int] = []
        self.interrupted: list[_Interruption] = []
        self.asked: dict[tuple[str, int], int] = {}
        self._counts: Counter[str] = Counter()
        self.sampler = choices.sampler

    def pick(self, label: str, options: Sequence[object]) -> int:
        """See `Choices.pick`."""
        if label == NEXT:
            self.began.append(self._records())
            return self._choices.pick(label, options)
        return self._noted(label, self._choices.pick(label, options))

    def number(self, label: str, bound: int) -> int:
        """See `Choices.number`."""
        answer = self._choices.number(label, bound)
        if answer and label == PREEMPT:
            line = user_line(sys._getframe(1), "before ")
            self.interrupted.append(_Interruption(self._records(), len(self.began) - 1, line))
        return self._noted(label, answer)

    def _noted(self, label: str, answer: int) -> int:
        if answer:
            self.asked[label, self._counts[label]] = len(self.began) - 1
        self._counts[label] += 1
        return answer


class _Measure:
    """How likely the failure is after each step of a run."""

    def __init__(self, recipe: Recipe, group: Group, path: Sequence[Offer], budget: Budget) -> None:
        self._recipe = recipe
        self._group = group
        self._names = [step.name for step in path]
        self._budget = budget
        self._known: dict[int, float] = {}

    def jump(self) -> tuple[int, float, float] | None:
        """The step with the largest jump, and the shares before and after it; None if nothing jumps.

        What fails in whatever order was decided by no step: that is known after the first samples, and not looked for.
        """
        total = len(self._names)
        if self._share(0) == 1:
            return None
        points = sorted({total * point // _FIRST_POINTS for point in range(_FIRST_POINTS + 1)})
        while True:
            left = max(
                range(len(points) - 1), key=lambda i: self._share(points[i + 1]) - self._share(points[i])
            )
            if self._budget.is_spent:  # what was not measured to its end says nothing
                return None
            low, high = points[left], points[left + 1]
            if high - low == 1:
                before, after = self._share(low), self._share(high)
                return (low, before, after) if after > before else None
            points.insert(left + 1, (low + high) // 2)

    def _share(self, steps: int) -> float:
        """How many of the runs that begin with so many steps of this one fail as it does."""
        if steps not in self._known:
            failed = sum(self._fails(steps, sample) for sample in range(_SAMPLES))
            self._known[steps] = failed / _SAMPLES
        return self._known[steps]

    def _fails(self, steps: int, sample: int) -> bool:
        if self._budget.is_spent:
            return False
        self._budget.spend()
        result = self._recipe.run(around=lambda choices: _Onward(choices, self._names[:steps], sample))
        return result.failed and Group.of(result.ending) == self._group


class _Onward:
    """The first steps of a run, and then any others; what is not about the order is as it was."""

    def __init__(self, choices: Choices, names: Sequence[str], seed: int) -> None:
        self._names = names
        self._steps = 0
        self._draw = SeededChoices(seed).number
        self._others = choices.pick
        self.number = choices.number
        self.sampler = choices.sampler

    def pick(self, label: str, options: Sequence[object]) -> int:
        """See `Choices.pick`."""
        if label != NEXT:
            return self._others(label, options)
        step = self._steps
        self._steps += 1
        if step < len(self._names):
            for index, offer in enumerate(options):
                if offer.name == self._names[step]:  # type: ignore[attr-defined]  # see `NEXT`
                    return index
        return self._draw(NEXT, len(options))

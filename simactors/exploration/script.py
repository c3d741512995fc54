"""A run as data: the answers that were not 0. `Recorder` writes a script, `Follower` makes the run of one.

What happened next is told by names, so that a script means the same in a run that has gone another way, after something
was left out of it or in the program: ``Deviation(step, after)`` lets a step wait for another one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from simactors.core.choices import NEXT, Choices, Offer


class Deviation(NamedTuple):
    """When it was the turn of `step`, `after` happened instead; `step` came after all that had not to wait."""

    step: str
    after: str


class Answer(NamedTuple):
    """The `nth` question (from 0) under `label` got `answer`, which is not 0."""

    label: str
    nth: int
    answer: int


@dataclass(frozen=True, slots=True)
class Script:
    """The answers of one run that were not 0.

    Attributes:
        deviations: of the order, in the order in which they came.
        answers: of everything else.
    """

    deviations: tuple[Deviation, ...] = ()
    answers: tuple[Answer, ...] = ()

    def __len__(self) -> int:
        return len(self.deviations) + len(self.answers)


class Left(NamedTuple):
    """Where a run could not do as a script says.

    Attributes:
        step: its number, from 1; 0 before the first one.
        waiting, after: what was to wait for what; None if it is about another question than the order.
        why: in words.
    """

    step: int
    waiting: str | None
    after: str | None
    why: str


class Recorder:
    """Answers as `choices` do, and remembers what was not 0."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self._asked: dict[str, int] = {}
        self._order: list[tuple[Offer, Offer]] = []
        self._answers: list[Answer] = []

    @property
    def script(self) -> Script:
        """What was remembered so far."""
        deviations = tuple(Deviation(instead_of.name, taken.name) for instead_of, taken in self._order)
        return Script(deviations, tuple(self._answers))

    def number(self, label: str, bound: int) -> int:
        """See `Choices.number`."""
        return self._noted(label, self._choices.number(label, bound))

    def sampler(self, label: str, bound: int) -> Callable[[], int]:
        """See `Choices.sampler`."""
        draw = self._choices.sampler(label, bound)
        return lambda: self._noted(label, draw())

    def pick(self, label: str, options: Sequence[object]) -> int:
        """See `Choices.pick`."""
        index = self._choices.pick(label, options)
        if label != NEXT:
            return self._noted(label, index)
        if index:
            self._order.append((options[0], options[index]))  # type: ignore[arg-type]  # see `NEXT`
        return index

    def _noted(self, label: str, answer: int) -> int:
        index = self._asked.get(label, 0)
        self._asked[label] = index + 1
        if answer:
            self._answers.append(Answer(label, index, answer))
        return answer


class Follower:
    """Answers as a script says, and 0 to all else.

    Attributes:
        left: where the run could not do as the script says for the first time; None as long as it could.
    """

    def __init__(self, script: Script) -> None:
        self._answers = {(a.label, a.nth): a.answer for a in script.answers}
        self._waiting: dict[str, deque[str]] = {}
        for step, after in script.deviations:
            self._waiting.setdefault(step, deque()).append(after)
        self._awaited = {after for _, after in script.deviations}  # is only asked what is in it
        self._happened: dict[str, None] = {}
        self._asked: dict[str, int] = {}
        self._steps = 0
        self.left: Left | None = None

    @property
    def unused(self) -> int:
        """How many of the script's answers were not asked for."""
        return len(self._answers) + sum(len(queue) for queue in self._waiting.values())

    def number(self, label: str, bound: int) -> int:
        """See `Choices.number`."""
        index = self._asked.get(label, 0)
        self._asked[label] = index + 1
        answer = self._answers.pop((label, index), 0)
        if answer >= bound:
            self._leave(f"the first run's question {index + 1} about {label!r} had more answers")
            return bound - 1
        return answer

    def sampler(self, label: str, bound: int) -> Callable[[], int]:
        """See `Choices.sampler`."""
        return partial(self.number, label, bound)

    def pick(self, label: str, options: Sequence[object]) -> int:
        """See `Choices.pick`."""
        if label != NEXT:
            return self.number(label, len(options))
        self._steps += 1
        index = self._next(options)  # type: ignore[arg-type]  # see `NEXT`
        name = options[index].name  # type: ignore[attr-defined]  # as above
        if name in self._awaited:
            self._happened[name] = None
        return index

    def _next(self, options: Sequence[Offer]) -> int:
        if not self._waiting:
            return 0
        for index, offer in enumerate(options):
            after = self._wanted_before(offer.name)
            if after is None:
                return index
            for other, candidate in enumerate(options):
                if candidate.name == after:
                    self._drop(offer.name)
                    return other
            self._leave("which could not happen then", offer.name, after)
        return 0

    def _wanted_before(self, step: str) -> str | None:
        """What `step` has to wait for, if that has not happened yet."""
        while step in self._waiting:
            after = self._waiting[step][0]
            if after not in self._happened:
                return after
            self._leave("which had happened already", step, after)
            self._drop(step)
        return None

    def _drop(self, step: str) -> None:
        queue = self._waiting[step]
        queue.popleft()
        if not queue:
            del self._waiting[step]

    def _leave(self, why: str, waiting: str | None = None, after: str | None = None) -> None:
        if self.left is None:
            self.left = Left(self._steps, waiting, after, why)

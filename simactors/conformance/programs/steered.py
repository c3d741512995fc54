"""A search directed at one outcome: goes on from those moments of runs up to which all was as it is wanted.

Not from whole runs: of an order of twenty calls, hardly any run meets more than a few by chance. But `progress.py` sees
before every step how much is right so far. Where more is right than before, and nothing is wrong, the answers that led
there are kept; later runs give them again, and go on by chance.

Two things are no matter of chance alone. Calls may wait for those that their actor logs before them: such an order is
often settled long before it shows. And in some runs one kind of step waits as long as it can: that an event loop stands
still until five calls have begun shows only afterwards, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from simactors.conformance.programs.play import Outcome
from simactors.conformance.programs.progress import Progress, Waits, Wanted
from simactors.core.choices import NEXT, Choices, Draws, Offer, sub_seed
from simactors.core.fault_plan import FaultPlan
from simactors.exploration.strategies.portfolio import Portfolio
from simactors.exploration.strategies.strategy import Attempt, Path

Item = TypeVar("Item")

_LANE = "lane"
"""The label of the question which of the calls that wait for room at an async actor begins."""

_LAZY_KINDS = ("", "", "turn", "sleep", "call", "resume", "reply")
"""Which kind of step waits as long as it can; in some runs none."""

_MOST_ALIKE = 20
"""So many moments are kept at which equally much is right."""


class Steered:
    """See `Strategy`.

    Args:
        wanted: what is looked for.
        seen: tells what the driver has seen so far in the run under way: names and values.
    """

    is_done = False
    verdict = ""

    def __init__(self, wanted: Outcome, seen: Callable[[], Sequence[Any]]) -> None:
        self._wanted = Wanted(wanted)
        self._seen = seen
        self._chance = Portfolio()
        # By how much is right. What is nearly there may be a dead end: how a run begins counts as much as how it ends.
        self._moments: dict[int, list[_Moment]] = {0: [_Moment(0, ())]}
        self._run: _Run | None = None

    def begin(self, seed: int) -> Attempt:
        """See `Strategy.begin`."""
        drawn = Draws(sub_seed(seed, "steered"))
        alike = _one_of(drawn, "right", sorted(self._moments.items()))[1]
        manner = _Manner(_one_of(drawn, "waits", tuple(Waits)), _one_of(drawn, "lazy", _LAZY_KINDS))
        progress = Progress(self._wanted, self._seen)
        chance = self._chance.begin(seed).choices
        self._run = _Run(_one_of(drawn, "moment", alike), manner, progress, chance)
        return Attempt(self._run, FaultPlan())

    def learn(self, path: Path) -> None:
        """See `Strategy.learn`."""
        assert self._run is not None
        self._chance.learn(path)
        for moment in self._run.reached:
            alike = self._moments.setdefault(moment.right, [])
            alike.append(moment)
            del alike[:-_MOST_ALIKE]


def _one_of(drawn: Draws, label: str, items: Sequence[Item]) -> Item:
    return items[drawn.number(label, len(items))]


@dataclass(frozen=True, slots=True)
class _Moment:
    """One of a run.

    Attributes:
        right: how much is as it is wanted.
        answers: those that led there, to all questions.
    """

    right: int
    answers: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Manner:
    """How a run goes on where it is not told how.

    Attributes:
        waits: what calls wait for.
        lazy_kind: steps of this kind happen when nothing else can.
    """

    waits: Waits
    lazy_kind: str


class _Run:
    """The `Choices` of one run.

    Args:
        start: the moment on from which it is a new run.
        chance: who answers then.

    Attributes:
        reached: the moments from then on at which more was right than ever before.
    """

    def __init__(self, start: _Moment, manner: _Manner, progress: Progress, chance: Choices) -> None:
        self.reached: list[_Moment] = []
        self._known = start.answers
        self._right = start.right
        self._manner = manner
        self._progress = progress
        self._chance = chance
        self._answers: list[int] = []

    def number(self, label: str, bound: int) -> int:
        """See `Choices.number`."""
        return self._answer(partial(self._chance.number, label, bound))

    def sampler(self, label: str, bound: int) -> Callable[[], int]:
        """See `Choices.sampler`."""
        return partial(self.number, label, bound)

    def pick(self, label: str, options: Sequence[object]) -> int:
        """See `Choices.pick`."""
        if label == NEXT:
            return self._next(options)  # type: ignore[arg-type]  # see `core.choices.NEXT`
        if label == _LANE:
            return self._answer(lambda: self._among(label, options, self._timely_calls(options)))
        return self._answer(partial(self._chance.pick, label, options))

    def _answer(self, draw: Callable[[], int]) -> int:
        place = len(self._answers)
        self._answers.append(self._known[place] if place < len(self._known) else draw())
        return self._answers[-1]

    def _next(self, options: Sequence[Offer]) -> int:
        right = self._progress.look(options)
        if right is not None and right > self._right:
            self._right = right
            self.reached.append(_Moment(right, tuple(self._answers)))
        index = self._answer(lambda: self._among(NEXT, options, self._timely_steps(options)))
        self._progress.took(options[index])
        return index

    def _among(self, label: str, options: Sequence[object], indices: Sequence[int]) -> int:
        if len(indices) in (0, len(options)):
            return self._chance.pick(label, options)
        return indices[self._chance.pick(label, [options[index] for index in indices])]

    def _timely_steps(self, options: Sequence[Offer]) -> list[int]:
        manner = self._manner
        indices = [index for index, offer in enumerate(options) if offer.kind != manner.lazy_kind]
        indices = indices or list(range(len(options)))
        return [i for i in indices if not self._progress.is_early(options[i], manner.waits)] or indices

    def _timely_calls(self, calls: Sequence[Any]) -> list[int]:
        waits = self._manner.waits
        return [i for i, call in enumerate(calls) if not self._progress.begins_early(call, waits)]

"""The one doorway for chance: every decision of a simulation that could go otherwise asks here.

Seeded search, replay, exhaustive search and Hypothesis are nothing but different `Choices`.
Answer 0 is always the dullest: first in order, no fault, least delay.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol


class Offer(Protocol):
    """One thing that may happen next, where the order of a run is explored.

    Attributes:
        kind: ``call`` (a message arrives at its actor or worker), ``create`` (that of a constructor), ``reply`` (its
            answer arrives), ``turn`` (a call that waited at its actor starts), ``resume`` (code goes on), ``sleep``,
            ``timer``, ...
        source, target: the processes that it comes from and goes to.
        what: the method or task.
        name: what no other step of the run is called, and what this one is called in most other runs, too.
        causes: the positions in the run of the steps that it came of; empty: it comes from before the first one.
        earliest_ns, latest_ns: when it can happen, and must have happened, in virtual nanoseconds.
        taken_ns: once it has happened: when.
        is_held: it was passed over before, and comes after those that were not.
    """

    @property
    def kind(self) -> str: ...  # noqa: D102  # see above
    @property
    def source(self) -> str: ...  # noqa: D102
    @property
    def target(self) -> str: ...  # noqa: D102
    @property
    def what(self) -> str: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def causes(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def earliest_ns(self) -> int: ...  # noqa: D102
    @property
    def latest_ns(self) -> int: ...  # noqa: D102
    @property
    def taken_ns(self) -> int: ...  # noqa: D102
    @property
    def is_held(self) -> bool: ...  # noqa: D102


NEXT = "next"
"""The label of the question what happens next.

Where the order of a run is explored, its options are `Offer`s, and it is asked for every step, also if there is only
one.
"""


class Choices(Protocol):
    """Answers the questions of one run.

    A label names the kind of decision (``"next"``, ``"latency"``). Answers to one label must not depend on
    how often other labels were asked, so that a new kind of decision leaves old runs as they were.
    """

    def number(self, label: str, bound: int) -> int:
        """A number of ``range(bound)``; `bound` >= 1."""
        ...

    def sampler(self, label: str, bound: int) -> Callable[[], int]:
        """Something to call instead of ``number(label, bound)``, for who asks that for every message.

        The answers are those that `number` would give at the same moment: whoever has no faster way returns
        ``partial(self.number, label, bound)``.
        """
        ...

    def pick(self, label: str, options: Sequence[object]) -> int:
        """The index of one of `options` (at least two), which are in their dullest order."""
        ...


class DullChoices:
    """The dullest run: every answer is 0."""

    def number(self, label: str, bound: int) -> int:
        """See `Choices.number`."""
        return 0

    def sampler(self, label: str, bound: int) -> Callable[[], int]:
        """See `Choices.sampler`."""
        return _dull

    def pick(self, label: str, options: Sequence[object]) -> int:
        """See `Choices.pick`."""
        return 0


def _dull() -> int:
    return 0


class SeededChoices:
    """Uniformly random answers, the same for the same seed on every machine and Python version."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._streams: dict[str, Callable[[], float]] = {}

    def number(self, label: str, bound: int) -> int:
        """See `Choices.number`; `bound` up to 2**53."""
        try:
            return int(self._streams[label]() * bound)
        except KeyError:
            return int(self._stream(label)() * bound)

    def sampler(self, label: str, bound: int) -> Callable[[], int]:
        """See `Choices.sampler`; a generator, because resuming one is cheaper than calling a function."""
        return _numbers(self._stream(label), bound).__next__

    def pick(self, label: str, options: Sequence[object]) -> int:
        """See `Choices.pick`."""
        return self.number(label, len(options))

    def _stream(self, label: str) -> Callable[[], float]:
        if label not in self._streams:
            self._streams[label] = random.Random(sub_seed(self.seed, label)).random
        return self._streams[label]


def _numbers(stream: Callable[[], float], bound: int) -> Iterator[int]:
    while True:
        yield int(stream() * bound)


class Draws:
    """Random numbers for one purpose, from one seed: the label only says to a reader what for.

    Unlike `SeededChoices`, one stream for all: what a search draws means nothing to any other run.
    """

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed).random

    def number(self, label: str, bound: int) -> int:
        """A number of ``range(bound)``."""
        return int(self._draw() * bound)


def sub_seed(seed: int, label: str) -> int:
    """A seed of its own for `label`, unrelated to those of other labels; 64 bits."""
    digest = hashlib.sha256(f"{seed}/{label}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big")

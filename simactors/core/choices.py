"""The one doorway for chance: every decision of a simulation that could go otherwise asks here.

Seeded search, replay, exhaustive search and Hypothesis are nothing but different `Choices`.
Answer 0 is always the dullest: first in order, no fault, least delay.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol


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


def sub_seed(seed: int, label: str) -> int:
    """A seed of its own for `label`, unrelated to those of other labels; 64 bits."""
    digest = hashlib.sha256(f"{seed}/{label}".encode()).digest()
    return int.from_bytes(digest[:8], "big")

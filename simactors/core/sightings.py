"""Which properties a program met while it ran, how often, and how often they held.

Written by `checkers.properties` from the program's code, wherever that runs; read by whoever installed the sightings: a
runner installs new ones for each run, and adds up those of many runs. Not what follows if one never held: that is for
the reader.

The installed sightings are a plain stack of this process, not a context variable: all processes of a simulation run in
one real process, each in a context of its own, and all of them are meant. On real processes, each has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

Kind = Literal["always", "sometimes", "reachable", "unreachable", "eventually"]


@dataclass(frozen=True, slots=True, order=True)
class Property:
    """A property that stands in a program: one name at one place.

    Attributes:
        file, line: where; the file as Python knows it.
        kind: which function it stands in.
        name: what it is called there.
    """

    file: str
    line: int
    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} ({self.file}:{self.line})"


@dataclass(frozen=True, slots=True, order=True)
class Sighting:
    """How often a property was met, and how often it held then."""

    property: Property
    met: int = 0
    held: int = 0

    def __str__(self) -> str:
        if not self.met:
            return f"{self.property}: never reached"
        times = "once" if self.met == 1 else f"{self.met} times"
        return f"{self.property}: met {times}, {f'held {self.held}' if self.held else 'never true'}"


def _no_faults() -> float:
    return 0.0


class Sightings:
    """The sightings of one run, or of several.

    Attributes:
        calm_in_s: asked by `eventually`: in how many seconds, on the clock of whoever asks, everything will have gone
            wrong that is planned to, and what heals will have healed; 0 if it has, or if nothing is planned. It must
            be finite; it may be asked again and again, and the moment may move. A span of time, and not a moment,
            because nodes whose clocks are set do not agree on moments.
    """

    def __init__(self, calm_in_s: Callable[[], float] = _no_faults) -> None:
        self.calm_in_s = calm_in_s
        # No lock: the code of a simulation takes turns, and elsewhere a race may lose a count, but never the only one.
        self._counts: dict[Property, list[int]] = {}

    def note(self, met: Property, *, held: bool) -> None:
        """A property was met."""
        counts = self._counts.setdefault(met, [0, 0])
        counts[0] += 1
        counts[1] += held

    def add(self, others: Iterable[Sighting]) -> None:
        """Add what another run has seen, perhaps in another process."""
        for other in others:
            counts = self._counts.setdefault(other.property, [0, 0])
            counts[0] += other.met
            counts[1] += other.held

    def __iter__(self) -> Iterator[Sighting]:
        """All of them, by file and line, as data that may be sent elsewhere."""
        return iter(sorted(Sighting(met, *counts) for met, counts in self._counts.items()))

    def __len__(self) -> int:
        return len(self._counts)


_installed = [Sightings()]
"""The innermost last; the first are those of the process, of which nobody is told."""


def current() -> Sightings:
    """Where sightings are to be noted: those installed last, or else the ones of this process."""
    return _installed[-1]


@contextmanager
def collecting(sightings: Sightings) -> Iterator[Sightings]:
    """Note everything in `sightings` until the end of the block."""
    _installed.append(sightings)
    try:
        yield sightings
    finally:
        _installed.remove(sightings)  # by identity: a block that ends late does not end another one

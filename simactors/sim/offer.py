"""One thing that could happen next in a run whose order is explored, with a name that means the same in other runs.

Not which of them there are, and which happens: `offers.py`.
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

CLUSTER = "cluster"
"""The source of what no process does."""

FAULT = "(fault)"
"""What those of its steps are for with which a fault begins or ends; a call can't be called so."""

ALL = "*"
"""What a step is said to touch that matters to every other one, or of which nobody knows what it touches."""

CLOCK = "the clock"
"""What a step is said to count that reads the clock: whatever the order, it could be another time."""

MESSAGES = frozenset(("call", "create", "reply", "notice"))
"""The kinds of steps that may be late."""

_NOTHING: dict[str, None] = {}  # never changed
_TIMERS = frozenset(("sleep", "timer"))


class Description(NamedTuple):
    """What a step is, apart from when.

    Attributes:
        kind: ``call``, ``create`` or ``reply``, which are messages; ``turn``, ``resume``, ``sleep``, ``timer``.
        source, target: the processes that it comes from and goes to, named as `naming.py` does.
        what: of which call, or for what.
    """

    kind: str
    source: str
    target: str
    what: str


class Offer:
    """One thing that may happen next; it satisfies `core.choices.Offer`.

    Attributes:
        step: what the kernel runs.
        kind, source, target, what: see `Description`.
        number: which one of its description, from 1, in the order in which they came to be.
        causes: the positions in the run of the steps that it came of: during the first of them it came to be, and for
            the others it had waited. Empty: it comes from before the first step.
        earliest_ns, latest_ns: when it can happen, and must have happened.
        taken_ns: when it has happened.
        is_held: another one was picked when it was its turn: it comes after all that are not held.
        is_prompt: it can't wait, and is no matter of time: something that just happened goes on.
        is_due: it would be offered, if it had not to wait for others on its connection.
        line: the number of the connection on which it keeps its place; -1: on none.
        touched, counted: what the step had to do with, once it has run: names of processes and of what several share;
            noted where `Offers.keeps_turns_apart`. The order of two steps matters only if what one touches the other
            touches or counts.
    """

    __slots__ = (
        "_name",
        "causes",
        "counted",
        "description",
        "earliest_ns",
        "is_due",
        "is_held",
        "is_prompt",
        "kind",
        "latest_ns",
        "line",
        "number",
        "order",
        "rank",
        "source",
        "step",
        "taken_ns",
        "target",
        "touched",
        "what",
    )

    def __init__(
        self,
        step: Any,
        description: Description,
        number: int,
        causes: tuple[int, ...],
        earliest_ns: int,
        latest_ns: int,
        rank: tuple[int, int] | None = None,
        *,
        is_prompt: bool = False,
    ) -> None:
        self.step = step
        self.description = description
        # Not properties: each of them is asked for several times a step.
        self.kind, self.source, self.target, self.what = description
        self.number = number
        self.causes = causes
        self.earliest_ns = earliest_ns
        self.latest_ns = latest_ns
        self.rank = rank or (earliest_ns, 0)
        self.order: deque[Offer] | None = None
        self._name: str | None = None
        self.taken_ns = earliest_ns
        self.is_prompt = is_prompt
        self.is_held = self.is_due = False
        self.line = -1
        self.touched = self.counted = _NOTHING

    @property
    def name(self) -> str:
        """What no other step of the run is called, and what it is called in most other runs, too."""
        if self._name is None:
            source, target = self.source, self.target
            place = source if source == target else f"{source}>{target}"
            self._name = f"{self.kind} {place} {self.what} {self.number}"
        return self._name

    @property
    def is_bookkeeping(self) -> bool:
        """Whether it is the cluster's own and follows at once from the step before: no program can tell them apart."""
        return self.is_prompt and self.source == CLUSTER

    @property
    def is_timed(self) -> bool:
        """Whether it is a matter of time."""
        return self.kind in _TIMERS and not self.is_prompt

    @property
    def then(self) -> Any:
        """See `agenda.Step`."""
        return self.step.then

    def __str__(self) -> str:
        return self.name

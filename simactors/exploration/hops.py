"""Who sent what to whom in a run, what ran when, who waited: plain data.

Not the trace, which has one record for each hop and no more; `reading.py` makes this of it. Nothing here says what
matters: `folds.py` chooses, and `story.py` is the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DRIVER = "driver"

FAULTS = frozenset({"fault", "crash", "die", "lose", "kill", "signal"})
"""The kinds of records that tell of something going wrong from outside the program's own code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One process, or a node that something happened to.

    Attributes:
        name: of the actor's class, or of the task if it ran no other; empty if that is unknown.
    """

    process: str
    name: str = ""

    @property
    def title(self) -> str:
        """``Account (actor-1)``."""
        return f"{self.name} ({self.process})" if self.name else self.process


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened on a lane.

    Attributes:
        number: of the event, from 0; its place in `Hops.events`.
        record: the index of the record that it was made of.
        call: the id of the call; 0 if it belongs to none.
        what: the call's label, without arguments, or whatever the record says.
        words: for a reader, without the process and without the call's id: ``calls Account.write(5)``.
        note: what whoever explains the run has to say of it; empty if nothing.
    """

    number: int
    record: int
    lane: int
    time_ns: int
    kind: str
    call: int
    what: str
    words: str
    note: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether something went wrong here from outside the program's own code."""
        return self.kind in FAULTS


Sort = Literal["request", "retry", "reply", "notice", "kill"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """From one event to another.

    Attributes:
        sort: "notice" is no answer of the callee: somebody found out that there won't be one.
        source, target: numbers of events; no target if it had not arrived when the run ended, or never would.
        failed: it brought an error, or was lost.
        note: why it is remarkable; empty if it isn't.
    """

    sort: Sort
    call: int
    what: str
    source: int
    target: int | None
    failed: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """A call runs, from one event to another.

    Attributes:
        last: the number of its last event; None if it never ended.
        depth: how many others were running on this lane when it began, so that bars don't hide each other.
    """

    lane: int
    call: int
    what: str
    first: int
    last: int | None
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A lane stands still between two of its events, as far as records can tell; `last` is None if for ever."""

    lane: int
    first: int
    last: int | None
    sleeps: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hops:
    """Everything that one run's records mean together.

    Attributes:
        causes: for each event the events directly before it: on its lane, and at the other end of its message.
    """

    lanes: tuple[Lane, ...]
    events: tuple[Event, ...]
    messages: tuple[Message, ...]
    activations: tuple[Activation, ...]
    waits: tuple[Wait, ...]
    causes: tuple[tuple[int, ...], ...]

"""What a workload is to do, as data that can be written to a file and sent to another process.

Not the doing: `drive.py`; not when requests arrive: `arrivals.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from simactors.sim import distributions

MOST_REQUESTS = 1_000_000
"""Of one run: each is kept until the end."""


class EntryError(Exception):
    """An entry point can't be called as the workload says: wrong input, not a failure. The message is for the user."""


class Constant(Struct, frozen=True, tag_field="kind", tag="constant"):
    """One request after the other, evenly spaced."""

    rate_per_s: float


class Poisson(Struct, frozen=True, tag_field="kind", tag="poisson"):
    """Requests of many users who know nothing of each other: exponential times in between."""

    rate_per_s: float


class Ramp(Struct, frozen=True, tag_field="kind", tag="ramp"):
    """A rate that grows, or falls, in a straight line, and stays where it has got to.

    Attributes:
        spacing: how requests lie at a given rate: at random as `Poisson`, or evenly as `Constant`.
    """

    from_per_s: float
    to_per_s: float
    over_s: float
    spacing: Literal["poisson", "even"] = "poisson"


class Burst(Struct, frozen=True, tag_field="kind", tag="burst"):
    """So many requests at once, again and again, the first ones at once."""

    size: int
    every_s: float


class Trace(Struct, frozen=True, tag_field="kind", tag="trace"):
    """Requests at recorded times: a file with one number of seconds a line, counted from the beginning of the load.

    Attributes:
        file: CSV, of which the first column counts; a first line that is no number is a heading.
    """

    file: str


Arrivals = Constant | Poisson | Ramp | Burst | Trace
"""When requests come that do not wait for each other."""


class Clients(Struct, frozen=True):
    """Users of whom each waits for an answer before it asks again.

    Attributes:
        count: how many.
        think: how long each waits before each request: a distribution as in files, with its ``kind``.
    """

    count: int
    think: dict[str, Any] = msgspec.field(default_factory=lambda: {"kind": "constant", "value_s": 0.0})

    @property
    def think_time(self) -> Callable[[float], float]:
        """Makes seconds of a number from 0 up to, not including, 1."""
        knobs = {name: value for name, value in self.think.items() if name != "kind"}
        made: distributions.Distribution = distributions.KINDS[self.think["kind"]](**knobs)
        return made.quantile


class Judged(Struct, frozen=True):
    """A recorded history, and what is to hold of it.

    Attributes:
        recording: the name of a `checkers.Recording` of the program.
        promise: ``linearizable``, or an isolation level as ``serializable``; see `judging.py`.
        spec: of what is to be linearizable: ``KeyValueMap``; other names are in `checkers.specs`.
        arguments: of the specification, or of `checkers.isolated`.
    """

    recording: str
    promise: str
    spec: str = ""
    arguments: dict[str, Any] = msgspec.field(default_factory=dict)

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"{self.recording} is {self.promise}"


class Load(Struct, frozen=True, kw_only=True):
    """What to call, how often, and what to check afterwards; names are those of functions of one module.

    Attributes:
        setup: is called first; what it returns, every other entry point gets as its first argument.
        request: is called for each request; None: `setup` is the whole program.
        teardown: is called last, whatever the checks have found.
        parameters: given by name to each entry point that has a parameter of that name.
        arrivals, clients: who asks when; one of them, if there is a `request`.
        requests, duration_s: ends the load; whichever comes first.
        warmup_s: what was asked before is not measured.
        timeout_s: a request that takes longer counts as failed; None: it may take for ever.
        checks: are called when all requests are answered; an `AssertionError` is a failed check.
        histories: is judged then, too.
    """

    setup: str | None = None
    request: str | None = None
    teardown: str | None = None
    parameters: Mapping[str, bool | int | float | str] = msgspec.field(default_factory=dict)
    arrivals: Arrivals | None = None
    clients: Clients | None = None
    requests: int | None = None
    duration_s: float | None = None
    warmup_s: float = 0.0
    timeout_s: float | None = None
    checks: tuple[str, ...] = ()
    histories: tuple[Judged, ...] = ()

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of all entry points."""
        named = (self.setup, self.request, self.teardown, *self.checks)
        return tuple(name for name in named if name is not None)

    def to_fields(self) -> dict[str, Any]:
        """What JSON can hold of it."""
        told: dict[str, Any] = msgspec.to_builtins(self)
        return {name: value for name, value in told.items() if value not in (None, {}, [], (), 0.0)}

    @classmethod
    def from_fields(cls, told: Any) -> Load:
        """What `to_fields` wrote.

        Raises:
            ValueError: it has not.
        """
        return msgspec.convert(told, cls)

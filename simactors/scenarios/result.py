"""What runs of a scenario came to, as data: a versioned structure that JSON can hold.

Everything that is told of a scenario is a view on this: the table on the terminal, CSV, a comparison, a page. Where
only a simulation knows something, or nobody has watched, it is empty. What figures mean of real runs, docs/scenarios.md
says. Times are seconds by the clock of the run, 0 at its beginning; those of a simulation are virtual.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

VERSION = 1
"""Goes up when a field changes its meaning or goes away; readers ignore fields that they do not know."""

Status = Literal["passed", "failed", "unknown", "unmeasured"]
"""``unknown``: a judge came to no verdict. ``unmeasured``: nobody saw what happened inside."""


class Latencies(Struct, kw_only=True):
    """How long many things took.

    Attributes:
        count: how many.
        quantiles_s: by name: ``p50``, ``p99.9``; exact, of all of them.
        histogram: (upper bound in seconds, count) of each bucket that is not empty, from the least; each bucket is
            wider than the one before by the 16th root of two.
    """

    count: int = 0
    mean_s: float = 0.0
    max_s: float = 0.0
    quantiles_s: dict[str, float] = field(default_factory=dict)
    histogram: list[tuple[float, int]] = field(default_factory=list)


class Requests(Struct, kw_only=True):
    """The requests of the workload that were measured: those after its warm-up.

    Attributes:
        arrived: how many were due; each was answered, has failed, or was late.
        errors: how often each class of exception came.
        measured_s: from the end of the warm-up until the last answer; until the end of the load, if its duration was
            longer.
        latency: of those that were answered, from the moment when they were due.
        windows: what came in each of some equal spans of time.
    """

    arrived: int = 0
    answered: int = 0
    failed: int = 0
    late: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    measured_s: float = 0.0
    latency: Latencies = field(default_factory=Latencies)
    windows: list[Window] = field(default_factory=list)


class Window(Struct, kw_only=True):
    """A span of time.

    Attributes:
        arrived: requests that were due in it.
        answered, failed: requests that came to their end in it.
        p50_s, p99_s: latency of those that were answered in it; None if none was.
    """

    start_s: float
    end_s: float
    arrived: int = 0
    answered: int = 0
    failed: int = 0
    p50_s: float | None = None
    p99_s: float | None = None


class Method(Struct, kw_only=True):
    """The calls of one method or task.

    Attributes:
        name: ``Store.put``.
        calls: how many were made.
        failed: how many were answered with an error, that of the program or of the system.
        retries: how often one was made again.
        latency: from the call until its answer is with the caller.
        waiting: until it began, the first time.
        service: from when it last began until it ended.
    """

    name: str
    calls: int = 0
    failed: int = 0
    retries: int = 0
    latency: Latencies = field(default_factory=Latencies)
    waiting: Latencies = field(default_factory=Latencies)
    service: Latencies = field(default_factory=Latencies)


class Queue(Struct, kw_only=True):
    """The calls that waited at the actors of one class, at the moments of `Run.samples_s`.

    Attributes:
        waiting: at all of them together.
        longest: at the one with the most.
    """

    class_name: str
    waiting: list[int]
    longest: list[int]


class Use(Struct, kw_only=True):
    """How much of a resource of a node was taken, at the moments of `Run.samples_s`.

    Attributes:
        total: how much there is while the node is up.
        reserved: what actors and tasks held, as a share of `total`.
        used: what code held that was running; of CPUs, what worked: see `sim.inspection.NodeView`.
    """

    node: str
    resource: str
    total: float
    reserved: list[float]
    used: list[float]


class Fault(Struct, kw_only=True):
    """Something that went wrong.

    Attributes:
        kind: ``fault``: as was planned; ``death``: of a process; ``lost node``: it was declared dead.
        where: a process or node as traces name it, or ``network``.
        end_s: when it was over; None for what happens at once, or was never over.
    """

    kind: str
    where: str
    what: str
    start_s: float
    end_s: float | None = None


class Check(Struct, kw_only=True):
    """Something that was to hold.

    Attributes:
        kind: ``program``: that it ends well; ``entry``: a function of the program; ``history``: a judge;
            ``objective``.
        measured: of an objective: the value.
        broke_at_s: when it was first clear that it does not hold; None if it holds, or if no moment can be named.
    """

    name: str
    kind: Literal["program", "entry", "history", "objective"]
    status: Status
    message: str = ""
    measured: float | None = None
    broke_at_s: float | None = None

    @property
    def has_failed(self) -> bool:
        """Whether its run has failed by it: also if its judge came to no verdict."""
        return self.status in ("failed", "unknown")


class Totals(Struct, kw_only=True):
    """What happened how often.

    Attributes:
        calls: of methods and tasks.
        retries: of calls.
        restarts: of actors.
        deaths: of processes that did not end by themselves.
        lost: attempts of calls that had begun, and whose process never ended them.
        faults: that were planned, and came.
    """

    calls: int = 0
    retries: int = 0
    restarts: int = 0
    deaths: int = 0
    lost: int = 0
    faults: int = 0


class Run(Struct, kw_only=True):
    """One run.

    Attributes:
        outcome: ``passed``, ``failed``, ``deadlock``, ``limit``, or ``error`` for a fault of simactors itself; failed
            if any check has.
        kind, message, traceback, place: what the program itself ended with, if not well.
        digest, steps: of a simulation.
        duration_s: by the clock of the run; `wall_s` by the one on the wall.
        samples_s: the moments at which queues and uses were looked at.
        missed: the faults that were planned, and befell nothing, as files say them.
        repro: the token for ``simactors replay``; empty if the run can't be repeated.
        output: the last lines that it printed.
    """

    seed: int
    outcome: str
    kind: str = ""
    message: str = ""
    traceback: str = ""
    place: str = ""
    digest: str = ""
    steps: int = 0
    duration_s: float = 0.0
    wall_s: float = 0.0
    requests: Requests | None = None
    methods: list[Method] = field(default_factory=list)
    samples_s: list[float] = field(default_factory=list)
    queues: list[Queue] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    totals: Totals = field(default_factory=Totals)
    checks: list[Check] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    repro: str = ""
    output: list[str] = field(default_factory=list)

    @property
    def has_passed(self) -> bool:
        """Whether everything held."""
        return self.outcome == "passed"


class Estimate(Struct, kw_only=True):
    """A metric over all seeds.

    Attributes:
        values: one for each seed that has it, in the order of `seeds`.
        low, high: the interval that holds the true mean with 95 % confidence (Student's t); None with a single seed.
    """

    seeds: list[int]
    values: list[float]
    mean: float
    low: float | None = None
    high: float | None = None


class Point(Struct, kw_only=True):
    """One point of the grid of a sweep, or the only one.

    Attributes:
        swept: the values that make it.
        verdict: ``passed`` if every run has; else ``failed``.
        metrics: by name, see `metrics.py`.
    """

    swept: dict[str, Any]
    runs: list[Run]
    verdict: str
    metrics: dict[str, Estimate] = field(default_factory=dict)


class Result(Struct, kw_only=True):
    """Everything.

    Attributes:
        scenario: as it would be named on the command line, with its variant.
        expect: ``passes``, ``fails`` or ``any``.
        because: what is to stand in the name or the message of a check that fails, if that is expected.
        as_expected: whether that has come out, at every point.
        interrupted: it was stopped before all runs were made.
        wall_s: how long all runs took together, several of them at once.
    """

    version: int = VERSION
    scenario: str
    title: str
    backend: str
    expect: str
    because: str = ""
    as_expected: bool
    points: list[Point]
    interrupted: bool = False
    wall_s: float = 0.0

    def to_json(self) -> bytes:
        """One line."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, text: bytes | str) -> Result:
        """What `to_json` wrote.

        Raises:
            ValueError: it has not, or of another version.
        """
        try:
            version = msgspec.json.decode(text, type=_Versioned).version
            if version != VERSION:
                raise ValueError(f"it is of version {version}, and this simactors reads version {VERSION}")
            return msgspec.json.decode(text, type=cls)
        except msgspec.MsgspecError as error:
            raise ValueError(f"it is no result of `simactors run`: {error}") from None


class _Versioned(Struct):
    version: int


def read(path: str | Path) -> Result:
    """The result in a file, also where it is the last line of what a command has printed.

    Raises:
        ValueError: the file holds none; the message names it.
    """
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: can't be read: {error.strerror}") from None
    lines = text.strip().splitlines()
    try:
        return Result.from_json(lines[-1] if lines else b"")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None

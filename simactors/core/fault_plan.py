"""What goes wrong in a run: a `FaultPlan`, frozen data.

Who makes it happen is `sim/faults.py`, and on real processes `real_backend`.

Faults keep Ray's meaning: a connection that breaks shows as an error or a retry,
never as a message that silently does not come; nothing is noticed before it can be.

Processes are named by their actor's class (``Account``: all of that class), by the name that it was given, by the order
of its creation (``Account#2``: the second of its class), by the function of the task that runs there, or as traces call
them: ``worker-3``, ``driver``. Nodes are named as ``node-2``, or by their zone; calls as ``Account.add`` or, for tasks,
by function. ``*`` and ``?`` are wildcards in all of them; the driver and the head, where it runs, are spared by those.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simactors.core.numbers import check_numbers


def _check_time(fault: object, *names: str) -> None:
    check_numbers(fault)
    for name in names:
        value = getattr(fault, name)
        if value is not None and not value >= 0:
            raise ValueError(f"{type(fault).__name__} needs {name} >= 0, not {value}")


def _check_count(fault: object, *names: str) -> None:
    for name in names:
        value = getattr(fault, name)
        if value is not None and value < 1:
            raise ValueError(f"{type(fault).__name__} needs {name} >= 1, not {value}")


def _check_one(fault: object, *names: str) -> None:
    given = [name for name in names if getattr(fault, name) is not None]
    if len(given) != 1:
        raise ValueError(
            f"{type(fault).__name__} needs exactly one of {', '.join(names)}, not {given or 'none'}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashProcess:
    """An actor's or a worker's process ends without a word.

    Attributes:
        process: whose: an actor, a task by function, or ``worker-3``; not the driver's.
        at_s: at that time, in virtual seconds: all that `process` names; one that is not there then is spared.
        before_call: when the n-th call that fits `call` is about to start in a process that fits, counted from 1 over
            all of them. What is made again counts again; constructors don't.
        after_call: when the n-th such call has run, well or not, before its reply is sent.
        on_reply: when the answer to the n-th call that fits `call` arrives at its caller, a process that fits: before
            its code goes on.
        call: which calls count.
    """

    process: str = "*"
    at_s: float | None = None
    before_call: int | None = None
    after_call: int | None = None
    on_reply: int | None = None
    call: str = "*"

    def __post_init__(self) -> None:
        _check_one(self, "at_s", "before_call", "after_call", "on_reply")
        _check_time(self, "at_s")
        _check_count(self, "before_call", "after_call", "on_reply")


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashNode:
    """A machine stops at once, with all that runs and lies there.

    Attributes:
        node: which; not the head, where the driver runs.
        at_s: when, in virtual seconds.
        back_after_s: a new, empty node of the same kind joins so many seconds later; None: never.
    """

    node: str
    at_s: float
    back_after_s: float | None = None

    def __post_init__(self) -> None:
        _check_time(self, "at_s", "back_after_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Nothing runs in a process, or on a node, for a while: a stopped process, a long garbage collection.

    Attributes:
        process, node: where; one of them.
        at_s, for_s: when and how long, in virtual seconds.
    """

    at_s: float
    for_s: float
    process: str | None = None
    node: str | None = None

    def __post_init__(self) -> None:
        _check_one(self, "process", "node")
        _check_time(self, "at_s", "for_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowNode:
    """What a node works on takes longer for a while.

    Attributes:
        node: which.
        factor: how many times longer.
        at_s, for_s: when and how long, in virtual seconds; None: to the end.
    """

    node: str
    factor: float
    at_s: float = 0.0
    for_s: float | None = None

    def __post_init__(self) -> None:
        _check_time(self, "at_s", "for_s")
        if not self.factor > 0:
            raise ValueError(f"SlowNode needs factor > 0, not {self.factor}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Messages from one node to another do not get through for a while.

    They arrive after it has healed, as TCP sends again. The head asks every node now and then whether it is there: one
    that can't be asked, or can't answer, for longer than `SimConfig.detection_s` is declared dead. Its processes run on
    until they hear of it, and end then; new tasks and actors of theirs never start.

    Attributes:
        source, target: nodes or zones, wildcards allowed.
        both_ways: also from `target` to `source`.
        at_s, for_s: when and how long, in virtual seconds.
    """

    source: str
    target: str
    at_s: float
    for_s: float
    both_ways: bool = False

    def __post_init__(self) -> None:
        _check_time(self, "at_s", "for_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """The cluster falls into groups of nodes that do not hear of one another for a while.

    Attributes:
        groups: the names of the nodes (or zones) of each group; what is named nowhere is one more group.
        at_s, for_s: when and how long, in virtual seconds.
    """

    groups: tuple[tuple[str, ...], ...]
    at_s: float
    for_s: float

    def __post_init__(self) -> None:
        _check_time(self, "at_s", "for_s")
        object.__setattr__(
            self, "groups", tuple(map(tuple, self.groups))
        )  # as data, also if lists were given

    def group_of(self, matches: Callable[[str], bool]) -> int:
        """The number of the group that a node is in, which says what names it `matches`; -1: it is named in none."""
        return next((i for i, group in enumerate(self.groups) if any(map(matches, group))), -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailCall:
    """The connection breaks under a call.

    Attributes:
        call: which calls.
        lost: ``request``: it never arrives; ``reply``: it runs, but its answer is lost; ``late``: the caller gives up,
            and makes it again if it may, while the first one is still on its way and runs, too. What the caller sees
            is `ActorUnavailableError`, or for tasks `WorkerCrashedError`, or a retry if its options allow one.
        nth: only the n-th call that fits, from 1; what is made again does not count. None: each attempt, with
            `probability`.
        probability: from 0 to 1.
        at_s, for_s: only calls that are sent from that time on, in virtual seconds, and for so long; None: for ever.
    """

    call: str
    lost: str = "request"
    nth: int | None = None
    probability: float = 1.0
    at_s: float = 0.0
    for_s: float | None = None

    def __post_init__(self) -> None:
        if self.lost not in ("request", "reply", "late"):
            raise ValueError(f"FailCall needs lost='request', 'reply' or 'late', not {self.lost!r}")
        if not 0 <= self.probability <= 1:
            raise ValueError(f"FailCall needs 0 <= probability <= 1, not {self.probability}")
        _check_time(self, "at_s", "for_s")
        _check_count(self, "nth")


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayCall:
    """A call arrives later than it would; what its caller sends to the same actor afterwards waits behind it.

    Attributes:
        call: which calls.
        by_s: how much later, in virtual seconds.
        nth: only the n-th call that fits, from 1; what is made again does not count. None: each attempt, with
            `probability`.
        probability: from 0 to 1.
        at_s, for_s: only calls that are sent from that time on, in virtual seconds, and for so long; None: for ever.
    """

    call: str
    by_s: float
    nth: int | None = None
    probability: float = 1.0
    at_s: float = 0.0
    for_s: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"DelayCall needs 0 <= probability <= 1, not {self.probability}")
        _check_time(self, "by_s", "at_s", "for_s")
        _check_count(self, "nth")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseObject:
    """Every copy of an object's value is lost.

    Attributes:
        of: whose results (``train``, ``Account.read``), or ``put()``.
        nth: which of them, from 1, in the order in which they are stored.
    """

    of: str
    nth: int = 1

    def __post_init__(self) -> None:
        _check_count(self, "nth")


@dataclass(frozen=True, slots=True, kw_only=True)
class JumpClock:
    """A node's clock is set.

    Attributes:
        node: whose.
        by_s: how far forward, in seconds; negative: back. Only `time.time` and its kin show it, as in reality.
        at_s: when, in virtual seconds.
    """

    node: str
    by_s: float
    at_s: float = 0.0

    def __post_init__(self) -> None:
        _check_time(self, "at_s")


Fault = (
    CrashProcess
    | CrashNode
    | Pause
    | SlowNode
    | Cut
    | Partition
    | FailCall
    | DelayCall
    | LoseObject
    | JumpClock
)
"""Anything that can go wrong."""

KINDS: dict[str, type] = {
    "crash_process": CrashProcess,
    "crash_node": CrashNode,
    "pause": Pause,
    "slow_node": SlowNode,
    "cut": Cut,
    "partition": Partition,
    "fail_call": FailCall,
    "delay_call": DelayCall,
    "lose_object": LoseObject,
    "jump_clock": JumpClock,
}
"""What files call them."""


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """The faults of a run, in any order."""

    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        for fault in self.faults:
            if not isinstance(fault, Fault):
                raise TypeError(f"FaultPlan takes faults such as CrashNode(...), not {fault!r}")

    @property
    def calm_at_s(self) -> float:
        """When the last fault that strikes at a time has struck, and has healed if it ever does, in virtual seconds."""
        return max((_over_at_s(fault) for fault in self.faults), default=0.0)


def _over_at_s(fault: Fault) -> float:
    match fault:
        case CrashNode():
            return fault.at_s + (fault.back_after_s or 0.0)
        case Pause() | SlowNode() | Cut() | Partition() | FailCall() | DelayCall():
            return fault.at_s + (fault.for_s or 0.0)
        case CrashProcess() | JumpClock():
            return fault.at_s or 0.0
        case LoseObject():
            return 0.0

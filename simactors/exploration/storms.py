"""What goes wrong in the runs of a hunt: a random part of the kinds of faults that it may use, in a storm that ends.

Swarm testing: a run with all kinds of faults at once is a run in which each hides the others, so every run gets its own
few kinds and its own intensity. A run begins calm, mostly for a short time only, for what is rare in a run often comes
early. Nothing is timed to begin in the last tenth of the time that a run took without faults; cuts heal, pauses end,
connections hold again, machines come back, clocks are set right, and late messages arrive within their slack, so that
what must happen at last can be judged. Processes that crash are made good by nobody but the program.

Where and when faults strike is drawn from what earlier runs were like: which calls they made, how long they took. Not
what faults mean: that is `sim/faults.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from simactors.core import nearest
from simactors.core.choices import Draws, Offer, sub_seed
from simactors.core.fault_plan import (
    CrashNode,
    CrashProcess,
    Cut,
    FailCall,
    Fault,
    FaultPlan,
    JumpClock,
    Partition,
    Pause,
)
from simactors.sim.config import NS
from simactors.sim.planned import LATE_S

KINDS = ("delay", "crash", "node", "partition", "skew", "rpc")
"""Kinds of faults; ``none`` and ``all`` stand for no and every kind."""


NODE_KINDS = ("node", "partition", "skew")
"""Those that need more than one machine."""

_STEPS = 1_000  # the resolution of times and shares
LONGEST_SKEW_S = 10.0
"""How far a clock is set wrong at most."""

_CLOSE_S = 0.001
_JUST_S = 0.0001  # within the least time that a message takes
_EARLY = 6
_CALM_FROM = 0.9  # this share of the run on, nothing new goes wrong


def kinds_of(words: str) -> tuple[str, ...]:
    """What a list such as ``delay,crash``, or ``all``, or ``none``, stands for, in the order of `KINDS`.

    Raises:
        ValueError: there is no such kind; the message names the nearest.
    """
    asked = [word.strip() for word in words.split(",") if word.strip()]
    for word in asked:
        if word not in (*KINDS, "all", "none"):
            others = f"use some of {', '.join(KINDS)}, or all, or none"
            hint = nearest.question(word, [*KINDS, "all", "none"], others)
            raise ValueError(f"there is no kind of fault {word!r}; {hint}")
    if "none" in asked and len(asked) > 1:
        raise ValueError("'none' goes with no other kind")
    return tuple(kind for kind in KINDS if kind in asked or "all" in asked)


def fits(label: str, calls: Sequence[str] | None) -> bool:
    """Whether processes may crash, and connections break, around a call: ``Account.add``.

    Args:
        calls: labels, with wildcards; None: around any.
    """
    return calls is None or any(fnmatchcase(label, pattern) for pattern in calls)


def nodes_for(kinds: Sequence[str]) -> int:
    """How many machines there are if nobody says it."""
    return 3 if any(kind in NODE_KINDS for kind in kinds) else 1


def some_of(kinds: Sequence[str], nodes: int, drawn: Draws) -> list[str]:
    """The kinds of faults of one run: a random part of those that there may be on so many machines."""
    able = [kind for kind in kinds if nodes > 1 or kind not in ("node", "partition")]
    # `delay` is what orders are about anyway; only a pause now and then is left for it here.
    chosen = [kind for kind in able if not drawn.number(f"{kind}?", 4 if kind == "delay" else 2)]
    others = [kind for kind in able if kind != "delay"]
    if others and not set(others) & set(chosen) and drawn.number("calm", 4):
        chosen.append(others[drawn.number("kind", len(others))])
    return chosen


@dataclass(frozen=True, slots=True)
class Storms:
    """Draws fault plans.

    Attributes:
        kinds: which kinds there may be, of `KINDS`.
        most: how many of one run may be crashes, losses of nodes and cuts, each; None: one of each.
        nodes: how many machines there are.
        detection_s: see `SimConfig.detection_s`.
        calls: around which calls processes crash, and connections break, see `fits`.
    """

    kinds: tuple[str, ...]
    most: int | None = None
    nodes: int = 1
    detection_s: float = 5.0
    calls: tuple[str, ...] | None = None

    def draw(self, seed: int, shape: Shape | None) -> FaultPlan:
        """The faults of one run; none before anything is known of the program."""
        if shape is None or not shape.moments:
            return FaultPlan()
        drawn = Draws(sub_seed(seed, "storm"))
        storm = _Storm(drawn, shape, self)
        drawers: dict[str, Callable[[], Sequence[Fault]]] = {
            "delay": storm.pauses,
            "crash": storm.crashes,
            "node": storm.lost_nodes,
            "partition": storm.partitions,
            "skew": storm.skews,
            "rpc": storm.broken_calls,
        }
        chosen = some_of(self.kinds, self.nodes, drawn)
        return FaultPlan(tuple(fault for kind in chosen for fault in drawers[kind]()))


@dataclass(frozen=True, slots=True)
class Shape:
    """What a run was like.

    Attributes:
        calls: when each call came, by label, in virtual seconds.
        processes: the names of actors and tasks that were called, in the order in which they were first.
        moments: by method or task, when a call of it arrived, or its answer did, in virtual seconds, and at which
            process: most of a run's time is often spent waiting, and most of what can be hurt happens in the rest.
        length_s: how long it took.
    """

    calls: dict[str, list[float]]
    processes: tuple[str, ...]
    moments: dict[str, list[tuple[float, str]]]
    length_s: float

    @classmethod
    def of(cls, steps: Sequence[Offer], length_s: float) -> Shape:
        """That of a run."""
        calls: dict[str, list[float]] = {}
        processes: dict[str, None] = {}
        for step in steps:
            if step.kind == "call":
                calls.setdefault(step.what, []).append(step.taken_ns / NS)
                processes[step.target] = None
        moments: dict[str, list[tuple[float, str]]] = {}
        for step in steps:
            if step.target in processes and step.kind in ("call", "reply"):
                moments.setdefault(step.what, []).append((step.taken_ns / NS, step.target))
        return cls(calls, tuple(processes), moments, length_s)


class _Storm:
    """One run's faults, drawn kind by kind."""

    def __init__(self, drawn: Draws, shape: Shape, storms: Storms) -> None:
        self._drawn = drawn
        self._shape = shape
        self._storms = storms
        length_s = max(shape.length_s, _CLOSE_S)
        self._begin_s = self._share("begin") ** 5 * length_s / 2
        self._end_s = _CALM_FROM * length_s
        self._length_s = length_s
        moments = {method: self._stormy(times) for method, times in shape.moments.items()}
        self._moments = {method: times for method, times in moments.items() if times} or shape.moments
        self._labels = [label for label in shape.calls if fits(label, storms.calls)]

    def pauses(self) -> list[Fault]:
        """A process or two stand still for a while."""
        moments = [self._moment() for _ in range(1 + self._drawn.number("pauses", 2))]
        return [Pause(process=process, at_s=at_s, for_s=self._pause_s()) for at_s, process in moments]

    def crashes(self) -> list[Fault]:
        """Processes end: mostly around a call, for that is where it hurts."""
        found: list[Fault] = []
        for _ in range(self._count() if self._labels else 0):
            call, nth = self._call()
            time_s, process = self._moment(None if self._storms.calls is None else self._labels)
            ways = (
                lambda process=process, time_s=time_s: CrashProcess(process=process, at_s=time_s),
                lambda call=call, nth=nth: CrashProcess(call=call, before_call=nth),
                lambda call=call, nth=nth: CrashProcess(call=call, after_call=nth),
                lambda call=call, nth=nth: CrashProcess(call=call, on_reply=nth),
            )
            found.append(ways[self._drawn.number("crash", len(ways))]())
        return found

    def lost_nodes(self) -> list[Fault]:
        """Machines stop, and others take their place."""
        return [
            CrashNode(node=self._node(), at_s=self._time_s(), back_after_s=self._outage_s())
            for _ in range(self._count())
        ]

    def partitions(self) -> list[Fault]:
        """Machines do not hear of one another for a while, shorter or longer than it takes to be declared dead."""
        found: list[Fault] = []
        for _ in range(self._count()):
            at_s, for_s = self._time_s(), self._outage_s()
            shape = self._drawn.number("cut", 3)
            if shape == 0:
                found.append(Partition(groups=((self._node(),),), at_s=at_s, for_s=for_s))
            else:
                source, target = self._two_nodes()
                found.append(Cut(source=source, target=target, at_s=at_s, for_s=for_s, both_ways=shape == 1))
        return found

    def skews(self) -> list[Fault]:
        """A clock is set wrong, forward or back, and right again."""
        by_s = self._length_s * 4 * self._share("skew") if self._drawn.number("small", 2) else LONGEST_SKEW_S
        sign = 1 if self._drawn.number("forward", 2) else -1
        node, at_s = self._any_node(), self._time_s()
        wrong = JumpClock(node=node, by_s=sign * by_s, at_s=at_s)
        for_s = self._length_s if self._drawn.number("long skew", 2) else self._duration_s()
        return [wrong, replace(wrong, by_s=-wrong.by_s, at_s=round(at_s + for_s, 6))]

    def broken_calls(self) -> list[Fault]:
        """Connections break under calls."""
        lost = ("request", "reply", "late")
        found: list[Fault] = []
        for _ in range(1 + self._drawn.number("broken", 2) if self._labels else 0):
            call, nth = self._call()
            how = lost[self._drawn.number("lost", len(lost))]
            if self._drawn.number("once", 4):
                found.append(FailCall(call=call, lost=how, nth=nth))
            else:
                often = 0.05 + 0.25 * self._share("often")
                at_s = round(self._begin_s, 6)
                for_s = round(self._end_s - at_s, 6)
                found.append(FailCall(call=call, lost=how, probability=often, at_s=at_s, for_s=for_s))
        return found

    def _count(self) -> int:
        most = self._storms.most
        return 1 if most is None else (1 + self._drawn.number("count", most) if most else 0)

    def _call(self) -> tuple[str, int]:
        """Some call, and which one of its kind: rather an early one, for there are many runs in which they are few.

        None that came in the calm before the storm.
        """
        calls = {label: self._shape.calls[label] for label in self._labels}
        calm = {label: sum(t < self._begin_s for t in times) for label, times in calls.items()}
        labels = [label for label, times in calls.items() if len(times) > calm[label]]
        if not labels:
            labels, calm = list(calls), dict.fromkeys(calls, 0)
        label = labels[self._drawn.number("call", len(labels))]
        most = len(self._shape.calls[label]) - calm[label]
        if self._drawn.number("early", 2):
            most = min(most, _EARLY)
        return label, 1 + calm[label] + self._drawn.number("nth", most)

    def _stormy(self, times: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
        return [(time_s, name) for time_s, name in times if self._begin_s <= time_s <= self._end_s]

    def _moment(self, labels: Sequence[str] | None = None) -> tuple[float, str]:
        """A time and a process: mostly just after something happened to that process.

        Args:
            labels: of the calls that it is about; None: any.
        """
        methods = list(self._moments.values())
        if labels is not None:
            methods = [self._moments[label] for label in labels if label in self._moments]
            methods = methods or [self._shape.moments[label] for label in labels]
        moments = methods[self._drawn.number("method", len(methods))]
        # Rather an early one: what comes often in a run comes in another one, too, and what is rare is at stake.
        most = len(moments) if self._drawn.number("any", 2) else min(len(moments), _EARLY)
        time_s, name = moments[self._drawn.number("moment", most)]
        if self._drawn.number("then", 4):
            return self._just_after(time_s), self._named(name)
        return self._time_s(), self._named(name)

    def _named(self, name: str) -> str:
        """What fault plans call a process; they know tasks by their function only."""
        return name if "#" not in name or name in self._actors() else name.partition("#")[0]

    def _actors(self) -> Sequence[str]:
        tasks = {label for label in self._shape.calls if "." not in label}
        return [name for name in self._shape.processes if name.partition("#")[0] not in tasks]

    def _node(self) -> str:
        """Any but the head, where the driver runs."""
        return f"node-{2 + self._drawn.number('node', self._storms.nodes - 1)}"

    def _any_node(self) -> str:
        return f"node-{1 + self._drawn.number('node', self._storms.nodes)}"

    def _two_nodes(self) -> tuple[str, str]:
        first = self._drawn.number("source", self._storms.nodes)
        second = (first + 1 + self._drawn.number("target", self._storms.nodes - 1)) % self._storms.nodes
        return f"node-{first + 1}", f"node-{second + 1}"

    def _time_s(self) -> float:
        """When: within the storm, which leaves the end of the run alone; mostly just after something happened."""
        if self._drawn.number("just after", 2):
            every = [time_s for moments in self._moments.values() for time_s, _ in moments]
            time_s = every[self._drawn.number("after", len(every))]
            return self._just_after(time_s)
        return round(self._begin_s + self._share("time") * (self._end_s - self._begin_s), 6)

    def _pause_s(self) -> float:
        """Often longer than a small program takes: who looks at the clock must see that it may."""
        if self._drawn.number("long pause", 2):
            return round(LATE_S * self._share("pause") + _CLOSE_S, 6)
        return self._duration_s()

    def _just_after(self, time_s: float) -> float:
        return round(min(time_s + _JUST_S * self._share("just"), self._end_s), 7)

    def _outage_s(self) -> float:
        """Shorter or longer than it takes to be declared dead."""
        if self._drawn.number("long", 3) == 0:
            return round(self._storms.detection_s * (0.5 + self._share("outage")), 6)
        return self._duration_s()

    def _duration_s(self) -> float:
        """How long: from a message's time to the whole run's."""
        return round(_CLOSE_S + self._length_s * self._share("duration") ** 2, 6)

    def _share(self, label: str) -> float:
        return self._drawn.number(label, _STEPS) / _STEPS

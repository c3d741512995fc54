"""A whole run's plan as plain data: `Plan`, and the choices that follow it.

For who owns a run's order together with data of its own, as Hypothesis does. A script of names, as a hunt writes it,
says the same of a run that was made; a plan can be drawn before anything is known of the program.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from simactors.core.choices import NEXT, Choices, DullChoices, Offer, SeededChoices
from simactors.core.fault_plan import Fault, FaultPlan
from simactors.sim.config import NodeConfig, SimConfig, Slack
from simactors.sim.offer import CLUSTER
from simactors.sim.phrases import phrase

LATE_S = 1.0
"""How late messages may arrive, and sleeping code go on, unless a plan says otherwise."""


@dataclass(frozen=True, slots=True, repr=False)
class Plan:
    """The order of a run, what goes wrong in it, and how large its cluster is. Its repr is Python that makes it.

    Without arguments it is the plainest run: everything happens in the order in which it is due, nothing goes wrong.

    Attributes:
        deviations: where the order is another one: pairs of a gap and a pick. After `gap` choices of what the
            processes do next, counted from the last deviation or the start, not the first option is taken but the one
            with the number `pick`, or the last one; what was passed over comes after all that was not. Those that the
            run never comes to count for nothing.
        faults: what goes wrong.
        seed: what all chance but the order is drawn from: random numbers, costs of work and latencies that have a
            distribution, losses, where threads are interrupted; 0: every answer is the dullest.
        nodes: how many machines there are, if no `SimConfig` says it.
        late_s: how late a message may arrive, and sleeping code go on, in seconds; 0: as late as `SimConfig.latency`
            has it.

    Raises:
        ValueError: a number is out of range.

    Examples:
        >>> Plan(deviations=((3, 1),))
        Plan(deviations=((3, 1),))
    """

    deviations: tuple[tuple[int, int], ...] = ()
    faults: tuple[Fault, ...] = ()
    seed: int = 0
    nodes: int = 1
    late_s: float = LATE_S

    def __post_init__(self) -> None:
        object.__setattr__(self, "deviations", tuple((gap, pick) for gap, pick in self.deviations))
        if any(gap < 0 or pick < 1 for gap, pick in self.deviations):
            raise ValueError(f"a deviation is a gap >= 0 and a pick >= 1, not as in {self.deviations!r}")
        if self.nodes < 1:
            raise ValueError(f"nodes must be at least 1, not {self.nodes}")
        if self.seed < 0 or not 0 <= self.late_s < math.inf:
            raise ValueError(f"seed and late_s must be at least 0, not {self.seed} and {self.late_s}")
        FaultPlan(self.faults)

    def __repr__(self) -> str:
        return _shown(self)

    def config(self, config: SimConfig | None) -> SimConfig:
        """The cluster that it runs on.

        Args:
            config: what is known of it; None: nothing, then threads may be preempted.

        Raises:
            ValueError: both say which nodes there are.
        """
        config = config or SimConfig(preemption="stores")
        if self.nodes > 1:
            if config.nodes:
                raise ValueError(
                    "the config says which nodes there are: leave them out of the plan, plans(nodes=1)"
                )
            config = replace(config, nodes=(NodeConfig(count=self.nodes, num_cpus=config.num_cpus),))
        slack = Slack(messages_s=self.late_s, sleeps_s=self.late_s) if self.late_s else Slack()
        return replace(config, slack=config.slack or slack)


def _shown(part: Any) -> str:
    """A dataclass with what is not as it is by default."""
    told = [
        f"{knob.name}={_value(getattr(part, knob.name))}"
        for knob in fields(part)
        if getattr(part, knob.name) != knob.default
    ]
    return f"{type(part).__name__}({', '.join(told)})"


def _value(value: Any) -> str:
    if isinstance(value, tuple) and value and isinstance(value[0], Fault):
        return f"({', '.join(map(_shown, value))},)"
    return repr(value)


class PlannedChoices:
    """Choices that follow a plan; it may also be told later, and holds from then on.

    Attributes:
        passed: which step was passed over for which other one, so far.
    """

    def __init__(self, plan: Plan | None = None) -> None:
        self._others: Choices = DullChoices()
        self._picks: dict[int, int] = {}
        self._made = 0
        self.passed: list[tuple[Offer, Offer]] = []
        if plan is not None:
            self.follow(plan)

    def follow(self, plan: Plan) -> None:
        """Follow a plan from now on; its deviations count from the start of the run all the same."""
        position = -1
        for gap, pick in plan.deviations:
            position += gap + 1
            self._picks[position] = pick
        if plan.seed:
            self._others = SeededChoices(plan.seed)

    @property
    def story(self) -> str:
        """What of the order was not the plainest, so far; empty if all was."""
        lines = [f"  - {phrase(waited)} comes after {phrase(taken)}" for waited, taken in self.passed]
        return "\n".join(["In this run:", *lines]) if lines else ""

    def number(self, label: str, bound: int) -> int:
        """See `Choices.number`."""
        return self._others.number(label, bound)

    def sampler(self, label: str, bound: int) -> Callable[[], int]:
        """See `Choices.sampler`."""
        return lambda: self._others.number(label, bound)

    def pick(self, label: str, options: Sequence[Any]) -> int:
        """See `Choices.pick`."""
        if label != NEXT:
            return self._others.pick(label, options)
        if len(options) < 2 or _is_the_clusters(options[0]):
            return 0
        wanted = self._picks.get(self._made, 0)
        self._made += 1
        if not wanted:
            return 0
        able = [index for index, offer in enumerate(options) if not _is_the_clusters(offer)]
        pick = able[min(wanted, len(able) - 1)]
        if pick:
            self.passed.append((options[0], options[pick]))
        return pick


def _is_the_clusters(offer: Offer) -> bool:
    """Whether no process does it: no program is meant to notice in what order the cluster does what is its own."""
    return offer.source == CLUSTER

"""What the simulator can make of a program: which of some outcomes it reaches, with how much effort.

Each stage of the search stops as soon as all that was looked for has been seen. First come a few runs in all kinds of
orders; then, for each outcome that is missing, a search that goes toward it; then every order, one after the other,
which comes to an end for small programs; at last more in all kinds of orders, and toward what is still missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from simactors.conformance.programs.play import Outcome, Play
from simactors.conformance.programs.steered import Steered
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Campaign, Quest
from simactors.exploration.strategies import PORTFOLIO, SYSTEMATIC
from simactors.exploration.strategies.strategy import Strategy
from simactors.exploration.target import Program, Target
from simactors.sim.config import SimConfig
from simactors.sim.distributions import Uniform

MAX_STEPS = 20_000
"""Of one run: programs that go round and round stop there."""

_SLOW = SimConfig(
    hesitation_s=0.01,
    process_start=Uniform(0, 0.1),
    process_restart=Uniform(0, 1),
    service_times={"*": Uniform(0, 0.01)},
)
"""Code takes time, also between two calls, and so does starting an actor's process again, as they do really."""

_GAPS = replace(_SLOW, cancel_gap_s=30.0)
"""The same with a flaw of Ray's."""


class Stage(NamedTuple):
    """A part of the search.

    Attributes:
        strategy: see `strategies.STRATEGIES`; or STEERED.
        share: of the runs of the whole budget, beside those of the other stages.
        config: of the cluster.
    """

    strategy: str
    share: float
    config: SimConfig


STEERED = "steered"
"""A search for each outcome that is missing; see `Steered`. They share the runs of the stage."""

LOCAL_STAGES = (
    Stage(PORTFOLIO, 0.02, SimConfig()),
    Stage(PORTFOLIO, 0.08, _SLOW),
    Stage(STEERED, 0.15, SimConfig()),
    Stage(STEERED, 0.15, _SLOW),
    Stage(SYSTEMATIC, 0.2, SimConfig()),
    Stage(PORTFOLIO, 0.1, _SLOW),
    Stage(STEERED, 0.15, SimConfig()),
    Stage(STEERED, 0.15, _SLOW),
)

STAGES = {
    "local": LOCAL_STAGES,
    "ray": (
        *LOCAL_STAGES[:2],
        Stage(PORTFOLIO, 0.05, _GAPS),
        Stage(STEERED, 0.15, _GAPS),
        *LOCAL_STAGES[2:],
        Stage(STEERED, 0.15, _GAPS),
    ),
}
"""By the backend whose outcomes are looked for."""


@dataclass
class Search:
    """How a search has ended.

    Attributes:
        found: every outcome that was seen, and how often.
        runs: how many were made.
        missing: what was not reached.
        proof: what the search of every order says, if it came to its end.
    """

    found: Counter[Outcome] = field(default_factory=Counter)
    runs: int = 0
    missing: set[Outcome] = field(default_factory=set)
    proof: str = ""


def search(
    play: Play, wanted: Collection[Outcome], most_runs: int, stages: Sequence[Stage] = LOCAL_STAGES
) -> Search:
    """Look for outcomes.

    Args:
        wanted: those that are to be reached.
        most_runs: of all stages together.
    """
    searching = _Searching(play, wanted)
    shares = sum(stage.share for stage in stages)
    for stage in stages:
        most = max(1, round(stage.share / shares * most_runs))
        if stage.strategy == STEERED:
            searching.steer(stage, most)
        else:
            searching.make_runs(stage, most)
    return searching.result


class _Searching:
    """A search under way."""

    def __init__(self, play: Play, wanted: Collection[Outcome]) -> None:
        self.result = Search(missing=set(wanted))
        self._play = play

    def steer(self, stage: Stage, most: int) -> None:
        """Make the runs of a stage that goes toward what is missing, one outcome after the other."""
        missing = sorted(self.result.missing)
        for outcome in missing:
            if outcome in self.result.missing:  # it may have come out on the way to another one
                steered = Steered(outcome, lambda: self._play.seen)
                self.make_runs(stage, max(1, most // len(missing)), steered, outcome)

    def make_runs(
        self, stage: Stage, most: int, strategy: Strategy | None = None, goal: Outcome | None = None
    ) -> None:
        """Make the runs of one stage.

        Args:
            goal: they end when this has come out; None: when all has.

        Raises:
            KeyboardInterrupt: somebody ended it.
        """
        result = self.result
        program = Program(
            Target.of(self._main), max_steps=MAX_STEPS, preemption="stores", cluster=stage.config
        )
        quest = Quest(
            first_seed=result.runs,
            strategy=PORTFOLIO if strategy is not None else stage.strategy,
            audit_every=None,
            keep_going=True,
        )
        budget = Budget(
            most, is_enough=lambda: not (result.missing if goal is None else goal in result.missing)
        )
        tally = Campaign(program, quest, strategy=strategy).run(budget)
        if tally.interrupted:
            raise KeyboardInterrupt
        result.runs += tally.runs
        if stage.strategy == SYSTEMATIC and tally.is_done:
            result.proof = tally.verdict

    def _main(self) -> None:
        self._play.tell(self._tell)

    def _tell(self, outcome: Outcome) -> None:
        self.result.found[outcome] += 1
        self.result.missing.discard(outcome)

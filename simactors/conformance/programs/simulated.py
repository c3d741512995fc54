"""What the simulator can make of a program: which of some outcomes it reaches, with how much effort.

Each stage of the search stops as soon as all that was looked for has been seen. First come a few runs in all kinds of
orders; then every order, one after the other, which comes to an end for small programs; then more in all kinds of
orders; at last, for each outcome that is still missing, a search that goes toward it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from simactors.conformance.programs.play import Outcome, Play
from simactors.conformance.programs.toward import Toward
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Campaign, Quest
from simactors.exploration.strategies import PORTFOLIO, SYSTEMATIC
from simactors.exploration.strategies.strategy import Strategy
from simactors.exploration.target import Program, Target
from simactors.sim.config import SimConfig
from simactors.sim.distributions import Uniform

MAX_STEPS = 20_000
"""Of one run: programs that go round and round stop there."""

_SLOW = SimConfig(hesitation_s=0.01, process_restart=Uniform(0, 1), service_times={"*": Uniform(0, 0.01)})
"""Code takes time, also between two calls, and so does starting an actor's process again, as they do really."""


class Stage(NamedTuple):
    """A part of the search.

    Attributes:
        strategy: see `strategies.STRATEGIES`.
        share: of the runs of the whole budget.
        config: of the cluster.
    """

    strategy: str
    share: float
    config: SimConfig


STAGES = (
    Stage(PORTFOLIO, 0.02, SimConfig()),
    Stage(PORTFOLIO, 0.08, _SLOW),
    Stage(SYSTEMATIC, 0.2, SimConfig()),
    Stage(PORTFOLIO, 0.2, _SLOW),
)
_TOWARD_SHARE = 0.5
"""What is left of the budget, for all that is missing then."""


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


def search(play: Play, wanted: Collection[Outcome], most_runs: int) -> Search:
    """Look for outcomes.

    Args:
        wanted: those that are to be reached.
        most_runs: of all stages together.
    """
    searching = _Searching(play, wanted)
    for stage in STAGES:
        searching.make_runs(stage, max(1, round(stage.share * most_runs)))
    result = searching.result
    for number, outcome in enumerate(missing := sorted(result.missing)):
        # In turn in the world of orders only, and in the one in which everything may be slow.
        for config in (_SLOW, SimConfig()):
            share = _TOWARD_SHARE / 2 / len(missing)
            stage = Stage(f"toward {number}", share, config)
            toward = Toward(outcome, searching.latest)
            if outcome in result.missing:
                searching.make_runs(stage, max(1, round(share * most_runs)), toward)
    return result


class _Searching:
    """A search under way."""

    def __init__(self, play: Play, wanted: Collection[Outcome]) -> None:
        self.result = Search(missing=set(wanted))
        self._play = play
        self._latest: Outcome = "[]"

    def latest(self) -> Outcome:
        """What the last run came to; nothing if it never came so far."""
        return self._latest

    def make_runs(self, stage: Stage, most: int, strategy: Strategy | None = None) -> None:
        """Make the runs of one stage.

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
        budget = Budget(most, is_enough=lambda: not result.missing)
        tally = Campaign(program, quest, strategy=strategy).run(budget)
        if tally.interrupted:
            raise KeyboardInterrupt
        result.runs += tally.runs
        if stage.strategy == SYSTEMATIC and tally.is_done:
            result.proof = tally.verdict

    def _main(self) -> None:
        self._latest = "[]"
        self._play.tell(self._tell)

    def _tell(self, outcome: Outcome) -> None:
        self._latest = outcome
        self.result.found[outcome] += 1
        self.result.missing.discard(outcome)

"""What the simulator can make of a program: which of some outcomes it reaches, with how much effort.

Each stage of the search stops as soon as all that was looked for has been seen. First come a few runs in all kinds of
orders; then every order, one after the other, which comes to an end for small programs; then many more in all kinds of
orders, which follow no clock and interrupt threads anywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from simactors.conformance.programs.play import Outcome, Play
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Campaign, Quest
from simactors.exploration.strategies import PORTFOLIO, SYSTEMATIC
from simactors.exploration.target import Program, Target
from simactors.sim.config import SimConfig
from simactors.sim.distributions import Uniform

MAX_STEPS = 20_000
"""Of one run: programs that go round and round stop there."""


class Stage(NamedTuple):
    """A part of the search.

    Attributes:
        share: of the runs of the whole budget.
        is_slow: code may stand still between two calls, and it takes time to start an actor's process again. Without
            that there are far fewer orders.
    """

    strategy: str
    share: float
    is_slow: bool = True


_SLOW = SimConfig(hesitation_s=0.01, process_restart=Uniform(0, 1))

STAGES = (
    Stage(PORTFOLIO, 0.02, is_slow=False),
    Stage(PORTFOLIO, 0.08),
    Stage(SYSTEMATIC, 0.2, is_slow=False),
    Stage(PORTFOLIO, 0.4),
    Stage("sampled", 0.05),
    Stage("random", 0.15),
    Stage("delays", 0.1),
)


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
    result = Search(missing=set(wanted))

    def tell(outcome: Outcome) -> None:
        result.found[outcome] += 1
        result.missing.discard(outcome)

    def main() -> None:
        play.tell(tell)

    for number, stage in enumerate(STAGES):
        if not result.missing:
            break
        program = Program(
            Target.of(main),
            max_steps=MAX_STEPS,
            preemption="stores",
            cluster=_SLOW if stage.is_slow else None,
        )
        quest = Quest(
            first_seed=number * most_runs, strategy=stage.strategy, audit_every=None, keep_going=True
        )
        budget = Budget(max(1, round(stage.share * most_runs)), is_enough=lambda: not result.missing)
        tally = Campaign(program, quest).run(budget)
        if tally.interrupted:
            raise KeyboardInterrupt
        result.runs += tally.runs
        if stage.strategy == SYSTEMATIC and tally.is_done:
            result.proof = tally.verdict
    return result

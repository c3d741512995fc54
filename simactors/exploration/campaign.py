"""The runs of a hunt that one process makes: each with another order and other faults, until the budget is spent.

Not several processes (`crew.py`), not what is done with a failure (`shrinking.py`), and no display: whoever calls may
watch.
"""

from __future__ import annotations

import gc
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from simactors.core.fault_plan import FaultPlan
from simactors.core.sightings import Sightings
from simactors.exploration import determinism, missed
from simactors.exploration.budget import Budget
from simactors.exploration.capturing import captured
from simactors.exploration.covered import NOTHING, Covered, Share
from simactors.exploration.drawn_faults import plan
from simactors.exploration.findings import Finding, Group
from simactors.exploration.recipe import Recipe
from simactors.exploration.runner import RunResult, run_simulated
from simactors.exploration.script import Recorder
from simactors.exploration.storms import Shape, Storms, nodes_for
from simactors.exploration.strategies import PORTFOLIO, STRATEGIES, SYSTEMATIC
from simactors.exploration.strategies.novelty import Novelty
from simactors.exploration.strategies.portfolio import Portfolio
from simactors.exploration.strategies.strategy import Path, Strategy
from simactors.exploration.strategies.systematic import Systematic
from simactors.exploration.target import Program
from simactors.exploration.witness import Testimony, Witness
from simactors.exploration.world import world_of
from simactors.sim.config import Slack
from simactors.sim.intercept import interrupts, patches
from simactors.sim.planned import LATE_S

AUDITED = 20
"""One run in so many is made twice, to see whether it repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quest:
    """What a hunt is to try.

    Attributes:
        first_seed: of the first run; the k-th has that plus k - 1.
        strategy: one of `strategies.STRATEGIES`.
        faults: kinds of faults, see `storms.KINDS`.
        max_faults: see `Storms.most`.
        fault_calls: see `Storms.calls`.
        nodes: how many machines; None: one, or three if the kinds of faults need several.
        audit_every: one run in so many is made twice and fails if it does not repeat; None for none. If it is 1, the
            first run is made in fresh processes, too.
        keep_going: go on after the first failure.
    """

    first_seed: int = 0
    strategy: str = "portfolio"
    faults: tuple[str, ...] = ("delay",)
    max_faults: int | None = None
    fault_calls: tuple[str, ...] | None = None
    nodes: int | None = None
    audit_every: int | None = AUDITED
    keep_going: bool = False

    def check(self, jobs: int | None, *, is_here: bool = True) -> None:
        """Refuse what makes no sense together.

        Raises:
            ValueError: the message is for the user.
        """
        if self.strategy == SYSTEMATIC and (not is_here or (jobs or 1) > 1):
            raise ValueError(
                "the systematic strategy tries one order after the other, in one process on this machine"
            )
        if self.fault_calls is None:
            return
        if not self.fault_calls:
            raise ValueError(
                "around which calls is something to go wrong? Name one, as Account.add or Account.*"
            )
        if not {"crash", "rpc"} & set(self.faults):
            raise ValueError(
                "faults around some calls only are those of kind crash or rpc: ask for one of them, too"
            )

    def new_strategy(self, given: int = 0) -> Strategy:
        """The strategy, before the first run.

        Args:
            given: how many faults happen in every run anyway.
        """
        kinds = tuple(kind for kind in self.faults if kind != "delay")  # every delay is tried anyway
        if self.strategy == PORTFOLIO:
            return Portfolio(is_stormy=bool(kinds or given))
        if self.strategy != SYSTEMATIC:
            return STRATEGIES[self.strategy]()
        most = self.max_faults if self.max_faults is not None else int(bool(kinds))
        return Systematic(max_faults=most if kinds else 0, kinds=kinds, given=given, calls=self.fault_calls)

    def world_for(self, program: Program) -> Program:
        """`program` in the world of this hunt."""
        if self.strategy == "sampled":
            return program
        if self.strategy == SYSTEMATIC:
            return replace(program, nodes=self.nodes, is_timeless=True)
        nodes = self.nodes
        if nodes is None and program.cluster is None and nodes_for(self.faults) > 1:
            nodes = nodes_for(self.faults)
        slack = Slack(messages_s=LATE_S, sleeps_s=LATE_S) if "delay" in self.faults else Slack()
        return replace(program, nodes=nodes, slack=slack)


@dataclass(slots=True)
class Tally:
    """How a hunt stands.

    Attributes:
        runs: how many were made.
        shares: which of them.
        orders: how often a call was seen to run at an actor right after another one, each pair counted once.
        findings: one for each group.
        last: the last run; None if none ended.
        verdict: what the search has proved; empty if it is none that proves anything.
        is_done: there is nothing left to try.
        interrupted: Ctrl-C ended it before its time.
        losses: which processes of several ended before their time, and how.
        sightings: which properties (`checkers.properties`) all runs together have met.
        struck: which of the program's own faults befell something in any run; see `missed.numbers`.
        calls: the labels of the calls that were seen, if the quest's faults are about some of them only.
    """

    runs: int = 0
    shares: tuple[Share, ...] = ()
    orders: int = 0
    findings: dict[Group, Finding] = field(default_factory=dict)
    last: RunResult | None = None
    verdict: str = ""
    is_done: bool = False
    interrupted: bool = False
    losses: tuple[str, ...] = ()
    sightings: Sightings = field(default_factory=Sightings)
    struck: set[int] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, parts: Iterable[Tally]) -> Tally:
        """Of a hunt whose parts stand so."""
        total = cls()
        for part in parts:
            total.include(part)
        return total

    def include(self, other: Tally) -> None:
        """Take in how another part of the same hunt stands."""
        self.runs += other.runs
        self.shares += other.shares
        self.losses += other.losses
        self.verdict = other.verdict or self.verdict
        self.orders = max(self.orders, other.orders)  # they have mostly seen the same
        self.last = other.last or self.last
        self.sightings.add(other.sightings)
        self.struck |= other.struck
        self.calls |= other.calls
        for finding in other.findings.values():
            self.add(finding)

    def add(self, finding: Finding) -> None:
        """One more failure."""
        known = self.findings.get(finding.group)
        if known is None:
            self.findings[finding.group] = finding
        else:
            self.findings[finding.group] = replace(known, others=known.others + 1 + finding.others)


_ALL = Share()

_RUNS_TO_MIDDLE = 20
_RUNS_TO_OLD = 1000


@contextmanager
def _collected_after(runs: int) -> Iterator[None]:
    """Collect what a run leaves when nobody holds it any more.

    As soon as a simulation has closed, Python would, too: then most of it is still held, grows old, and is gone through
    once more among what is older. That is gone through now and then.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.collect(2 if runs % _RUNS_TO_OLD == 0 else 1 if runs % _RUNS_TO_MIDDLE == 0 else 0)
        gc.enable()


class Campaign:
    """Makes one run after the other.

    Args:
        share: which runs this process makes.
        covered: runs that were made before.
        strategy: instead of the one that the quest names.
    """

    def __init__(
        self,
        program: Program,
        quest: Quest,
        share: Share = _ALL,
        covered: Covered = NOTHING,
        strategy: Strategy | None = None,
    ) -> None:
        self._program = quest.world_for(program)
        self._quest = quest
        self._share = share
        self._numbers = covered.missing(share)
        self._world = world_of(self._program)
        self._strategy = strategy or quest.new_strategy(len(self._world.faults.faults))
        config = self._world.config
        self._storms = Storms(
            quest.faults, quest.max_faults, len(config.machines), config.detection_s, quest.fault_calls
        )
        self._shape: Shape | None = None
        self._novelty = Novelty()
        # One stream for all runs: what the program keeps from run to run (a logging handler) still writes here.
        self._output = io.StringIO()
        self.tally = Tally()

    @staticmethod
    def order(program: Program, quest: Quest, share: Share, covered: Covered) -> dict[str, Any]:
        """What another process needs to know to make the runs of a share, as JSON can hold it."""
        return {
            "recipe": Recipe(program=program).to_fields(),
            "quest": asdict(quest),
            "share": list(share),
            "covered": covered.to_fields(),
        }

    @classmethod
    def ordered(cls, order: Mapping[str, Any]) -> Campaign:
        """What `order` has told.

        Raises:
            TargetError: the program isn't there.
        """
        quest: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in order["quest"].items()
        }
        covered = Covered.from_fields(order["covered"])
        return cls(
            Recipe.from_fields(order["recipe"]).program, Quest(**quest), Share(*order["share"]), covered
        )

    def run(self, budget: Budget, watch: Callable[[Tally], None] = lambda _: None) -> Tally:
        """Make runs until the budget is spent, there is nothing left to try, or one has failed.

        Args:
            watch: told before each run.

        Raises:
            TargetError: the program can't be loaded.
        """
        # Ctrl-C comes in simulated code or at the end, or else it could keep stdout from being restored. A run that it
        # ended is not counted and made again.
        try:
            with interrupts.held(), patches.kept():
                self._run(budget, watch)
        except KeyboardInterrupt:
            self.tally.interrupted = True
        return self.tally

    def _run(self, budget: Budget, watch: Callable[[Tally], None]) -> None:
        tally = self.tally
        while not budget.is_spent and not tally.is_done:
            watch(tally)
            self._make(next(self._numbers))
            budget.spend()
            tally.runs += 1
            tally.shares = (self._share._replace(runs=tally.runs),)
            if tally.findings and not self._quest.keep_going:
                break
        watch(tally)

    def _make(self, number: int) -> None:
        seed = self._quest.first_seed + number - 1
        attempt = self._strategy.begin(seed)
        faults = self._storms.draw(seed, self._shape) if attempt.faults is None else attempt.faults
        recorder = Recorder(attempt.choices)
        every = self._quest.audit_every
        is_audited = every is not None and number % every == 0
        witness = Witness() if is_audited else None
        world = self._world.also(plan(self._program.drawn, seed)).also(faults)
        with captured(self._output), _collected_after(self.tally.runs + 1):
            result = run_simulated(self._program, seed, witness, world=world, choices=recorder)
            if is_audited or result.failed:
                # A seed says the same as all that is drawn from it, if nothing else answers.
                script = None if self._quest.strategy == "sampled" else recorder.script
                recipe = Recipe(
                    program=self._program, seed=seed, faults=faults, script=script
                ).with_all_faults
            if witness is not None:
                testimony = Testimony.of(result.ending, result.digest, witness.sightings)
                fresh = number == every == 1
                with interrupts.heard():  # fresh processes take seconds
                    result = determinism.compared(recipe, result, testimony, in_fresh_processes=fresh)
        self._learn(result, faults)
        if result.failed:
            output = self._output.getvalue()
            self.tally.add(Finding(run=number, recipe=recipe, result=replace(result, path=()), output=output))

    def _learn(self, result: RunResult, faults: FaultPlan) -> None:
        path = Path(result.path, faults, result.failed)
        self._strategy.learn(path)
        if self._shape is None or not (faults.faults or result.failed):
            self._shape = Shape.of(result.path, result.virtual_time_s or 0.0)
        self.tally.last = replace(result, path=())  # which holds a whole run
        self.tally.sightings.add(result.sightings)
        if len(self.tally.struck) < len(missed.planned(self._program)):
            self.tally.struck |= missed.numbers(self._program, result.struck)
        if self._quest.fault_calls is not None:
            self.tally.calls.update(step.what for step in result.path if step.kind == "call")
        self._novelty.look_at(path)
        self.tally.orders = self._novelty.seen
        self.tally.is_done, self.tally.verdict = self._strategy.is_done, self._strategy.verdict

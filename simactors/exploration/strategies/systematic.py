"""Every order, one after the other: either one of them fails, or none does.

Time is abstract (see `timeless`): a message may come later than any timer. Orders in which only independent steps
change places are tried once (`tree.py`). With faults, the program is tried under one plan after the other: first
without any, then with a crash before or after each call that was seen, then with two.

Not a search for bugs in large programs: those of `portfolio.py` find them sooner.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from glob import escape

from simactors.core.fault_plan import CrashProcess, Fault, FaultPlan
from simactors.exploration.storms import fits
from simactors.exploration.strategies.strategy import Attempt, Path
from simactors.exploration.tree import MOST_ANSWERS, MOST_EVENTS, Tree
from simactors.sim.config import Latency, SimConfig, Slack

CRASH = "crash"
"""The kind of faults that is tried."""

_LONGER_THAN_ANY_RUN_S = 1e9


def timeless(config: SimConfig) -> SimConfig:
    """`config` as a systematic search needs it: messages take no time, or as long as it pleases."""
    return replace(
        config,
        latency=Latency(low_s=0, high_s=0, jitter_s=0),
        links=tuple(replace(link, latency=None) for link in config.links),
        slack=Slack(messages_s=_LONGER_THAN_ANY_RUN_S, sleeps_s=0, keeps_turns_apart=True),
    )


class Systematic:
    """See `Strategy`. The runs must be those of a `timeless` cluster, and nobody else's.

    Args:
        max_faults: how many faults a run may have.
        kinds: which kinds of faults are asked for; only `CRASH` is tried.
        given: how many faults happen in every run anyway, because a file or a scenario says so.
        calls: around which calls processes crash, see `storms.fits`.

    Attributes:
        runs: how many runs there were.
        is_done: nothing is left to try.
    """

    def __init__(
        self,
        *,
        max_faults: int = 0,
        kinds: Sequence[str] = (CRASH,),
        given: int = 0,
        calls: Sequence[str] | None = None,
    ) -> None:
        self._max_faults = max_faults
        self._kinds = tuple(kinds)
        self._given = given
        self._calls = calls
        self._tree = Tree()
        self._plan = FaultPlan()
        self._plans: deque[FaultPlan] = deque()
        self._planned: dict[tuple[str, ...], None] = {}
        self._orders_before = self._failed_before = 0  # in the trees of earlier plans
        self._failed_here = 0
        self._reasons: dict[str, None] = {}
        self._lost: str | None = None
        self.runs = 0
        self.is_done = False

    @property
    def orders(self) -> int:
        """How many runs showed something new."""
        return self._orders_before + self._tree.orders

    @property
    def failed(self) -> int:
        """How many of those failed."""
        return self._failed_before + self._failed_here

    @property
    def is_proof(self) -> bool:
        """Whether everything was tried."""
        return self.is_done and not self._doubts

    @property
    def verdict(self) -> str:
        """How far it has come, in words that claim nothing more."""
        told = [] if not self.failed else [f"{self.failed} of them failed"]
        most = self._max_faults
        which = "" if self._calls is None else f" that fits {' or '.join(self._calls)},"
        faults = (
            f"with at most {most} crash{'es' * (most > 1)}, each just before or after a call{which} or at its answer,"
            if most
            else "without faults"
        )
        if self.is_proof:
            start = f"all delivery orders {faults} were tried: {self.orders}"
        elif self.is_done:
            start = f"{self.orders} orders {faults} were tried, all that were looked for; not a proof"
        else:
            least = self.orders + max(self._tree.left, 1) + len(self._plans)
            start = f"{self.orders} orders of at least {least} {faults} were tried; not a proof"
        return "; ".join([start, *told, *self._doubts])

    def begin(self, seed: int) -> Attempt:
        """See `Strategy.begin`; the seed is of no account."""
        return Attempt(self._tree.begin(), self._plan)

    def learn(self, path: Path) -> None:
        """See `Strategy.learn`; what it needs to know of the steps, it has seen itself."""
        self.runs += 1
        is_new = self._tree.learn()
        if not self._tree.orders:  # it begins anew
            self._failed_here = 0
        self._failed_here += is_new and path.failed
        if self._tree.is_done:
            self._next_plan()

    def _next_plan(self) -> None:
        self._reasons.update(dict.fromkeys(_doubts_of(self._tree)))
        if len(self._plan.faults) < self._max_faults and CRASH in self._kinds:
            for fault in _crashes(self._tree, self._calls):
                self._add_plan(FaultPlan((*self._plan.faults, fault)))
        if not self._plans:
            self.is_done = True
            return
        self._lost = self._lost or self._tree.unplaced
        self._orders_before += self._tree.orders
        self._failed_before += self._failed_here
        self._failed_here = 0
        self._tree = Tree(is_scarce=self._tree.is_scarce)
        self._plan = self._plans.popleft()

    def _add_plan(self, plan: FaultPlan) -> None:
        key = tuple(sorted(map(str, plan.faults)))
        if key not in self._planned:
            self._planned[key] = None
            self._plans.append(plan)

    @property
    def _doubts(self) -> list[str]:
        """Why it can't be a proof."""
        found = dict.fromkeys([*self._reasons, *_doubts_of(self._tree)])
        others = [kind for kind in self._kinds if kind != CRASH] if self._max_faults else []
        if self._given:
            found[f"{self._given} faults that were given happened in every run, as they are"] = None
        if tree_lost := self._lost or self._tree.unplaced:
            found[f"an order could not be tried: {tree_lost!r} was not possible where it was needed"] = None
        if others:
            found[f"faults of kind {', '.join(others)} were not tried"] = None
        return list(found)


def _crashes(tree: Tree, calls: Sequence[str] | None) -> Iterator[Fault]:
    """A crash before and after each call that was seen and is meant, and of who made it when its answer comes."""
    seen = {call: count for call, count in tree.seen.items() if fits(call[1], calls)}
    for (place, method), count in seen.items():
        for nth in range(1, count + 1):
            process, call = escape(place), escape(method)
            yield CrashProcess(process=process, call=call, before_call=nth)
            yield CrashProcess(process=process, call=call, after_call=nth)
    answers: dict[str, int] = {}
    for (_, method), count in seen.items():
        answers[method] = answers.get(method, 0) + count
    for method, count in answers.items():
        for nth in range(1, count + 1):
            yield CrashProcess(call=escape(method), on_reply=nth)


def _doubts_of(tree: Tree) -> Iterator[str]:
    if tree.is_cut:
        yield f"only the first {MOST_EVENTS} steps of a run were looked at"
    if tree.reads_clock:
        yield "the program looks at the clock, and each order was tried with one time only"
    if tree.gone_astray is not None:
        yield f"the program did not repeat: {tree.gone_astray!r} was missing"
    for label in tree.unvaried:
        if label.startswith("random/"):
            yield "random numbers of the program were not varied"
        else:
            yield f"{label!r} has more than {MOST_ANSWERS} answers, and only the first was tried"

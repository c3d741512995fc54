"""Every order, one after the other: either one of them fails, or none does.

Time is abstract (see `timeless`): a message may come later than any timer. Orders in which only independent steps
change places are tried once (`tree.py`). With faults, the program is tried under several plans: without any, with a
crash before or after each call that was seen, with two. They take turns, for one alone may have more orders than
anybody waits for.

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

_MOST_PLACES = 50_000
"""In the paths of all searches together, about a kilobyte each: no further one is begun while there are more."""


def timeless(config: SimConfig) -> SimConfig:
    """`config` as a systematic search needs it: messages take no time, or as long as it pleases."""
    return replace(
        config,
        latency=Latency(low_s=0, high_s=0, jitter_s=0),
        links=tuple(replace(link, latency=None) for link in config.links),
        slack=Slack(messages_s=_LONGER_THAN_ANY_RUN_S, sleeps_s=0, keeps_turns_apart=True),
    )


class _Search:
    """All orders under one plan of faults.

    Attributes:
        failed: how many of the tree's orders did.
        left: how many orders there are still to try at least.
    """

    def __init__(self, plan: FaultPlan, *, is_scarce: bool) -> None:
        self.plan = plan
        self.tree = Tree(is_scarce=is_scarce)
        self.failed = self._seen = 0
        self.left = 1

    def learn(self, *, failed: bool) -> None:
        """A run is over."""
        is_new = self.tree.learn()
        if not self.tree.orders:  # it begins anew
            self.failed = 0
        self.failed += is_new and failed
        self.left = max(
            self.tree.left, 1
        )  # kept: it takes as long as a path is, and is asked for in each run

    def saw_more(self) -> bool:
        """Whether there were more calls than when it was asked before."""
        before, self._seen = self._seen, sum(self.tree.seen.values())
        return self._seen > before


class _Shift:
    """The searches under plans with equally many faults.

    Attributes:
        plans: those whose search has not begun.
        searches: those that are not over; the last one had its turn last.
    """

    def __init__(self) -> None:
        self.plans: deque[FaultPlan] = deque()
        self.searches: deque[_Search] = deque()
        self._began = False

    def next(self, *, may_begin: bool, is_scarce: bool) -> _Search:
        """The search whose turn it is: every other time one that begins, if there is one."""
        begins = self.plans and may_begin
        self._began = bool(begins and not (self._began and self.searches))
        if self._began:
            self.searches.append(_Search(self.plans.popleft(), is_scarce=is_scarce))
        else:
            self.searches.rotate(-1)
        return self.searches[-1]


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
        self._shifts = [_Shift() for _ in range(max_faults + 1)]
        self._shifts[0].plans.append(FaultPlan())
        self._turn = 0
        self._now = self._shifts[0].next(may_begin=True, is_scarce=False)
        self._planned: dict[tuple[str, ...], None] = {}
        self._orders_before = self._failed_before = 0  # in searches that are over
        self._reasons: dict[str, None] = {}
        self._lost: str | None = None
        self._is_scarce = False
        self.runs = 0
        self.is_done = False

    @property
    def orders(self) -> int:
        """How many runs showed something new."""
        return self._orders_before + sum(search.tree.orders for search in self._open)

    @property
    def failed(self) -> int:
        """How many of those failed."""
        return self._failed_before + sum(search.failed for search in self._open)

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
            left = sum(search.left for search in self._open)
            least = self.orders + left + sum(len(shift.plans) for shift in self._shifts)
            start = f"{self.orders} orders of at least {least} {faults} were tried; not a proof"
        return "; ".join([start, *told, *self._doubts])

    def begin(self, seed: int) -> Attempt:
        """See `Strategy.begin`; the seed is of no account."""
        return Attempt(self._now.tree.begin(), self._now.plan)

    def learn(self, path: Path) -> None:
        """See `Strategy.learn`; what it needs to know of the steps, it has seen itself."""
        self.runs += 1
        search = self._now
        search.learn(failed=path.failed)
        self._is_scarce |= search.tree.is_scarce
        if CRASH in self._kinds and len(search.plan.faults) < self._max_faults and search.saw_more():
            for fault in _crashes(search.tree, self._calls):
                self._add_plan(FaultPlan((*search.plan.faults, fault)))
        if search.tree.is_done:
            self._close(search)
        self._take_turns()

    def _add_plan(self, plan: FaultPlan) -> None:
        key = tuple(sorted(map(str, plan.faults)))
        if key not in self._planned:
            self._planned[key] = None
            self._shifts[len(plan.faults)].plans.append(plan)

    def _close(self, search: _Search) -> None:
        self._shifts[len(search.plan.faults)].searches.remove(search)
        self._reasons.update(dict.fromkeys(_doubts_of(search.tree)))
        self._lost = self._lost or search.tree.unplaced
        self._orders_before += search.tree.orders
        self._failed_before += search.failed

    def _take_turns(self) -> None:
        """Each number of faults has a turn, and in it each of its plans: one that is new every other time."""
        has_room = sum(search.tree.depth for search in self._open) < _MOST_PLACES
        last = self._turn
        for turn in range(last + 1, last + 1 + len(self._shifts)):
            shift = self._shifts[turn % len(self._shifts)]
            if shift.searches or (shift.plans and has_room):
                self._turn = turn
                self._now = shift.next(may_begin=has_room, is_scarce=self._is_scarce)
                return
        self.is_done = True

    @property
    def _open(self) -> list[_Search]:
        return [search for shift in self._shifts for search in shift.searches]

    @property
    def _doubts(self) -> list[str]:
        """Why it can't be a proof."""
        trees = [search.tree for search in self._open]
        found = dict.fromkeys([*self._reasons, *(doubt for tree in trees for doubt in _doubts_of(tree))])
        others = [kind for kind in self._kinds if kind != CRASH] if self._max_faults else []
        if self._given:
            found[f"{self._given} faults that were given happened in every run, as they are"] = None
        if lost := self._lost or next((tree.unplaced for tree in trees if tree.unplaced), None):
            found[f"an order could not be tried: {lost!r} was not possible where it was needed"] = None
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

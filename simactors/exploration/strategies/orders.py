"""Another order of messages at one actor: a search with feedback.

Takes a run that showed something new, picks two messages that raced there, and makes a run in which the later one comes
first, everything else being as it was as far as it can. What is new is which call an actor ran after which. After
Wolff, Huang, Zhang and Böhme: Greybox Fuzzing for Concurrency Testing, ASPLOS 2024, whose constraints are about reads
and writes of memory; an actor's memory is touched by its messages only.

Kinds of messages are picked before messages, for programs with a hundred messages of one kind and one of another are
common, and the one is as likely as the hundred to be what matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from simactors.core.choices import Choices, Draws, DullChoices, Offer, sub_seed
from simactors.core.fault_plan import FaultPlan
from simactors.exploration.races import Order
from simactors.exploration.strategies.novelty import Novelty
from simactors.exploration.strategies.strategy import Attempt, Path, Scheduled

Item = TypeVar("Item")

_MOST_PARENTS = 40
_LATEST = 8


class Orders:
    """See `Strategy`; it learns from every run, also from those of other strategies."""

    is_done = False
    verdict = ""

    def __init__(self) -> None:
        self._parents: list[_Parent] = []
        self._novelty = Novelty()

    def begin(self, seed: int) -> Attempt:
        """See `Strategy.begin`; a first run of which nothing is known is the dullest."""
        drawn = Draws(sub_seed(seed, "orders"))
        if not self._parents:
            return Attempt(DullChoices())
        latest = self._parents[-_LATEST:] if drawn.number("latest", 2) else self._parents
        parent = latest[drawn.number("parent", len(latest))]
        changes = 1 + (drawn.number("changes", 4) == 0)
        demands = [demand for _ in range(changes) if (demand := _demand(parent.order, drawn)) is not None]
        schedule = _Changed(parent.positions, demands)
        others: Choices = Scheduled(schedule, seed if drawn.number("others", 2) else None)
        return Attempt(others, parent.faults if drawn.number("same faults", 2) else None)

    def learn(self, path: Path) -> None:
        """See `Strategy.learn`."""
        order = path.order
        if self._novelty.look_at(path) and not path.failed:
            positions = {step.name: number for number, step in enumerate(order.steps)}
            self._parents.append(_Parent(order, positions, path.faults))
            del self._parents[:-_MOST_PARENTS]


class _Parent(NamedTuple):
    order: Order
    positions: dict[str, int]
    faults: FaultPlan


class _Demand(NamedTuple):
    """Some steps wait until another one has happened; if `until` is None, as long as anything else can happen."""

    waiting: frozenset[str]
    until: str | None


def _demand(order: Order, drawn: Draws) -> _Demand | None:
    """A race of the run, turned round."""
    raced = [a for a in order.arrivals if len(a.positions) > 1]
    if not raced:
        return None
    steps = order.steps
    here = raced[drawn.number("place", len(raced))].positions
    if drawn.number("for good", 4) == 0:
        late = _of_a_kind(here, steps, drawn, "late")
        return _Demand(frozenset([steps[late].name]), None)
    early, before = [], 0
    for position in here:
        if before & ~order.past(position):
            early.append(position)
        before |= 1 << position
    if not early:
        return None
    promoted = _of_a_kind(early, steps, drawn, "early")
    rivals = [p for p in here if p < promoted and not order.must_precede(p, promoted)]
    rival = _of_a_kind(rivals, steps, drawn, "rival")
    # Everything that came since waits, too, but for what the promoted one needs.
    waiting = [p for p in rivals if p >= rival]
    return _Demand(frozenset(steps[p].name for p in waiting), steps[promoted].name)


def _of_a_kind(positions: Sequence[int], steps: Sequence[Offer], drawn: Draws, label: str) -> int:
    """One of several steps: first one of the methods, then one of its calls, rather near one of the ends."""
    methods: dict[str, list[int]] = {}
    for position in positions:
        methods.setdefault(steps[position].what, []).append(position)
    found = list(methods.values())[drawn.number(f"{label} method", len(methods))]
    where = drawn.number(f"{label} where", 4)
    if where == 0:
        return found[drawn.number(label, len(found))]
    rank = 0
    while rank < len(found) - 1 and drawn.number(label, 2):
        rank += 1
    return found[-1 - rank] if where == 1 else found[rank]


class _Changed:
    """The order of an earlier run, but for what is demanded.

    What that run did not have comes at once, as if it had come there.
    """

    def __init__(self, positions: dict[str, int], demands: Sequence[_Demand]) -> None:
        self._positions = positions
        self._demands = list(demands)
        self._now = 0

    def pick(self, options: Sequence[Offer]) -> int:
        names = [offer.name for offer in options]
        index = self._first(names) if len(names) > 1 else 0
        taken = names[index]
        self._now = max(self._now, self._positions.get(taken, 0))
        if self._demands:
            self._demands = [demand for demand in self._demands if demand.until != taken]
        return index

    def _first(self, names: Sequence[str]) -> int:
        best, found = (True, 0), 0
        demands, positions, now = self._demands, self._positions, self._now
        for index, name in enumerate(names):
            waits = bool(demands) and any(name in demand.waiting for demand in demands)
            rank = waits, positions.get(name, now)
            if index == 0 or rank < best:
                best, found = rank, index
        return found

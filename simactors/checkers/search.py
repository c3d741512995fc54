"""The search for an order in which a history could have happened one operation after the other.

Just in time: what runs is put into the order only when an answer comes and its operation isn't in it yet, and never
before. A *configuration* is what matters of an order for what may come after it: which operations are in it, and
the state that they lead to. Each is looked at once. Those that got furthest are looked at first, wherever they came
from; so the search is one list and no recursion.

It takes nothing into account that can't make a difference:

- a read that agrees is put in at once, since it is in nobody's way;
- of operations that do the same with the same answer, the one that is answered first goes first: exchange them in
  any other order, and it is one, too. Of those without an answer it is the one called first;
- an operation without an answer is only put in where it changes the state;
- a configuration is not looked at if there was one with the same answered operations in it, the same state, and no
  operation without an answer that this one has not: what can follow it can follow that one.

Sources: J. Wing, C. Gong, "Testing and verifying concurrent objects", 1993; G. Lowe, "Testing for linearizability",
2017 (just-in-time linearization, configurations seen before).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from simactors.checkers.intervals import Intervals
from simactors.checkers.specification import KnowsKinds, KnowsOrder, KnowsReads, Specification
from simactors.checkers.values import NoNormalForm, normal, same
from simactors.core.history import History, Operation
from simactors.exceptions import SpecificationError

PRICE = 16
"""How many answers more an order must explain than another one, to be tried first, for each assumption more that is
made on suspicion: that an operation without an answer has taken effect."""
PRICE_OF_A_REASON = 1
"""The same if just this operation explains the answer that is due; what the specification guesses costs nothing."""
MOST_FRONTIER = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Configuration:
    """An order of some operations, and the state that it leads to.

    Attributes:
        first: the operation whose answer comes next, of those answered ones that are not in it; all before are.
        early: the lanes whose operation is in it although its answer comes later, as bits.
        used: the unanswered operations in it, as bits.
        price: of those, see `PRICE`.
        placed: how many answered operations are in it.
        parent, last: the order without its last operation, and that one.
    """

    first: int
    early: int
    used: int
    state: Any
    price: int = 0
    placed: int = 0
    parent: Configuration | None = None
    last: Operation | None = None

    def order(self) -> list[Configuration]:
        """It and those that it was made of, from the first operation to the last."""
        steps: list[Configuration] = []
        here: Configuration = self
        while here.parent is not None:
            steps.append(here)
            here = here.parent
        return steps[::-1]

    @property
    def operation(self) -> Operation:
        """The last one; there is none in the empty order."""
        assert self.last is not None
        return self.last


@dataclass(frozen=True, slots=True)
class Answer:
    """What a specification says to an operation in a state."""

    state: Any
    value: Any
    raised: bool = False

    def __str__(self) -> str:
        return f"raised {self.value!r}" if self.raised else f"returned {self.value!r}"


@dataclass(frozen=True, slots=True)
class Found:
    """There is an order; `end` is the whole of it, as far as it was asked for."""

    end: Configuration


@dataclass(frozen=True, slots=True)
class Stuck:
    """There is none.

    Attributes:
        operation: the first operation, in the order of answers, whose answer can't be explained.
        ends: the orders that explain all earlier answers, the longest first; perhaps not all of them.
    """

    operation: Operation
    ends: tuple[Configuration, ...]


@dataclass(frozen=True, slots=True)
class Spent:
    """The budget ended first; `operation` and `ends` are those of the furthest it got."""

    operation: Operation
    ends: tuple[Configuration, ...]


class Stage(IntEnum):
    """What is tried next from a configuration."""

    DUE = 0
    RUNNING = 1
    UNANSWERED = 2


class Search:
    """One search in one history.

    Args:
        history: its operations are all about the same object.
        spec: that object.
        budget: how many times the specification may be asked.
        agree: whether an observed answer agrees with an expected one.
        until: look only for an order that explains all answers before that of this operation.

    Attributes:
        steps: how many times it was asked.
    """

    def __init__(
        self,
        history: History,
        spec: Specification,
        budget: int,
        agree: Callable[[Any, Any], bool] = same,
        until: Operation | None = None,
    ) -> None:
        self.steps = 0
        self._spec = spec
        self._budget = budget
        self._agree = agree
        self._kind_of = spec.kind if isinstance(spec, KnowsKinds) else _kind
        reads = spec.reads if isinstance(spec, KnowsReads) else _is_no_read
        self._intervals = Intervals(history, reads)
        self._answered = self._intervals.answered
        self._reads = [reads(operation) for operation in self._answered]
        self._end = len(self._answered) if until is None else self._answered.index(until)
        known = history if until is None else _without(until, history)
        self._guess = spec.order(known) if isinstance(spec, KnowsOrder) else {}
        self._twins = self._earlier_twins()
        self._seen: dict[Any, list[int]] = {}
        self._agenda: list[tuple[int, int, Configuration, Stage]] = []
        self._postponed = 0
        self._frontier: list[Configuration] = []

    def run(self) -> Found | Stuck | Spent:
        """Search to the end, or to that of the budget."""
        self._admit(Configuration(0, 0, 0, self._spec.initial))
        while self._agenda:
            _, _, here, stage = heapq.heappop(self._agenda)
            if here.first >= self._end:
                return Found(here)
            if self.steps >= self._budget:
                return Spent(*self._furthest())
            if stage is Stage.DUE:
                self._try_due(here)
            elif stage is Stage.RUNNING:
                self._try_running(here)
            else:
                self._try_unanswered(here)
        return Stuck(*self._furthest())

    def answer(self, state: Any, operation: Operation) -> Answer:
        """What the specification says; an exception is an answer, too."""
        self.steps += 1
        try:
            told = self._spec.apply(state, operation)
        except SpecificationError:
            raise
        except (NoNormalForm, RecursionError) as error:  # our trouble, or its own; no answer of the object's
            raise SpecificationError(
                f"{type(self._spec).__name__} can't judge {operation}: {error}"
            ) from error
        except Exception as error:
            return Answer(state, error, raised=True)
        if not isinstance(told, tuple) or len(told) != 2:
            name = type(self._spec).__name__
            raise SpecificationError(
                f"{name}.apply must return (new state, result), not {told!r}: {operation}"
            )
        return Answer(*told)

    # What may come next

    def _try_due(self, here: Configuration) -> None:
        """The operation whose answer comes next, and nothing before it: most often that is all there is to do."""
        earlier = self._guessed_earlier(here) if self._answered[here.first].called in self._guess else None
        after = earlier or self._placed(here, here.first)
        if after is not None:
            self._admit(after)
        if after is None or earlier is not None or not self._reads[here.first]:
            self._postpone(here, Stage.RUNNING)

    def _guessed_earlier(self, here: Configuration) -> Configuration | None:
        """What runs, and came before the operation that is due, if the specification has guessed right."""
        guess = self._guess
        bound = guess[self._answered[here.first].called]
        answered = [(guess.get(self._answered[each].called, bound), each) for each in self._running(here)]
        first, number = min(answered, default=(bound, here.first))
        unanswered = [
            (guess.get(self._intervals.unanswered[each].called, bound), each) for each in self._open(here)
        ]
        lost, open_number = min(unanswered, default=(bound, 0))
        if lost < min(first, bound):
            return self._assumed(here, open_number, 0)
        return self._placed(here, number) if first < bound else None

    def _running(self, here: Configuration) -> list[int]:
        """Those that will be answered after the one that is due, run already, and are not in the order."""
        lane = self._intervals.lane
        return [
            number
            for number in self._intervals.running(here.first)
            if number != here.first and not here.early >> lane[number] & 1
        ]

    def _open(self, here: Configuration) -> Iterator[int]:
        """Those that nobody was told of, and that are not in the order; of those that do the same, one."""
        for number in range(self._intervals.open(here.first)):
            twin = self._twins[number]
            if not here.used >> number & 1 and (twin is None or here.used >> twin & 1):
                yield number

    def _try_running(self, here: Configuration) -> None:
        """Those that are answered later, and run already."""
        running = self._running(here)
        with_reads = here
        for number in running:
            if self._reads[number]:
                with_reads = self._placed(with_reads, number) or with_reads
        if with_reads is not here:
            self._admit(with_reads)
            return
        changing = [number for number in running if not self._reads[number]]
        if self._guess:
            changing.insert(0, here.first)  # it may not have been tried yet
        # Those alike are told apart in the order of answers, and only then comes the guess.
        unlike = sorted(
            self._unlike(changing), key=lambda each: self._guess.get(self._answered[each].called, each)
        )
        ways = [self._placed(here, number) for number in unlike]
        for after in reversed(ways):  # the last that is put off is the first that is taken up
            if after is not None:
                self._admit(after)
        self._postpone(here, Stage.UNANSWERED)

    def _try_unanswered(self, here: Configuration) -> None:
        """Those that nobody was told of; the latest first, because the trouble came up only now."""
        for number in self._open(here):
            after = self._assumed(here, number, PRICE)
            if after is None:
                continue
            explained = self._placed(after, here.first)
            if explained is not None:
                self._admit(replace(explained, price=here.price + PRICE_OF_A_REASON))
            self._admit(after)

    def _assumed(self, here: Configuration, number: int, price: int) -> Configuration | None:
        """`here`, and then an unanswered operation; None if that would change nothing."""
        operation = self._intervals.unanswered[number]
        state = self.answer(here.state, operation).state
        if state == here.state:
            return None
        used = here.used | 1 << number
        return Configuration(
            here.first, here.early, used, state, here.price + price, here.placed, here, operation
        )

    def _placed(self, here: Configuration, number: int) -> Configuration | None:
        """`here`, and then an answered operation; None if it would have been answered otherwise."""
        operation = self._answered[number]
        answer = self.answer(here.state, operation)
        if answer.raised is not (operation.status == "raised") or not self._agree(
            answer.value, operation.result
        ):
            return None
        first, early = here.first, here.early
        lane = self._intervals.lane
        if number != first:
            early |= 1 << lane[number]
        else:
            first += 1
            while early and first < len(lane) and early >> lane[first] & 1:
                early ^= 1 << lane[first]
                first += 1
        return Configuration(
            first, early, here.used, answer.state, here.price, here.placed + 1, here, operation
        )

    # What need not be looked at

    def _admit(self, found: Configuration) -> None:
        """Put it on the agenda, unless one was there that can do all that it can."""
        key = (found.first, found.early, found.state)
        try:
            before = self._seen.setdefault(key, [])
        except TypeError as error:
            name = type(self._spec).__name__
            raise SpecificationError(f"the states of {name} must be hashable, not {found.state!r}") from error
        if any(used & found.used == used for used in before):
            return
        before.append(found.used)
        self._postpone(found, Stage.DUE)
        if not self._frontier or found.first > self._frontier[0].first:
            self._frontier = [found]
        elif found.first == self._frontier[0].first and len(self._frontier) < MOST_FRONTIER:
            self._frontier.append(found)

    def _postpone(self, here: Configuration, stage: Stage) -> None:
        self._postponed += 1  # of equals the latest comes first, and configurations are never compared
        price = here.price + PRICE * (stage is Stage.UNANSWERED)
        promise = 2 * (here.placed - price) - (stage is Stage.RUNNING)
        heapq.heappush(self._agenda, (-promise, -self._postponed, here, stage))

    def _unlike(self, numbers: Iterable[int]) -> Iterator[int]:
        """Of answered operations that do the same with the same answer, the one that is answered first."""
        seen = set()
        for number in numbers:
            operation = self._answered[number]
            like = (
                self._kept(self._kind_of(operation), number),
                operation.status,
                self._kept(operation.result, number),
            )
            if like not in seen:
                seen.add(like)
                yield number

    def _earlier_twins(self) -> list[int | None]:
        """For each unanswered operation, the one before that does the same."""
        latest: dict[Any, int] = {}
        twins = []
        for number, operation in enumerate(self._intervals.unanswered):
            kind = self._kept(self._kind_of(operation), number)
            twins.append(latest.get(kind))
            latest[kind] = number
        return twins

    def _kept(self, value: Any, number: int) -> Any:
        """`value`, to be compared with others; what has no normal form is like nothing else."""
        try:
            return normal(value)
        except TypeError:
            return number

    def _furthest(self) -> tuple[Operation, tuple[Configuration, ...]]:
        """The answer that no order explains, and the orders that explain all before: the longest first."""
        longest = sorted(self._frontier, key=lambda end: (-end.placed, end.used.bit_count()))
        return self._answered[longest[0].first], tuple(longest)


def _without(end: Operation, history: History) -> History:
    """What was called before an answer came, without the operation that it is an answer to."""
    place = end.returned or 0
    return history.where(lambda operation: operation.called < place and operation is not end)


def _kind(operation: Operation) -> Any:
    return operation.client, operation.name, operation.args


def _is_no_read(operation: Operation) -> bool:
    return False

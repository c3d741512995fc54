"""All orders of one program under one fault plan, but for those in which only what is independent changes places.

Source-DPOR: Abdulla, Aronis, Jonsson and Sagonas: Optimal Dynamic Partial Order Reduction, POPL 2014. Nothing is kept
but the present path: every run starts anew, follows the path up to its last open alternative, and goes on from there.
Threads there are single steps here: one can happen from the moment when it came to be, and keeps its place on its
connection.

Two things are not as in the paper. Timers can't happen at any moment: where one that races could not, it is tried at
the last moment at which it could. And a run ends with the program, while there still is something that could happen:
that is tried before the end, too, for nobody has seen yet what it has to do with.

Not how many fault plans there are, nor what the result is called: `strategies/systematic.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from simactors.core.choices import NEXT
from simactors.exploration.dependence import Event, Footprint, races
from simactors.sim.offer import ALL, Offer

MOST_EVENTS = 5_000
"""Beyond so many steps of a run no alternatives are looked for."""

MOST_ANSWERS = 8
"""Other questions than what happens next are explored if they have at most so many answers."""


class _Place:
    """Where a run can go on in several ways.

    Attributes:
        offered: the names of all steps that could happen.
        asleep: those that need not be tried here, as everything that begins with them was seen elsewhere.
        wanted: those that must be tried, in that order.
        tried: what they had to do with; what is being tried is among them only once its first run is over.
        taken: what is being tried.
    """

    def __init__(self, offered: dict[str, None], asleep: dict[str, Footprint], taken: str) -> None:
        self.offered = offered
        self.asleep = asleep
        self.wanted = {taken: None}
        self.tried: dict[str, Footprint] = {}
        self.taken = taken

    @property
    def open(self) -> list[str]:
        """What must still be tried."""
        return [name for name in self.wanted if name not in self.tried and name not in self.asleep]

    def go_on(self) -> bool:
        """Try the next one; false if there is none."""
        left = self.open
        if left:
            self.taken = left[0]
        return bool(left)

    def left_asleep(self, footprint: Footprint) -> dict[str, Footprint]:
        """What stays asleep after a step."""
        others = {**self.asleep, **{name: seen for name, seen in self.tried.items() if name != self.taken}}
        return {name: seen for name, seen in others.items() if not footprint.depends_on(seen)}


class _Question:
    """Where a question other than what happens next was asked."""

    def __init__(self, label: str, bound: int) -> None:
        self.label = label
        self.bound = bound
        self.answer = 0

    @property
    def open(self) -> list[int]:
        """The answers that must still be tried."""
        return list(range(self.answer + 1, self.bound))

    def go_on(self) -> bool:
        """Try the next answer; false if there is none."""
        self.answer += 1
        return self.answer < self.bound


class Tree:
    """One search; `begin`, a run with `choices`, and `learn` follow one another until it `is_done`.

    Attributes:
        orders: how many have been run, without those that turned out to be known.
        runs: how many runs there were.
        is_done: all have been.
        is_cut: a run had more steps than are looked at.
        is_scarce: resources were short in some run; who gets them first has mattered since then.
        unvaried: questions with too many answers, of which only 0 was given, by their labels.
        gone_astray: a run did not repeat: what it did not offer.
        reads_clock: the program looked at the clock.
        unplaced: a step that was to come earlier, and at no place could; None if there was none.
        seen: the calls that were seen to arrive, by place and method, and how many there were at most in one run.
    """

    def __init__(self, *, is_scarce: bool = False) -> None:
        self._path: list[_Place | _Question] = []
        self._ends: dict[str, None] = {}  # the steps with which runs have ended
        self.orders = self.runs = 0
        self.is_done = self.is_cut = False
        self.is_scarce = is_scarce
        self.unvaried: dict[str, None] = {}
        self.gone_astray: str | None = None
        self.unplaced: str | None = None
        self.reads_clock = False
        self.seen: dict[tuple[str, str], int] = {}
        self._run = _Run({})

    @property
    def left(self) -> int:
        """How many orders there are still to try at least."""
        return sum(len(place.open) for place in self._path)

    @property
    def depth(self) -> int:
        """How many places the present path has."""
        return len(self._path)

    def begin(self) -> TreeChoices:
        """Who answers in the next run."""
        self._run = _Run(self._ends)
        return TreeChoices(self)

    # What the choices ask

    def next(self, options: Sequence[Offer]) -> int:
        """Which step comes next."""
        run = self._run
        index = next((i for i, offer in enumerate(options) if offer.is_bookkeeping), None)
        if index is not None:
            run.add(options[index])
            return index
        if run.is_over:
            return 0
        names = [offer.name for offer in options]
        asleep = self._asleep()
        depth = run.depth
        if depth == MOST_EVENTS:
            self.is_cut = run.is_over = True
            return 0
        if depth == len(self._path):
            first = run.first_awake(names, asleep)
            if first is None:
                run.is_over = run.is_known = True
                return 0
            self._path.append(_Place(dict.fromkeys(names), asleep, first))
        place = self._path[depth]
        if not isinstance(place, _Place) or place.taken not in names:
            self._stray(place.taken if isinstance(place, _Place) else place.label)
            return 0
        index = names.index(place.taken)
        run.take(options[index])
        return index

    def answer(self, label: str, bound: int) -> int:
        """The answer to another question."""
        run = self._run
        if bound > MOST_ANSWERS:
            self.unvaried[label] = None
        if run.is_over or bound > MOST_ANSWERS or bound == 1:
            return 0
        depth = run.depth
        if depth == len(self._path):
            self._path.append(_Question(label, bound))
        place = self._path[depth]
        if not isinstance(place, _Question) or (place.label, place.bound) != (label, bound):
            self._stray(label)
            return 0
        run.depth += 1
        return place.answer

    def _asleep(self) -> dict[str, Footprint]:
        run = self._run
        if not run.events:
            return {}
        place = self._path[run.places[-1]]
        assert isinstance(place, _Place)
        return place.left_asleep(run.events[-1].footprint(is_scarce=self.is_scarce))

    def _stray(self, wanted: str) -> None:
        self.gone_astray = self.gone_astray or wanted
        self._run.is_over = self._run.is_known = True

    # After a run

    def learn(self) -> bool:
        """The run is over. Returns whether its order was a new one."""
        run = self._run
        self.runs += 1
        self.reads_clock = self.reads_clock or any(event.reads_clock for event in run.events)
        if any(event.is_scarce for event in run.events) and not self.is_scarce:
            self._begin_again()
            return False
        if run.depth < len(self._path) and self.gone_astray is None:
            self._stray("what came after the end of the program")
        footprints = [event.footprint(is_scarce=self.is_scarce) for event in run.events]
        for number, depth in enumerate(run.places):
            self._note_tried(depth, footprints[number])
        self._want_reversed(run, footprints)
        if not run.is_known:
            self.orders += 1
            self._want_pending(run)
        run.count(self.seen)
        self._leave_stray(run)
        while self._path and not self._path[-1].go_on():
            self._path.pop()
        self.is_done = not self._path
        return not run.is_known

    def _begin_again(self) -> None:
        """Who gets resources first matters: what was left out up to now may have been too much."""
        self.is_scarce = True
        self._path.clear()
        self.orders = 0

    def _leave_stray(self, run: _Run) -> None:
        """What could not be followed is not tried again."""
        del self._path[run.depth + 1 :]
        if run.depth < len(self._path):
            place = self._path[run.depth]
            if isinstance(place, _Place):
                place.tried[place.taken] = Footprint(frozenset((ALL,)))

    def _place_of(self, run: _Run, number: int) -> _Place:
        place = self._path[run.places[number]]
        assert isinstance(place, _Place)
        return place

    def _note_tried(self, depth: int, footprint: Footprint) -> None:
        place = self._path[depth]
        assert isinstance(place, _Place)
        before = place.tried.get(place.taken)
        place.tried[place.taken] = footprint if before is None else before.with_other(footprint)

    def _want_reversed(self, run: _Run, footprints: Sequence[Footprint]) -> None:
        """For each race of a run, some order in which it goes the other way must be tried."""
        for race in races(run.events, footprints):
            place = self._place_of(run, race.first)
            names = [run.events[number].name for number in race.instead]
            if any(name in place.wanted for name in names):
                continue
            possible = [name for name in names if name in place.offered]
            if possible:
                place.wanted[possible[0]] = None
            else:
                self._want_before(run, run.events[race.second].name, race.first)

    def _want_before(self, run: _Run, name: str, number: int) -> None:
        """A step could not happen at a place: let it be tried at the last one before where it could."""
        for earlier in range(number - 1, -1, -1):
            place = self._place_of(run, earlier)
            if name in place.offered:
                place.wanted[name] = None
                return
        self.unplaced = self.unplaced or name

    def _want_pending(self, run: _Run) -> None:
        """What could have happened and did not, as the program was at its end, must be tried before that."""
        if not run.events or self.is_cut:
            return
        happened = {event.name for event in run.events}
        self._ends[run.events[-1].name] = None
        last = self._place_of(run, len(run.events) - 1)
        others = [name for name in last.offered if name not in happened and name not in last.asleep]
        if others and not any(name in last.wanted for name in others):
            last.wanted[others[0]] = None  # the end sleeps then, until all others have happened
        offered = {name: None for n in range(len(run.events)) for name in self._place_of(run, n).offered}
        for name in offered:
            if name not in happened and name not in last.offered:  # a timer that came too late
                self._want_before(run, name, len(run.events))


class _Run:
    """What has happened in the present run.

    Attributes:
        depth: how far along the path it is.
        events: what has happened.
        places: at which depth each was chosen.
        is_over: from here on nothing is looked for any more.
        is_known: for all that comes was seen elsewhere.
    """

    def __init__(self, ends: dict[str, None]) -> None:
        self._ends = ends
        self._steps: list[int] = []  # which event each step belongs to; -1: it came before the first
        self.depth = 0
        self.events: list[Event] = []
        self.places: list[int] = []
        self.is_over = self.is_known = False

    def add(self, offer: Offer) -> None:
        """A step that belongs to the one before."""
        self._steps.append(len(self.events) - 1)
        if self.events and not self.is_over:
            self.events[-1].add(offer)

    def take(self, offer: Offer) -> None:
        """A step that was chosen."""
        causes = tuple(self._steps[cause] for cause in offer.causes if self._steps[cause] >= 0)
        self._steps.append(len(self.events))
        self.events.append(Event(offer, causes))
        self.places.append(self.depth)
        self.depth += 1

    def first_awake(self, names: Sequence[str], asleep: dict[str, Footprint]) -> str | None:
        """The dullest step that needs trying; one that may end the program comes last."""
        awake = [name for name in names if name not in asleep]
        return next((name for name in awake if name not in self._ends), awake[0] if awake else None)

    def count(self, seen: dict[tuple[str, str], int]) -> None:
        """Note which calls have arrived where."""
        counts: dict[tuple[str, str], int] = {}
        for event in self.events:
            if event.call is not None:
                counts[event.call] = counts.get(event.call, 0) + 1
        for call, count in counts.items():
            seen[call] = max(count, seen.get(call, 0))


class TreeChoices:
    """See `Choices`."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def number(self, label: str, bound: int) -> int:
        """See `Choices.number`."""
        return self._tree.answer(label, bound)

    def sampler(self, label: str, bound: int) -> Callable[[], int]:
        """See `Choices.sampler`."""
        return partial(self._tree.answer, label, bound)

    def pick(self, label: str, options: Sequence[object]) -> int:
        """See `Choices.pick`."""
        if label == NEXT:
            return self._tree.next(options)  # type: ignore[arg-type]  # see `core.choices.NEXT`
        return self._tree.answer(label, len(options))

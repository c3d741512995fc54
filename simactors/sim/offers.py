"""What could happen next in a run whose order is explored: a list of offers, of which `Choices` picks one.

Where latencies are drawn, what happens next is a matter of time. Here it is a matter of choice: a message may arrive at
any moment from its least latency on until its slack is used up, and so may sleeping code go on; the pick moves the
clock as far as it must. Nothing stands still for longer than it could in reality: what would come too late for another
one is not offered.

Not who runs it: the kernel does. What steps are called is asked of `naming.py`, for the kernel knows nothing of actors.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from heapq import heapify, heappop, heappush
from operator import attrgetter
from typing import Any

from simactors.core.choices import NEXT, Choices
from simactors.sim.agenda import End
from simactors.sim.offer import ALL, MESSAGES, Description, Offer

# What comes of replies and of calls that arrive, in an order which is theirs.
_OF_OTHERS = frozenset(("resume", "turn", "begin"))


MOST_NOTED = 200_000
"""So many steps of a run are noted; what comes later can't be named in a report."""


class Offers:
    """The offers of one run.

    Args:
        ready: where the kernel's parts put what can happen at once.
        queue: where they put what is due later, see `Agenda.queue`.
        next_number: see `Agenda`.
        slack_ns: by kind, how much later than at its earliest a step may happen; 0 for kinds that are not named.

    Attributes:
        describe, awaited, name: say what a step is, for which calls it has waited, and what a process is called; bound
            before the first step.
        taken: what has happened so far, in order.
        has_cancelled: to be set when a timer is cancelled.
        keeps_turns_apart: see `Slack`; without it, nobody asks what steps have to do with.
    """

    def __init__(
        self,
        ready: list[Any],
        queue: list[Any],
        choices: Choices,
        next_number: Callable[[], int],
        slack_ns: Mapping[str, int],
    ) -> None:
        self._ready = ready
        self._queue = queue
        self._pick = choices.pick
        self._next_number = next_number
        self._slack_ns = slack_ns
        # By rank. Of each connection, only the first one: those behind it are marked as due, and come after it.
        self._open: list[Offer] = []
        self._held: list[Offer] = []  # in the order in which they were passed over
        self._counts: dict[Description, int] = {}
        self._orders: dict[Any, deque[Offer]] = {}
        self._lines: dict[Any, int] = {}
        self._current: Offer | None = None  # what runs now; None before the first step
        self.taken: list[Offer] = []
        self.has_cancelled = self.keeps_turns_apart = False
        self._steps = 0
        self._now: tuple[int, ...] = ()  # the position of the step that runs, if one does
        self._answered: dict[Any, int] = {}  # calls whose reply has come: when
        self._ran: dict[str, int] = {}  # processes: when their code ran last
        self._arrived: dict[Any, int] = {}  # calls that have reached their actor or worker
        self.describe: Callable[[Any], Description]
        self.awaited: Callable[[Any], Iterable[Any]]
        self.name: Callable[[Any], str]

    def push(self, entry: tuple[int, Any, int, Any]) -> None:
        """See `Agenda.push`."""
        time_ns, priority, number, step = entry
        heappush(self._queue, (time_ns, priority, number, self._offer(step, time_ns, number)))

    def push_in_order(self, order: object, entry: tuple[int, Any, int, Any]) -> None:
        """As `push`, and after everything that was pushed with the same `order`, which is due no later."""
        time_ns, priority, number, step = entry
        offer = self._offer(step, time_ns, number)
        waiting = self._orders.get(order)
        if waiting is None:
            waiting = self._orders[order] = deque()
            self._lines[order] = len(self._lines)
        offer.order = waiting
        offer.line = self._lines[order]
        waiting.append(offer)
        heappush(self._queue, (time_ns, priority, number, offer))

    def take(self, now_ns: int) -> Offer | End | None:
        """What happens next, and no longer is an offer; an `End` or None if nothing does: see `Agenda`."""
        if self._ready:
            self._admit(now_ns)
        options = self._options(self._pull())
        while not options and type(self._queue[0][3]) is not End:
            # All that is offered has to wait for what is due later on the same connection.
            offer = heappop(self._queue)[3]
            if not _is_cancelled(offer):
                self._come(offer)
                options = self._options(offer.earliest_ns)
        if not options:
            is_any_left = any(not _is_end(entry) and not _is_cancelled(entry[3]) for entry in self._queue)
            return self._queue[0][3] if is_any_left else None
        return self._taken(options, self._pick(NEXT, options), now_ns)

    def _taken(self, options: list[Offer], index: int, now_ns: int) -> Offer:
        """One of the options happens: note what is to be known of it later."""
        taken = options[index]
        if index and not taken.is_held:
            for passed in options[:index]:
                self._hold(passed)
        self._remove(taken)
        steps, kind = self._steps, taken.kind
        if steps < MOST_NOTED:
            self.taken.append(taken)
        if now_ns > taken.earliest_ns:
            taken.taken_ns = now_ns
        if kind == "reply":
            self._answered[taken.step] = steps
        elif kind == "call":
            self._arrived[taken.step] = steps
        elif kind != "begin":
            self._ran[taken.target] = steps
        self._now = (steps,)
        self._steps = steps + 1
        if self.keeps_turns_apart:
            self._current = taken
            self._touch_first(taken)
        return taken

    @property
    def pending(self) -> list[Offer]:
        """What has not happened: first what may happen now, the dullest first, then what is due later."""
        later = [entry[3] for entry in sorted(self._queue, key=lambda entry: entry[:3]) if not _is_end(entry)]
        due = sorted((*self._open, *self._behind()), key=_rank)
        return [offer for offer in (*due, *self._held, *later) if not _is_cancelled(offer)]

    def _behind(self) -> list[Offer]:
        """What is due, and has to wait for others on its connection."""
        return [offer for order in self._orders.values() for offer in order if offer.is_due]

    def stop_noting(self) -> None:
        """What code does from now on, while it is being ended, is no part of the run."""
        self._current = None

    def close(self) -> None:
        """The run is over: whoever keeps what was taken does not keep all of the run with it."""
        for offer in self.taken:
            offer.step = offer.order = None

    def touch(self, what: str) -> None:
        """The step that runs now has to do with `what`, and its order with others that do matters."""
        if self._current is not None:
            self._current.touched[what] = None

    def count(self, what: str) -> None:
        """As `touch`, but in whatever order steps do only this, the same comes of it."""
        if self._current is not None:
            self._current.counted[what] = None

    def touch_process(self, process: Any) -> None:
        """The step that runs now looks at another process, or changes it."""
        if self._current is not None:
            self.touch(self.name(process))

    def run(self, process: Any) -> None:
        """The step that runs now runs code of a process that it was not known to be of."""
        self.touch_process(process)
        self._ran[self.name(process)] = self._steps - 1

    def touch_replies(self, process: Any) -> None:
        """The step that runs now looks which replies a process has got, and does not simply wait for them."""
        if self._current is not None:
            self.touch(f"replies to {self.name(process)}")

    def touch_mailbox(self, process: Any) -> None:
        """The step that runs now looks who waits for an actor."""
        if self._current is not None:
            self.touch(f"mailbox of {self.name(process)}")

    def _touch_first(self, offer: Offer) -> None:
        """What a step has to do with in any case."""
        kind, _, target, _ = offer.description
        if offer.is_bookkeeping:
            return
        if kind in ("step", "notice") or offer.is_timed:
            self.touch(ALL)
        elif kind == "reply":
            self.count(f"replies to {target}")
        elif kind == "call":
            self.touch(f"mailbox of {target}")  # what else, knows who takes it in
        else:
            self.touch(target)

    def take_off(self, unwanted: Callable[[Any], bool]) -> list[Any]:
        """Forget steps that have not happened; returns them in the order in which they would have become ready."""
        offers = [entry[3] for entry in self._queue if type(entry[3]) is Offer]
        offers += self._open + self._behind() + self._held
        gone = [offer for offer in offers if unwanted(offer.step)]
        for offer in gone:
            self._forget(offer)
        return [offer.step for offer in sorted(gone, key=lambda offer: offer.rank)]

    def _offer(self, step: Any, time_ns: int, number: int, *, is_prompt: bool = False) -> Offer:
        counts, description = self._counts, self.describe(step)
        count = counts[description] = counts.get(description, 0) + 1
        kind = description[0]
        offer = Offer(
            step,
            description,
            count,
            self._causes(step, kind, description[2]),
            time_ns,
            time_ns + self._slack_ns.get(kind, 0),
            (time_ns, number),
            is_prompt=is_prompt,
        )
        if self.keeps_turns_apart:
            offer.touched, offer.counted = {}, {}
            self._touch_for(offer)
        return offer

    def _touch_for(self, offer: Offer) -> None:
        """What a step has to do with that brings an offer about."""
        kind, source, target, _ = offer.description
        if kind in MESSAGES:
            self.touch(source)  # what it sends is numbered
        elif kind not in _OF_OTHERS and not offer.is_bookkeeping:
            self.touch(target)

    def _causes(self, step: Any, kind: str, target: str) -> tuple[int, ...]:
        answered, arrived = self._answered, self._arrived
        others = [answered[call] for call in self.awaited(step) if call in answered] if answered else []
        if step in arrived:  # its turn has come, or its answer comes
            others.append(arrived[step])
            if kind == "turn" and target in self._ran:
                others.append(self._ran[target])
        return (*self._now, *others) if others else self._now

    def _admit(self, now_ns: int) -> None:
        """What is ready at this instant becomes an offer that can't wait."""
        for step in self._ready:
            insort(self._open, self._offer(step, now_ns, self._next_number(), is_prompt=True), key=_rank)
        self._ready.clear()

    def _come(self, offer: Offer) -> None:
        """It is due, if nothing has to happen on its connection before it."""
        if offer.order is not None and offer.order[0] is not offer:
            offer.is_due = True
        elif not self._open or self._open[-1].rank < offer.rank:
            self._open.append(offer)
        else:
            insort(self._open, offer, key=_rank)

    def _leave(self, order: deque[Offer]) -> None:
        """The first one on a connection is gone."""
        if order and order[0].is_due:
            order[0].is_due = False
            self._come(order[0])

    def _pull(self) -> int:
        """Offer what is due before something else must have happened; returns when that is."""
        opened, held, queue = self._open, self._held, self._queue
        if self.has_cancelled:  # what was cancelled sets no bound
            self.has_cancelled = False
            for offers in (opened, held):
                offers[:] = [offer for offer in offers if not _is_cancelled(offer)]
        horizon_ns = min(map(_latest, opened)) if opened else None
        for offer in held:
            if horizon_ns is None or offer.latest_ns < horizon_ns:
                horizon_ns = offer.latest_ns
        while horizon_ns is None or queue[0][0] <= horizon_ns:
            if type(queue[0][3]) is End:
                break
            offer = heappop(queue)[3]
            if not _is_cancelled(offer):
                self._come(offer)
                if horizon_ns is None or offer.latest_ns < horizon_ns:
                    horizon_ns = offer.latest_ns
        return horizon_ns or 0

    def _options(self, horizon_ns: int) -> list[Offer]:
        """What may happen next, the dullest first."""
        options = [offer for offer in self._open if offer.earliest_ns <= horizon_ns]
        if self._held:
            options += [offer for offer in self._held if offer.earliest_ns <= horizon_ns]
        return options

    def _hold(self, offer: Offer) -> None:
        if not offer.is_held:
            offer.is_held = True
            self._open.remove(offer)
            self._held.append(offer)

    def _remove(self, offer: Offer) -> None:
        (self._held if offer.is_held else self._open).remove(offer)
        if offer.order is not None:
            offer.order.popleft()
            self._leave(offer.order)

    def _forget(self, offer: Offer) -> None:
        for offers in (self._open, self._held):
            if offer in offers:
                offers.remove(offer)
        if any(entry[3] is offer for entry in self._queue):
            self._queue[:] = [entry for entry in self._queue if entry[3] is not offer]
            heapify(self._queue)
        if offer.order is not None:
            offer.order.remove(offer)
            self._leave(offer.order)


_latest = attrgetter("latest_ns")


def _rank(offer: Offer) -> tuple[int, int]:
    return offer.rank


def _is_end(entry: tuple[int, Any, int, Any]) -> bool:
    return type(entry[3]) is End


def _is_cancelled(offer: Offer) -> bool:
    step = offer.step
    return getattr(step, "action", step) is None

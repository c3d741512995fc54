"""The state of every ref: when it becomes ready, and who waits for it.

Not where outcomes come from: replies arrive through `network.py`, the items of generators through `streams.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from simactors.core.choices import Choices
from simactors.core.outcome import Outcome, Value, failure
from simactors.core.refs import ObjectRef
from simactors.exceptions import ObjectReconstructionFailedError
from simactors.sim.cluster import Process
from simactors.sim.config import NS
from simactors.sim.invocation import (
    Invocation,
    Particulars,
    State,
    StoredObject,
    Watch,
    add_waiter,
    check_session,
)
from simactors.sim.kernel import Kernel
from simactors.sim.offers import Offers
from simactors.sim.placement import RESOURCES
from simactors.sim.stores import StoredValue
from simactors.sim.trace import Trace
from simactors.sim.waiting import Timer, Waiter

# What looking at refs without waiting costs: without it, a loop of `wait(refs, timeout=0)` would never let time go on.
_LOOK_NS = 1_000

_NOTHING = Value(None)
_NOT_MADE_AGAIN = failure(
    ObjectReconstructionFailedError("The generator ran again and did not yield the lost item this time.")
)


class _RefWaiter(Waiter):
    """Code that waits for some of several refs.

    Attributes:
        missing: how many more must become ready; 0 once it was woken or gave up.
    """

    __slots__ = ("missing", "stop_at_error", "timer")

    # Not through super(): this is made for every call that blocks. Kernel.block sets the rest.
    def __init__(self, process: Process, why: object, missing: int) -> None:
        self.process = process
        self.why = why
        self.missing = missing
        self.stop_at_error = False
        self.timer: Timer | None = None


class Objects:
    """Seals outcomes and wakes those who wait.

    Args:
        look: sees each outcome that arrives for a ref, and says what is kept of it; None: nobody does.

    Attributes:
        ids: how many ids have been given to calls, objects and actors.
        remake: called with a generator that has ended, and is to run once more for items that were lost.
    """

    def __init__(
        self, kernel: Kernel, trace: Trace, look: Callable[[State, Outcome], Outcome] | None = None
    ) -> None:
        self._kernel = kernel
        self._ready = kernel.ready
        self._offers = kernel.offers
        self._choices: Choices = kernel.choices
        self.ids = 0
        self.remake: Callable[[Invocation], None]
        self._trace_add = trace.add
        if look is not None:
            self._look_before(look)

    def _look_before(self, look: Callable[[State, Outcome], Outcome]) -> None:
        seal, arrived = self.seal, self.arrived

        def look_and_seal(invocation: Invocation) -> None:
            invocation.reply = looked_at(invocation.reply, lambda outcome: look(invocation, outcome))
            seal(invocation)

        # Methods of this one object: whoever looks at nothing pays nothing.
        self.seal = look_and_seal  # type: ignore[method-assign]
        self.arrived = lambda state, outcome: arrived(state, look(state, outcome))  # type: ignore[method-assign]

    def next_id(self) -> int:
        """A new id for a call, an object or an actor."""
        self.ids += 1
        return self.ids

    def put(self, value: Value, owner: Process) -> ObjectRef[Any]:
        """A ref that is ready at once."""
        state = StoredObject(self.next_id(), "put()", owner, value)
        owner.puts()
        self._trace_add((self._kernel.now_ns, "put", state.id, owner.label, ""))
        return ObjectRef(state)

    def seal(self, invocation: Invocation) -> None:
        """The reply is there: its refs are ready."""
        reply, extra, trace_add = invocation.reply, invocation.extra, self._trace_add
        if self._offers is not None and self._offers.keeps_turns_apart:
            self._note(invocation, self._offers)
        kind = "ready" if not reply or reply[0].ok else "fail"
        caller = invocation.caller
        label = caller.known_label or caller.label
        trace_add((self._kernel.now_ns, kind, invocation.id, label, invocation.label))
        if extra is not None:
            self._seal_particular(invocation, extra)
            return
        # What only the way here needed would otherwise live as long as the ref.
        invocation.arguments = ()
        invocation.handle = None
        invocation.outcome = reply[0]
        if invocation.waiters is not None:
            self._tell(invocation)

    def _note(self, invocation: Invocation, offers: Offers) -> None:
        """Where the order is explored: say whether it matters in which order this reply and others come."""
        process, extra = invocation.caller, invocation.extra
        is_one = extra is None or (extra.stream is None and not extra.is_dynamic and not extra.more)
        blocked = sum(waiter.process is process for waiter in self._kernel.blocked)
        waiters = invocation.waiters or ()
        offers.count(_lends(offers, process))
        if (
            is_one
            and invocation.reply[0].ok
            and blocked <= 1
            and all(_needs_all(waiter, invocation) for waiter in waiters)
        ):
            return
        offers.touch_process(process)
        states: list[State] = [invocation, *(() if extra is None else extra.more)]
        for state in states:
            for waiter in state.waiters or ():
                if isinstance(waiter, Waiter):
                    offers.touch_process(waiter.process)

    def _look_at(self, states: Sequence[State], process: Process | None, *, simply_waits: bool) -> None:
        """Where the order is explored: code of `process` looks whether refs are ready.

        Who waits for all of his own, for as long as it takes, sees nothing of the order in which they come.
        """
        offers = self._kernel.offers
        for state in states if offers is not None else ():
            if not simply_waits or state.caller is not process:
                offers.touch_replies(state.caller)  # type: ignore[union-attr]  # there are none without it

    def _seal_particular(self, invocation: Invocation, extra: Particulars) -> None:
        """As `seal`, for a call that is not like most."""
        reply = invocation.reply
        extra.is_remade = False
        extra.answered_ns = self._kernel.now_ns
        if extra.stream is not None:
            self._end_stream(invocation)
            return
        # A call that must be made again when its large result is lost still needs its arguments.
        if extra.retries == 0 or not (extra.is_dynamic or any(type(o) is StoredValue for o in reply)):
            invocation.arguments = ()
        invocation.handle = None
        if not reply:
            # num_returns=0: nobody has a ref, but the call is no longer pending.
            invocation.outcome = _NOTHING
            return
        self.arrived(invocation, reply[0])
        for state, outcome in zip(extra.more, reply[1:], strict=True):
            self.arrived(state, outcome)
        if extra.is_dynamic:
            self._end_remade(invocation)

    def arrived(self, state: State, outcome: Outcome) -> None:
        """What a ref stands for is there."""
        state.outcome = outcome
        if state.waiters is not None:
            self._tell(state)

    def _end_stream(self, invocation: Invocation) -> None:
        outcome = invocation.reply[0]
        if invocation.retries == 0:
            invocation.arguments = ()
        invocation.handle = None
        invocation.stream.end(outcome)
        invocation.outcome = _NOTHING if outcome.ok else outcome
        if invocation.waiters is not None:
            self._tell(invocation)
        self._end_remade(invocation)

    def _end_remade(self, invocation: Invocation) -> None:
        """A generator has run; what was to come of it and will not is made by one more run, or is lost for good.

        As on Ray, a run that was under way already when something was lost goes on to its end before.
        """
        extra, outcome = invocation.particulars(), invocation.reply[0]
        meanwhile, extra.lost_meanwhile = extra.lost_meanwhile, []
        again = False
        for index, state in list(extra.remade.items()):
            if outcome.ok and state in meanwhile and invocation.retries:
                again = True
                continue
            if (
                outcome.ok
                and state not in meanwhile
                and extra.stream is not None
                and index < extra.stream.total
            ):
                continue  # it is on its way
            del extra.remade[index]
            self.arrived(state, outcome if not outcome.ok else _NOT_MADE_AGAIN)
        if again:
            self.remake(invocation)

    def when_ready(self, states: Sequence[State], action: Callable[[], None]) -> None:
        """Run `action` once all `states` are ready; at once if they are."""
        self._look_at(states, None, simply_waits=False)
        open_states = [s for s in states if s.outcome is None]
        if not open_states:
            action()
            return
        watch = Watch(len(open_states), action)
        for state in open_states:
            add_waiter(state, watch)

    def wait(
        self,
        process: Process,
        refs: Sequence[ObjectRef[Any]],
        num_returns: int,
        timeout_s: float | None,
        stop_at_error: bool,  # forwarded for every call that blocks
    ) -> list[ObjectRef[Any]]:
        """See `Backend.wait`; suspends the running code."""
        if len(refs) == 1:
            ready = self.wait_one(process, refs[0].entry, timeout_s)  # type: ignore[arg-type]
            return list(refs) if ready else []
        check_session(process, refs)
        states: list[State] = [ref.entry for ref in refs]  # type: ignore[misc]  # our own entries
        simply_waits = timeout_s is None and num_returns == len(states)
        self._look_at(states, process, simply_waits=simply_waits)
        pending = [s for s in states if s.outcome is None]
        missing = num_returns - len(states) + len(pending)
        failed = stop_at_error and any(s.outcome is not None and not s.outcome.ok for s in states)
        if missing > 0 and not failed:
            waiter = _RefWaiter(process, Several(pending), missing)
            waiter.stop_at_error = stop_at_error
            for state in pending:
                if state.waiters is None:
                    state.waiters = [waiter]
                else:
                    state.waiters.append(waiter)
            self._block(waiter, timeout_s)
            self._look_at(states, process, simply_waits=simply_waits)
            for state in pending:
                if state.waiters is not None:  # most are ready, and have told all who waited
                    _remove_waiter(state, waiter)
        return self._pick(refs, num_returns)

    def wait_one(self, process: Process, state: State, timeout_s: float | None) -> bool:
        """Suspend the running code until `state` is ready; false if the time was up before."""
        if getattr(state, "caller", None) is not process:
            check_session(process, (ObjectRef(state),))
        if state.caller is not process or timeout_s is not None:
            self._look_at((state,), process, simply_waits=timeout_s is None)
        if state.outcome is not None:
            return True
        waiter = _RefWaiter(process, state, 1)
        if state.waiters is None:
            state.waiters = [waiter]
        else:
            state.waiters.append(waiter)
        if timeout_s is None:
            self._kernel.block(waiter)
            return True
        self._block(waiter, timeout_s)
        self._look_at((state,), process, simply_waits=False)
        if state.outcome is not None:
            return True
        _remove_waiter(state, waiter)
        return False

    def ready(self, refs: Sequence[ObjectRef[Any]], count: int) -> bool:
        """Whether at least `count` of `refs` are ready."""
        offers = self._kernel.offers
        for ref in refs if offers is not None else ():
            offers.touch(_lends(offers, ref.entry.caller))  # type: ignore  # as above; our own entries
        return sum(ref.entry.outcome is not None for ref in refs) >= count  # type: ignore[attr-defined]

    def _block(self, waiter: _RefWaiter, timeout_s: float | None) -> None:
        if timeout_s is not None:
            delay_ns = max(round(timeout_s * NS), _LOOK_NS)
            waiter.timer = self._kernel.timer(delay_ns, lambda: self._time_out(waiter), waiter.process)
        self._kernel.block(waiter)

    def _time_out(self, waiter: _RefWaiter) -> None:
        if waiter.missing > 0:
            waiter.missing = 0
            waiter.timer = None
            waiter.then(waiter)

    def _tell(self, state: State) -> None:
        """Wake those who have waited for this ref, if it was the last they needed."""
        waiters, state.waiters = state.waiters, None
        for waiter in waiters or ():
            missing = waiter.missing
            if missing == 1 or (missing > 0 and waiter.stop_at_error and not state.outcome.ok):  # type: ignore[union-attr]
                waiter.missing = 0
                if waiter.timer is not None:
                    self._kernel.cancel(waiter.timer)
                self._ready.append(waiter)
            elif missing > 0:  # else it gave up, or was told already
                waiter.missing = missing - 1

    def _pick(self, refs: Sequence[ObjectRef[Any]], most: int) -> list[ObjectRef[Any]]:
        """The ready ones, `most` at most; which of too many is nobody's promise, so `Choices` says."""
        ready = [ref for ref in refs if ref.entry.outcome is not None]  # type: ignore[attr-defined]
        while len(ready) > most:
            # Answer 0 leaves out the last one, so that the dullest run takes them in order.
            del ready[-1 - self._choices.pick("wait", ready)]
        return ready


def looked_at(outcomes: tuple[Outcome, ...], look: Callable[[Outcome], Outcome]) -> tuple[Outcome, ...]:
    """What `look` makes of several outcomes; of one that is there more than once, one and the same."""
    found = {outcome: look(outcome) for outcome in dict.fromkeys(outcomes)}
    return tuple(found[outcome] for outcome in outcomes)


def _remove_waiter(state: State, waiter: _RefWaiter) -> None:
    if state.waiters is not None and waiter in state.waiters:
        state.waiters.remove(waiter)


def _needs_all(waiter: Any, state: Invocation) -> bool:
    """Whether somebody waits for this ref and others in any order: nothing goes on before the last one is there."""
    if not isinstance(waiter, _RefWaiter) or waiter.timer is not None or waiter.process is not state.caller:
        return False
    pending = waiter.why.pending if isinstance(waiter.why, Several) else (state,)
    return waiter.missing == sum(s.outcome is None for s in pending)


def _lends(offers: Offers, process: Process) -> str:
    """What replies have to do with if there are too few resources: a task that has to wait for them lends its own."""
    return f"{RESOURCES} of who waits for replies to {offers.name(process)}"


class Several:
    """For reports: the refs that code waits for, as they stand when somebody asks."""

    def __init__(self, pending: Sequence[State]) -> None:
        self.pending = pending

    def __str__(self) -> str:
        names = [str(s) for s in self.pending if s.outcome is None]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        return f"{', '.join(names[:3])}{more}"

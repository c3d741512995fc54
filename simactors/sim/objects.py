"""The state of every ref: when it becomes ready, and who waits for it.

Not where values come from: `actors.py` and `calls.py` hand outcomes over, here they travel home and are sealed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from simactors.core.choices import Choices
from simactors.core.outcome import Failure, Outcome, Value
from simactors.core.refs import ObjectRef
from simactors.sim.cluster import Link, Process
from simactors.sim.config import NS
from simactors.sim.invocation import Invocation, State, StoredObject
from simactors.sim.kernel import Kernel, Timer, Waiter
from simactors.sim.trace import Trace

# What looking at refs without waiting costs: without it, a loop of `wait(refs, timeout=0)` would never let time go on.
_LOOK_NS = 1_000


class _RefWaiter(Waiter):
    """Code that waits for some of several refs.

    Attributes:
        missing: how many more must become ready; 0 or less once it was woken.
    """

    __slots__ = ("missing", "stop_at_error", "timer")

    def __init__(
        self, process: Process, why: Callable[[], str], missing: int, *, stop_at_error: bool
    ) -> None:
        super().__init__(process, why)
        self.missing = missing
        self.stop_at_error = stop_at_error
        self.timer: Timer | None = None


class Objects:
    """Seals outcomes and wakes those who wait.

    Args:
        send_home: puts an invocation with its reply on its way back to the caller.
    """

    def __init__(self, kernel: Kernel, trace: Trace, send_home: Callable[[Link, Any], None]) -> None:
        self._kernel = kernel
        self._choices: Choices = kernel.choices
        self._trace = trace
        self._send_home = send_home
        self._ids = 0
        self._seal = self.seal  # bound once: it is stored in every reply

    def next_id(self) -> int:
        """A new id for a call, an object or an actor."""
        self._ids += 1
        return self._ids

    def put(self, packed: object, owner: Process) -> ObjectRef[Any]:
        """A ref that is ready at once."""
        state = StoredObject(self.next_id(), "put()", Value(packed))
        self._trace.add((self._kernel.now_ns, "put", state.id, owner.label, ""))
        return ObjectRef(state)

    def answer(self, invocation: Invocation, reply: tuple[Outcome, ...]) -> None:
        """Send the outcomes of a call home."""
        assert invocation.link is not None
        invocation.reply = reply
        invocation.then = self._seal
        self._send_home(invocation.link, invocation)

    def fail(self, invocation: Invocation, failure: Failure) -> None:
        """Answer a call with the same failure for each of its refs."""
        self.answer(invocation, (failure,) * invocation.num_returns)

    def seal(self, invocation: Invocation) -> None:
        """The reply is there: its refs are ready."""
        reply = invocation.reply
        kind = "ready" if not reply or reply[0].ok else "fail"
        row = (
            self._kernel.now_ns,
            kind,
            invocation.id,
            invocation.caller.label,
            invocation.label,
        )
        self._trace.add(row)
        # What only the way here needed would otherwise live as long as the ref.
        invocation.arguments = None  # type: ignore[assignment]  # never looked at again
        invocation.function = None
        if not reply:
            return  # num_returns=0
        self._ready(invocation, reply[0])
        for state, outcome in zip(invocation.more, reply[1:], strict=True):
            self._ready(state, outcome)

    def when_ready(self, states: Sequence[State], action: Callable[[], None]) -> None:
        """Run `action` once all `states` are ready; at once if they are."""
        open_states = [s for s in states if s.outcome is None]
        if not open_states:
            action()
            return
        watch = _Watch(len(open_states), action)
        for state in open_states:
            _add_waiter(state, watch)

    def wait(
        self,
        process: Process,
        refs: Sequence[ObjectRef[Any]],
        num_returns: int,
        timeout_s: float | None,
        *,
        stop_at_error: bool,
    ) -> list[ObjectRef[Any]]:
        """See `Backend.wait`; suspends the running code."""
        states: list[State] = [ref.entry for ref in refs]  # type: ignore[misc]  # our own entries
        ready = sum(s.outcome is not None for s in states)
        failed = stop_at_error and any(s.outcome is not None and not s.outcome.ok for s in states)
        if ready < num_returns and not failed:
            self._block(process, states, num_returns - ready, timeout_s, stop_at_error)
        return self._pick(refs, num_returns)

    def ready(self, refs: Sequence[ObjectRef[Any]], count: int) -> bool:
        """Whether at least `count` of `refs` are ready."""
        return sum(ref.entry.outcome is not None for ref in refs) >= count  # type: ignore[attr-defined]

    def _block(
        self,
        process: Process,
        states: list[State],
        missing: int,
        timeout_s: float | None,
        stop_at_error: bool,
    ) -> None:
        pending = [s for s in states if s.outcome is None]
        waiter = _RefWaiter(process, lambda: _describe(pending), missing, stop_at_error=stop_at_error)
        for state in pending:
            _add_waiter(state, waiter)
        if timeout_s is not None:
            delay_ns = max(int(timeout_s * NS), _LOOK_NS)
            waiter.timer = self._kernel.timer(delay_ns, lambda: self._time_out(waiter))
        first = pending[0]
        what = first.label if len(pending) == 1 else f"{missing} of {len(pending)} refs"
        number = first.id if len(pending) == 1 else 0
        self._trace.add((self._kernel.now_ns, "block", number, process.label, what))
        try:
            self._kernel.block(waiter)
        finally:
            waiter.missing = 0
            for state in pending:
                if state.waiters is not None and waiter in state.waiters:
                    state.waiters.remove(waiter)

    def _time_out(self, waiter: _RefWaiter) -> None:
        if waiter.missing > 0:
            waiter.missing = 0
            waiter.timer = None
            waiter.run()

    def _ready(self, state: State, outcome: Outcome) -> None:
        state.outcome = outcome
        waiters, state.waiters = state.waiters, None
        for waiter in waiters or ():
            if waiter.missing <= 0:
                continue
            waiter.missing -= 1
            if waiter.missing and not (waiter.stop_at_error and not outcome.ok):
                continue
            waiter.missing = 0
            if waiter.timer is not None:
                self._kernel.cancel(waiter.timer)
            self._kernel.wake(waiter)

    def _pick(self, refs: Sequence[ObjectRef[Any]], most: int) -> list[ObjectRef[Any]]:
        """The ready ones, `most` at most; which of too many is nobody's promise, so `Choices` says."""
        ready = [ref for ref in refs if ref.entry.outcome is not None]  # type: ignore[attr-defined]
        while len(ready) > most:
            # Answer 0 leaves out the last one, so that the dullest run takes them in order.
            del ready[-1 - self._choices.pick("wait", ready)]
        return ready


class _Watch:
    """Something to do once several refs are ready, without code that waits for it."""

    __slots__ = ("action", "missing", "process")
    stop_at_error = False
    timer = None

    def __init__(self, missing: int, action: Callable[[], None]) -> None:
        self.missing = missing
        self.action = action

    def run(self) -> None:
        self.action()


def _add_waiter(state: State, waiter: _RefWaiter | _Watch) -> None:
    if state.waiters is None:
        state.waiters = [waiter]
    else:
        state.waiters.append(waiter)


def _describe(pending: Sequence[State]) -> str:
    names = [f"{s.label} #{s.id}" for s in pending if s.outcome is None]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"waits for {', '.join(names[:3])}{more}"

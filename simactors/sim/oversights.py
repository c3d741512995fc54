"""Looks for what a run is to fail for without any assertion, see `fail_on.py`; a run that asks for nothing has none.

What each of them means is in `unread.py`, `leaks.py` and `starvation.py`; here is where they look, and what is too
little for a file of its own.
"""

from __future__ import annotations

import functools
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from simactors.core.outcome import Outcome
from simactors.core.refs import ObjectRef
from simactors.exceptions import DriverTimeoutError, Finding, LivelockError
from simactors.sim import lines
from simactors.sim.actor import SimActor
from simactors.sim.actors import Actors
from simactors.sim.cluster import Process
from simactors.sim.config import NS
from simactors.sim.fail_on import FailOn
from simactors.sim.invocation import Invocation, State
from simactors.sim.kernel import Kernel
from simactors.sim.leaks import Leaks
from simactors.sim.network import Network
from simactors.sim.objects import looked_at
from simactors.sim.starvation import Starvation
from simactors.sim.trace import Trace
from simactors.sim.unread import Unread

_MOST_TOLD = 5


class Oversights:
    """Those of one run."""

    def __init__(self, fail_on: FailOn, kernel: Kernel, trace: Trace) -> None:
        self._fail_on = fail_on
        self._kernel = kernel
        self._trace = trace
        self._unread = Unread()
        self._leaks = Leaks()
        self._starvation = Starvation(fail_on)
        self._timeout: DriverTimeoutError | None = None
        self._driver: Process | None = None
        # Steps count only while the driver waits: when it last got an answer, and when it last ended to wait.
        self._progress = self._left = 0
        self._waits = 0

    @classmethod
    def of(cls, fail_on: FailOn, kernel: Kernel, trace: Trace) -> Oversights | None:
        """None if there is nothing to look for."""
        return cls(fail_on, kernel, trace) if fail_on else None

    # Where they look

    def attach(self, driver: Process, network: Network, actors: Actors) -> None:
        """Look at what happens from now on."""
        self._driver = driver
        if self._fail_on.is_about_turns or self._fail_on.unread_error:
            network.tell(self._answered, self._lost)
        if self._fail_on.leaked_actor:
            actors.forsaken = self._leaks.dropped

    def arriving(self, arrive: Callable[[Invocation], None]) -> Callable[[Invocation], None]:
        """What happens to calls that arrive at their actors, with a look at them before."""
        if not self._fail_on.is_about_turns:
            return arrive

        def look_and_arrive(call: Invocation) -> None:
            self._starvation.arrived(call, self._kernel.now_ns)
            arrive(call)

        return look_and_arrive

    def look(self, state: State, outcome: Outcome) -> Outcome:
        """What has come home for `state`, as it is to be kept there."""
        if state.caller is self._driver:
            self._progress = self._left = self._kernel.steps
        return (
            self._unread.look(state, outcome, self._kernel.now_ns) if self._fail_on.unread_error else outcome
        )

    def created(self, actor: SimActor) -> None:
        """The running code has made an actor."""
        if self._fail_on.leaked_actor:
            self._leaks.made(actor, lines.innermost(sys._getframe(1)))

    def waiting(self, wait: Callable[..., list[ObjectRef[Any]]], caller: Callable[[], Process]) -> Any:
        """`Backend.wait`, with a look at who waits for what, and in vain."""

        def look_and_wait(
            refs: Sequence[ObjectRef[Any]],
            num_returns: int,
            timeout_s: float | None,
            *,
            stop_at_error: bool = False,
        ) -> list[ObjectRef[Any]]:
            if stop_at_error and len(refs) > 1 and self._fail_on.unread_error:
                self._unread.asked(refs)
            if caller() is not self._driver:
                return wait(refs, num_returns, timeout_s, stop_at_error=stop_at_error)
            self._begin_waiting()
            try:
                ready = wait(refs, num_returns, timeout_s, stop_at_error=stop_at_error)
            finally:
                self._end_waiting()
            if stop_at_error and len(ready) < num_returns:
                self._timed_out(refs, ready, timeout_s)
            return ready

        return look_and_wait

    def _begin_waiting(self) -> None:
        if not self._waits:
            self._progress += self._kernel.steps - self._left
        self._waits += 1

    def _end_waiting(self) -> None:
        self._waits -= 1
        self._left = self._kernel.steps

    def _timed_out(
        self, refs: Sequence[ObjectRef[Any]], ready: Sequence[ObjectRef[Any]], timeout_s: float | None
    ) -> None:
        states: list[State] = [ref.entry for ref in refs]  # type: ignore[misc]  # our own
        has_failed = any(ref.entry.outcome is not None and not ref.entry.outcome.ok for ref in ready)  # type: ignore[attr-defined]
        if has_failed or self._timeout is not None or not self._fail_on.get_timeout:
            return
        open_states = [str(state) for state in states if state.outcome is None]
        more = f" and {len(open_states) - _MOST_TOLD} more" if len(open_states) > _MOST_TOLD else ""
        self._timeout = DriverTimeoutError(
            f"a `get` of the driver timed out after {timeout_s:g}s, at {self._kernel.now_ns / NS:.6f}s of virtual "
            f"time: {', '.join(open_states[:_MOST_TOLD])}{more} did not come. Give it more time, or find out what "
            f"holds it up.\n{lines.innermost(sys._getframe(2))}".rstrip()
        )

    def _answered(self, call: Invocation, outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
        found = self._starvation.answered(call, self._kernel.now_ns)
        if found is not None:
            # As a step of its own: here, an event loop of the user's could keep it.
            self._kernel.soon(functools.partial(_fail, found))
        if self._fail_on.unread_error and any(not outcome.ok for outcome in outcomes):
            return looked_at(outcomes, lambda outcome: self._unread.look(call, outcome, self._kernel.now_ns))
        return outcomes

    def _lost(self, call: Invocation) -> None:
        self._starvation.lost(call)
        self._unread.lost(call)

    # What is found

    def check_progress(self) -> None:
        """Raise `LivelockError` if the driver has waited for too many steps; asked now and then."""
        most, steps = self._fail_on.livelock_steps, self._kernel.steps - self._progress
        if most is None or not self._waits or steps <= most:
            return
        starts = Counter(record.what for record in self._trace.last(sys.maxsize) if record.kind == "start")
        told = ", ".join(f"{label} ({times} times)" for label, times in starts.most_common(_MOST_TOLD))
        lately = f" What ran lately: {told}." if told else ""
        self._progress = self._kernel.steps  # the program may catch this, and go on
        raise LivelockError(
            f"no answer has come to the driver for {steps} steps, at {self._kernel.now_ns / NS:.6f}s of virtual time, "
            f"though much has happened.{lately} Look for processes that wait for one another by asking again and again."
        )

    def check(self) -> None:
        """The program has ended: raise what there is to be found.

        Raises:
            OversightError: the first of all.
        """
        if self._timeout is not None:
            raise self._timeout
        if self._fail_on.unread_error:
            self._unread.check()
        if self._fail_on.leaked_actor:
            self._leaks.check()


def _fail(found: Finding) -> None:
    raise found

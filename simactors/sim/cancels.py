"""Cancelling calls: what becomes of one that waits, one that runs, and those that it has made.

As on Ray, code is not torn out of a running method of an actor; a task meets `KeyboardInterrupt` where it waits, a
coroutine `asyncio.CancelledError`.
"""

from __future__ import annotations

import functools
from typing import Any

from simactors import exceptions
from simactors.core.outcome import failure
from simactors.core.refs import ObjectRef
from simactors.sim.answers import canceled
from simactors.sim.calls import Calls
from simactors.sim.cluster import Process
from simactors.sim.gaps import Gaps
from simactors.sim.invocation import Invocation, StoredObject
from simactors.sim.kernel import Kernel
from simactors.sim.lifecycle import State
from simactors.sim.network import Network
from simactors.sim.objects import Several
from simactors.sim.offer import ALL
from simactors.sim.placement import Placement
from simactors.sim.tasks import Tasks
from simactors.sim.threads import of_waiter
from simactors.sim.trace import Trace
from simactors.sim.waiting import SleepUntil, Waiter

_CHECK_NS = 500_000_000  # as often as Ray looks


class Cancels:
    """Carries cancellations to where the calls are.

    Args:
        gaps: what calls leave behind that are cancelled before they are sent; None: nothing.
    """

    def __init__(
        self,
        kernel: Kernel,
        trace: Trace,
        network: Network,
        placement: Placement,
        tasks: Tasks,
        calls: Calls,
        gaps: Gaps | None,
    ) -> None:
        self._kernel = kernel
        self._trace_add = trace.add
        self._network = network
        self._placement = placement
        self._tasks = tasks
        self._calls = calls
        self._gaps = gaps

    def cancel(self, caller: Process, ref: ObjectRef[Any], *, force: bool, recursive: bool) -> None:
        """See `core.abilities.Cancels`."""
        state: Any = ref.entry
        call = state.call if isinstance(state, StoredObject) else state
        if call is None or call.outcome is not None:
            return  # it has finished, or there is nothing to cancel
        if call.actor is not None and force:
            raise ValueError("force=True is not supported for actor tasks.")
        self._kernel.touches(ALL)
        self._trace_add((self._kernel.now_ns, "cancel", call.id, caller.label, call.label))
        self._mark(call, force=force, recursive=recursive)

    def _mark(self, call: Invocation, *, force: bool, recursive: bool) -> None:
        extra = call.particulars()
        extra.is_canceled = True
        process = call.process
        assert call.link is not None
        if process is None or _is_held(call) or self._is_in_time(call):
            self._cancel_waiting(call)
        else:
            arrive = functools.partial(self._arrive, call, process, force=force)
            self._network.notify(call.link, call.caller.node, process.node, arrive)
        for child in self._children(call) if recursive else ():
            if child.outcome is None and not child.is_canceled:
                self._mark(child, force=force and child.actor is None, recursive=True)

    def _children(self, call: Invocation) -> list[Invocation]:
        """The unfinished calls that the code of `call` has made, as far as anybody knows.

        Tasks, and what tasks and concurrent actors call, are remembered; of a plain actor's calls of other actors,
        which are far more, only those that it waits for are known.
        """
        extra = call.particulars()
        found = dict.fromkeys(extra.children or ())
        waiter = self._waiter_of(call.process) if call.process is not None and _is_running(call) else None
        for state in () if waiter is None else _waited_for(waiter):
            if isinstance(state, Invocation) and state.caller is call.process:
                found[state] = None
        return list(found)

    def _cancel_waiting(self, call: Invocation) -> None:
        """It waits for its arguments or for resources: it never starts."""
        self._kernel.take_off(lambda event: event is call)  # it may be on its way to be made once more
        if call.actor is None:
            self._placement.withdraw(call)
            self._network.fail(call, failure(exceptions.TaskCancelledError()))
            return
        if self._gaps is not None and call.actor.extra.is_ordered:
            self._gaps.leave(call)
        if call.actor.mailbox and call in call.actor.mailbox:
            call.actor.mailbox.remove(call)
        self._calls.holding.withdraw(call)
        self._network.fail(call, canceled(call))

    def _is_in_time(self, call: Invocation) -> bool:
        """Whether the cancellation reaches a call that has just been made before it is sent: on Ray, a race."""
        if self._gaps is None or call.actor is None or not self._calls.is_sent(call):
            return False
        return self._kernel.choices.number("unsent", 2) == 1 and self._calls.take_back(call)

    def _arrive(self, call: Invocation, process: Process, *, force: bool) -> None:
        """The cancellation reaches the process that the call was sent to."""
        if call.outcome is not None or call.process is not process or process.gone:
            return
        if call.actor is None and process.task is not call:
            return  # it has run, and something else may run there now
        extra = call.particulars()
        if extra.coroutine is not None:
            extra.is_told = True
            extra.coroutine.cancel()
        elif call.actor is not None:
            self._tell_actor(call, process)
        elif force:
            self._tasks.crash(call, "", exceptions.TaskCancelledError)
        else:
            waiter = self._waiter_of(process)
            if waiter is not None:
                self._interrupt(waiter)

    def _tell_actor(self, call: Invocation, process: Process) -> None:
        """A method that runs may ask whether it is cancelled; one that waits in a long `get` is interrupted there."""
        actor = process.actor
        if actor.lanes is not None and actor.lanes.is_async:
            return  # it has not begun
        if actor.current is call or (actor.lanes is not None and call in actor.lanes.under_way):
            call.particulars().is_told = True
            self._kernel.timer(_CHECK_NS, functools.partial(self._check, call, process, None))

    def _check(self, call: Invocation, process: Process, before: Waiter | None) -> None:
        """Interrupt a `get` that has not come to an end since the last look, as Ray's own look now and then does."""
        if call.then is not None and call.outcome is None and call.process is process and not process.gone:
            waiter = self._waiter_of(process, call)
            if waiter is not None and waiter is before and not isinstance(waiter.why, SleepUntil):
                self._interrupt(waiter)
            elif waiter is not None:
                self._kernel.timer(_CHECK_NS, functools.partial(self._check, call, process, waiter))

    def _waiter_of(self, process: Process, call: Invocation | None = None) -> Waiter | None:
        """Where the code of a call waits: in the main thread, or in that of a pool which runs `call`.

        Threads that the program has started go on: no cancellation is theirs.
        """
        for waiter in self._kernel.blocked:
            if waiter.process is process:
                thread = of_waiter(waiter)
                if thread is None or (thread.call is call and call is not None):
                    return waiter
        return None

    def _interrupt(self, waiter: Waiter) -> None:
        """Raise `KeyboardInterrupt` where code waits; code that sleeps wakes first, as in reality."""
        error = KeyboardInterrupt()
        if isinstance(waiter.why, SleepUntil):
            waiter.then = lambda _: self._kernel.raise_in(waiter, error)
        else:
            self._kernel.interrupt(waiter, error)


def _is_held(call: Invocation) -> bool:
    """Whether the actor is not there (again) yet: on Ray, its callers keep their calls until then."""
    return call.actor is not None and call.actor.state in (State.UNREADY, State.PENDING, State.RESTARTING)


def _is_running(call: Invocation) -> bool:
    """Whether the code of a task or of a plain actor's call has begun, and nobody else's runs in its process."""
    process = call.process
    if process is None:
        return False
    return process.task is call or (process.actor is not None and process.actor.current is call)


def _waited_for(waiter: Waiter) -> list[Any]:
    """The states of the refs that code waits for."""
    why: Any = waiter.why
    return list(why.pending) if isinstance(why, Several) else [why]

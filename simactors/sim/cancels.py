"""Cancelling calls: what becomes of one that waits, one that runs, and those that it has made.

As on Ray, code is not torn out of a running method of an actor; a task meets `KeyboardInterrupt` where it waits, a
coroutine `asyncio.CancelledError`.
"""

from __future__ import annotations

import functools
from typing import Any

from simactors import exceptions
from simactors.core.refs import ObjectRef
from simactors.sim.cluster import Process
from simactors.sim.invocation import Invocation, StoredObject
from simactors.sim.kernel import Kernel, SleepUntil, Waiter
from simactors.sim.network import Network
from simactors.sim.placement import Placement
from simactors.sim.tasks import Tasks
from simactors.sim.trace import Trace
from simactors.sim.turns import canceled


class Cancels:
    """Carries cancellations to where the calls are."""

    def __init__(
        self, kernel: Kernel, trace: Trace, network: Network, placement: Placement, tasks: Tasks
    ) -> None:
        self._kernel = kernel
        self._trace_add = trace.add
        self._network = network
        self._placement = placement
        self._tasks = tasks

    def cancel(self, caller: Process, ref: ObjectRef[Any], *, force: bool, recursive: bool) -> None:
        """See `core.abilities.Cancels`."""
        state: Any = ref.entry
        call = state.call if isinstance(state, StoredObject) else state
        if call is None or call.outcome is not None:
            return  # it has finished, or there is nothing to cancel
        if call.actor is not None and force:
            raise ValueError("force=True is not supported for actor tasks.")
        self._trace_add((self._kernel.now_ns, "cancel", call.id, caller.label, call.label))
        self._mark(call, force=force, recursive=recursive)

    def _mark(self, call: Invocation, *, force: bool, recursive: bool) -> None:
        extra = call.particulars()
        extra.is_canceled = True
        process = call.process
        source = call.caller.node
        assert call.link is not None
        if process is None:
            self._cancel_waiting(call)
        else:
            arrive = functools.partial(self._arrive, call, process, force=force)
            self._network.notify(call.link, source, process.node, arrive)
        for child in extra.children or () if recursive else ():
            if child.outcome is None and not child.is_canceled:
                self._mark(child, force=force and child.actor is None, recursive=True)

    def _cancel_waiting(self, call: Invocation) -> None:
        """It waits for its arguments or for resources: it never starts."""
        if call.actor is None:
            self._placement.withdraw(call)
        self._network.fail(call, canceled(call))

    def _arrive(self, call: Invocation, process: Process, *, force: bool) -> None:
        """The cancellation reaches the process that the call was sent to."""
        if call.outcome is not None or call.process is not process or process.gone:
            return
        extra = call.particulars()
        if call.actor is not None:
            if extra.coroutine is not None:
                extra.coroutine.cancel()
        elif force:
            self._tasks.crash(call, "it was cancelled by force", exceptions.TaskCancelledError)
        else:
            self._interrupt(process)

    def _interrupt(self, process: Process) -> None:
        """Raise `KeyboardInterrupt` in a task where it waits; code that sleeps wakes first, as in reality."""
        for waiter in self._kernel.blocked:
            if waiter.process is process:
                self._interrupt_waiter(waiter)
                return

    def _interrupt_waiter(self, waiter: Waiter) -> None:
        error = KeyboardInterrupt()
        if isinstance(waiter.why, SleepUntil):
            waiter.then = lambda _: self._kernel.raise_in(waiter, error)
        else:
            self._kernel.interrupt(waiter, error)

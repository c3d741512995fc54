"""`Cancels`: stopping calls: those of this process, and at their owners those of others.

What becomes of one that runs is decided where it runs (`running`, `worker`).
"""

from __future__ import annotations

import _thread

from real_backend.client.lines import Line
from real_backend.client.peers import Peers
from real_backend.client.pending import Calls, PendingCall
from real_backend.client.running import CallsHere
from real_backend.control import KillWorker
from real_backend.messages import Cancel, CancelObject, owner_of
from real_backend.objects import ObjectEntry, ObjectTable
from simactors import exceptions
from simactors.core.outcome import failure


class Cancels:
    """Under the lock of the process."""

    def __init__(self, objects: ObjectTable, calls: Calls, peers: Peers, here: CallsHere) -> None:
        self._objects = objects
        self._calls = calls
        self._peers = peers
        self._here = here

    def cancel(self, entry: ObjectEntry, *, force: bool, recursive: bool) -> None:
        """Stop the call that an object comes from.

        Raises:
            ValueError: `force` for a call of an actor that is not answered yet.
        """
        if entry.outcome is not None:
            return
        if force and entry.origin.actor is not None:
            raise ValueError("force=True is not supported for actor tasks.")
        if self._objects.owns(entry):
            self._cancel_own(entry, force=force, recursive=recursive)
        else:
            owner = self._peers.reach(owner_of(entry.id))
            self._peers.post(owner, CancelObject(entry.id, force, recursive), now=True)

    def on_cancel_object(self, message: CancelObject) -> None:
        """Another process wants a call of ours to be stopped."""
        entry = self._objects.own(message.object_id)
        if entry is not None and entry.outcome is None:
            self._cancel_own(entry, force=message.force, recursive=message.recursive)

    def _cancel_own(self, entry: ObjectEntry, *, force: bool, recursive: bool) -> None:
        call = self._calls.pending.get(entry.origin.task)
        if call is not None:
            self._cancel_call(call, force=force, recursive=recursive)

    def _cancel_call(self, call: PendingCall, *, force: bool, recursive: bool) -> None:
        call.is_canceled = True
        carrier = call.carrier
        if carrier is None or carrier.runner(call) is None:
            self._never_runs(call)
            return
        lease = carrier.lease_of(call)
        if force and lease is not None:
            self._peers.tell_supervisor(KillWorker(lease))
        else:
            carrier.tell(call, Cancel(call.id, recursive))

    def _never_runs(self, call: PendingCall) -> None:
        error = exceptions.TaskCancelledError()
        if isinstance(call.carrier, Line):
            error = exceptions.TaskCancelledError(
                f"The task {call.label} is canceled from an actor actor-{call.carrier.actor_id} before it executes."
            )
        if call.carrier is not None:
            call.carrier.withdraw(call)
        self._calls.fail(call, failure(error))

    def on_cancel(self, message: Cancel) -> None:
        """A call that was sent to this process is to be stopped."""
        running = self._here.cancel(message.call_id)
        if running is not None and running.stop is not None:
            running.stop()
        elif running is not None and running.interrupt:
            # Without effect on a system call that blocks, as on Ray: Python looks for it when its code runs again.
            _thread.interrupt_main()
        if message.recursive:
            for child in [c for c in self._calls.pending.values() if c.parent == message.call_id]:
                if not child.is_canceled:
                    self._cancel_call(child, force=False, recursive=True)

"""`Waiting`: `wait` on behalf of user code, and the CPUs that a task lends to others meanwhile.

Not the pumping while a thread waits (`pump`) and not the fetching (`borrowing`). Whatever user code blocks on comes
through here: `get` and `wait`, the next item of a stream, futures.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from real_backend.client.borrowing import Borrowing
from real_backend.client.leases import TaskPool
from real_backend.client.peers import Peers
from real_backend.client.pump import Pump
from real_backend.client.running import CallsHere, Running
from real_backend.control import Blocked, Unblocked
from real_backend.objects import ObjectEntry, ObjectTable
from simactors.core.outcome import Outcome
from simactors.core.refs import ObjectRef, foreign

_LONG_WAIT_S = 0.5
_PATIENCE_S = 0.002
"""A task that waits no longer than this keeps its CPUs: telling the supervisor costs more."""


class Waiting:
    """Safe for threads.

    Args:
        check: raises if the session is over.

    Attributes:
        lease: of the task that the main thread runs now, if it runs one.
    """

    def __init__(
        self,
        pump: Pump,
        objects: ObjectTable,
        borrowing: Borrowing,
        tasks: TaskPool,
        peers: Peers,
        here: CallsHere,
        check: Callable[[], None],
    ) -> None:
        self._here = here
        self.lease: int | None = None
        self._pump = pump
        self._objects = objects
        self._borrowing = borrowing
        self._tasks = tasks
        self._peers = peers
        self._check = check

    def wait(
        self,
        refs: Sequence[ObjectRef[Any]],
        num_returns: int,
        timeout_s: float | None,
        stop_at_error: bool,
    ) -> list[ObjectRef[Any]]:
        """See `Backend`."""
        if len(refs) == 1:
            entry = self.entry_of(refs[0])
            if entry.outcome is None:
                if not self._objects.owns(entry):
                    self._chase([entry])
                self._wait_until(lambda: entry.outcome is not None, timeout_s)
            return [] if entry.outcome is None else [refs[0]]
        entries = [self.entry_of(r) for r in refs]
        self._wait_for_several(entries, _Waiter(num_returns, stop_at_error), timeout_s)
        return [r for r, e in zip(refs, entries, strict=True) if e.outcome is not None][:num_returns]

    def entry_of(self, ref: ObjectRef[Any]) -> ObjectEntry:
        """What is behind a ref.

        Raises:
            ValueError: it belongs to another session.
        """
        entry = ref.entry
        if type(entry) is not ObjectEntry or entry.home is not self:
            raise foreign(ref)
        return entry

    def _wait_for_several(
        self, entries: Sequence[ObjectEntry], waiter: _Waiter, timeout_s: float | None
    ) -> None:
        with self._pump.change:
            unready = [e for e in entries if e.outcome is None]
            for entry in entries:
                if entry.outcome is None:
                    entry.watch(waiter.sealed)
                else:
                    waiter.sealed(entry)
        if not unready:
            return
        if not waiter.done():
            self._chase(unready)
        try:
            self._wait_until(waiter.done, timeout_s)
        finally:
            with self._pump.change:
                for entry in unready:
                    entry.unwatch(waiter.sealed)

    def _chase(self, entries: Sequence[ObjectEntry]) -> None:
        if all(map(self._objects.owns, entries)):
            return
        with self._pump.change:
            for entry in entries:
                # Ours are answered when the session ends; nobody would answer for those of others.
                if entry.outcome is None and not self._objects.owns(entry):
                    self._check()
                    self._borrowing.chase(entry)

    # See `objects.Home`

    def when_done(self, entry: ObjectEntry, action: Callable[[Outcome], None]) -> None:
        """Call `action` with the outcome once it is there."""
        with self._pump.change:
            if entry.outcome is None:
                entry.watch(lambda e: action(e.outcome))  # type: ignore[arg-type]  # sealed by then
                self._chase([entry])
                self._pump.flush_all()  # nobody waits here who would do it
                return
        action(entry.outcome)

    def wait_done(self, entry: ObjectEntry, timeout_s: float | None) -> bool:
        """Block until the outcome is there; false if the time was up before."""
        return bool(self.wait([ObjectRef(entry)], 1, timeout_s, False))

    # For the code of a call

    def _wait_until(self, done: Callable[[], bool], timeout_s: float | None) -> None:
        running = self._here.interruptible()
        if running is None or running.stop is not None:
            self._wait_and_lend(done, timeout_s)
        else:
            self._wait_unless_canceled(running, done, timeout_s)

    def _wait_unless_canceled(
        self, running: Running, done: Callable[[], bool], timeout_s: float | None
    ) -> None:
        """Wait; a cancelled task is interrupted at once, an actor's call where it waits for long, as on Ray."""
        started = time.monotonic()

        def woken() -> bool:
            return done() or running.interrupt or (running.is_canceled and not running.is_task)

        self._wait_and_lend(woken, timeout_s)
        if done():
            return
        if running.take_interrupt():
            raise KeyboardInterrupt
        if running.is_task or not running.is_canceled:
            return
        left = None if timeout_s is None else max(0.0, timeout_s - (time.monotonic() - started))
        if left is not None and left <= _LONG_WAIT_S:
            self._wait_and_lend(done, left)
            return
        self._wait_and_lend(done, _LONG_WAIT_S)
        if not done():
            raise KeyboardInterrupt

    def _wait_and_lend(self, done: Callable[[], bool], timeout_s: float | None) -> None:
        """Wait on behalf of user code; a task that waits lends its CPUs to others."""
        lease = self.lease
        if lease is None or threading.current_thread() is not threading.main_thread():
            self._pump.wait_until(done, timeout_s)
            return
        started = time.monotonic()
        patience = 0.0 if self._tasks.waits_for_lease() else _PATIENCE_S
        if timeout_s is not None and timeout_s <= patience:
            self._pump.wait_until(done, timeout_s)
            return
        if self._pump.wait_until(done, patience):
            return
        try:
            with self._pump.change:
                self._peers.tell_supervisor(Blocked(lease))
            spent = time.monotonic() - started
            self._pump.wait_until(done, None if timeout_s is None else max(timeout_s - spent, 0))
        finally:
            with self._pump.change:
                self._peers.tell_supervisor(Unblocked(lease))


class _Waiter:
    """Counts down the refs that a `wait` still needs."""

    __slots__ = ("_stop_at_error", "missing")

    def __init__(self, missing: int, stop_at_error: bool) -> None:
        self.missing = missing
        self._stop_at_error = stop_at_error

    def sealed(self, entry: ObjectEntry) -> None:
        self.missing -= 1
        if self._stop_at_error and entry.outcome is not None and not entry.outcome.ok:
            self.missing = 0

    def done(self) -> bool:
        return self.missing <= 0

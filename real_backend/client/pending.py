"""`PendingCall` and `Calls`: calls from their submission until their results are sealed.

Not where they go: `lines` carries methods to actors, `leases` carries tasks to pool workers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from real_backend.client.borrowing import Borrowing
from real_backend.client.exports import Export
from real_backend.client.travel import Travel
from real_backend.messages import Failed, Reply
from real_backend.objects import ObjectEntry, ObjectTable
from simactors import exceptions
from simactors.core.calls import Arguments
from simactors.core.outcome import Failure, Outcome, Value, dependency_failure, failure
from simactors.core.refs import ObjectRef

RetryOn = bool | tuple[type[BaseException], ...]
"""Exceptions of the user's code that are worth another try: none, all, or these."""


class PendingCall:
    """One call of this process that has no result yet.

    Attributes:
        id: of its first result; unique even if it has none.
        entries: of its results, held until the answer comes.
        target: the name of a method, or the definition of a task or an actor.
        label: what errors call it.
        packed, refs, bare: its arguments; if `bare`, `packed` is the tuple of them, which nobody can change.
        tries: how often it may still be tried again; -1 without end.
        missing: how many of its ref arguments are not ready.
        carrier: who sent it.
    """

    __slots__ = (
        "bare",
        "carrier",
        "entries",
        "id",
        "label",
        "missing",
        "num_returns",
        "packed",
        "refs",
        "retry_on",
        "target",
        "tries",
    )

    def __init__(
        self,
        call_id: int,
        entries: tuple[ObjectEntry, ...],
        target: str | Export,
        label: str,
        arguments: Arguments | tuple[Any, ...],
    ) -> None:
        self.id = call_id
        self.entries = entries
        self.target = target
        self.label = label
        self.bare = type(arguments) is not Arguments
        self.packed: object = arguments
        self.refs: tuple[ObjectRef[Any], ...] = ()
        if isinstance(arguments, Arguments):
            self.packed, self.refs = arguments
        self.num_returns = len(entries)
        self.tries = 0
        self.retry_on: RetryOn = False
        self.missing = 0
        self.carrier: Carrier | None = None


class Carrier(Protocol):
    """Who brings calls to the process that runs them."""

    def answered(self, call: PendingCall) -> None:
        """`call` has its answer."""
        ...

    def retry(self, call: PendingCall) -> None:
        """`call` raised, and is to be tried again."""
        ...


class Calls:
    """The calls that are on their way; under the lock of the process.

    Attributes:
        sent: by id, those that a process has been asked to run.
    """

    def __init__(self, objects: ObjectTable, borrowing: Borrowing, travel: Travel) -> None:
        self._objects = objects
        self._borrowing = borrowing
        self._travel = travel
        self.sent: dict[int, PendingCall] = {}

    def await_arguments(self, call: PendingCall, ready: Callable[[], None]) -> None:
        """Count the refs that are not ready in `call.missing`; `ready()` when the last of them is."""

        def arrived(_: ObjectEntry) -> None:
            call.missing -= 1
            if call.missing == 0:
                ready()

        for ref in call.refs:
            entry = ref.entry
            assert isinstance(entry, ObjectEntry)
            if entry.outcome is None:
                call.missing += 1
                entry.watch(arrived)
                self._borrowing.chase(entry)

    def failed_argument(self, call: PendingCall) -> Failure | None:
        """Why `call` can't run, if one of its refs stands for a failure; all of them are ready."""
        for ref in call.refs:
            outcome = _outcome(ref)
            if isinstance(outcome, Failure):
                return dependency_failure(call.label, outcome.error(), by_value=True)
        return None

    def values(self, call: PendingCall) -> tuple[object, ...]:
        """What the refs among the arguments stand for, packed for the wire."""
        refs = call.refs
        return tuple(self._travel.outgoing(_outcome(r).packed) for r in refs) if refs else ()

    def fail(self, call: PendingCall, outcome: Failure) -> None:
        """Every result of `call` is this failure."""
        self.sent.pop(call.id, None)
        for entry in call.entries:
            self._objects.seal(entry, outcome)

    def fail_with(self, calls: Sequence[PendingCall], error: Exception) -> None:
        """Every result of all of them is a failure with `error`."""
        outcome = failure(error, by_value=True)
        for call in calls:
            self.fail(call, outcome)

    def on_reply(self, message: Reply) -> None:
        """A call returned."""
        call = self.sent.pop(message.call_id, None)
        if call is None:
            return
        for entry, packed in zip(call.entries, message.results, strict=True):
            self._objects.seal(entry, Value(self._travel.incoming(packed)))
        if call.carrier is not None:
            call.carrier.answered(call)

    def on_failed(self, message: Failed) -> None:
        """A call raised."""
        call = self.sent.pop(message.call_id, None)
        if call is None:
            return
        outcome = Failure(self._travel.incoming(message.packed), message.text)
        again = call.retry_on is not False and call.tries != 0 and _is_worth_a_try(call.retry_on, outcome)
        if not again:
            self.fail(call, outcome)
        if call.carrier is not None:
            call.carrier.answered(call)
            if again:
                call.tries -= call.tries > 0
                call.carrier.retry(call)


def _outcome(ref: ObjectRef[Any]) -> Outcome:
    entry = ref.entry
    assert isinstance(entry, ObjectEntry)
    assert entry.outcome is not None
    return entry.outcome


def retry_on(option: Any) -> RetryOn:
    """The option `retry_exceptions` in the form used here."""
    return tuple(option) if isinstance(option, list | tuple) else bool(option)


def _is_worth_a_try(wanted: RetryOn, outcome: Failure) -> bool:
    if isinstance(wanted, bool):
        return wanted
    error = outcome.error()
    cause = error.cause if isinstance(error, exceptions.RayTaskError) else error
    return isinstance(cause, wanted)

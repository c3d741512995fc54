"""`PendingCall` and `Calls`: calls from their submission until their results are sealed.

Not where they go: `lines` carries methods to actors, `leases` carries tasks to pool workers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from real_backend.client.borrowing import Borrowing
from real_backend.client.exports import Export
from real_backend.client.peers import Peer
from real_backend.client.travel import Travel
from real_backend.messages import CallOptions, Failed, Interrupted, Item, Message, Reply, Unanswered
from real_backend.objects import ObjectEntry, ObjectTable
from real_backend.transport import Channel
from simactors import exceptions
from simactors.core.codec import Encoded
from simactors.core.outcome import Failure, Outcome, Value, dependency_failure, failure, is_one_of
from simactors.core.refs import ObjectRef

RetryOn = bool | tuple[type[BaseException], ...]
"""Exceptions of the user's code that are worth another try: none, all, or these."""


class PendingCall(Struct, eq=False):
    """One call of this process that has no result yet.

    Attributes:
        id: of its first result; unique even if it has none.
        entries: of its results, held until the answer comes.
        target: the name of a method, or the definition of a task or an actor.
        label: what errors call it.
        packed, refs, bare: its arguments; if `bare`, `packed` is the tuple of them, which nobody can change.
        tries: how often it may still be tried again, after a crash or an exception; -1 without end.
        missing: how many of its ref arguments are not ready.
        carrier: who sent it.
        num_returns, options: see `messages.Call`.
        stream: its items, if it is a generator's call.
        max_calls: see `TaskOptions`.
        parent: the call whose code has made it; 0 for the driver's.
        is_canceled: somebody has cancelled it.
    """

    id: int
    entries: tuple[ObjectEntry, ...]
    target: str | Export
    label: str
    packed: object
    refs: tuple[ObjectRef[Any], ...]
    bare: bool
    num_returns: int | str
    tries: int
    retry_on: RetryOn
    parent: int
    missing: int = 0
    carrier: Carrier | None = None
    options: CallOptions | None = None
    stream: ItemsOf | None = None
    max_calls: int = 0
    is_canceled: bool = False

    def goes_to(self, process: int) -> bool:
        """Whether that process runs it."""
        peer = None if self.carrier is None else self.carrier.runner(self)
        return peer is not None and peer.number == process

    def begin_again(self) -> None:
        """It is to be run once more: one try fewer is left."""
        self.tries -= self.tries > 0
        options = self.options or CallOptions()
        self.options = replace(options, attempt=options.attempt + 1)


class ItemsOf(Protocol):
    """The items of a call; see `streams.Stream`."""

    def arrive(self, index: int, outcome: Outcome) -> None:
        """One has come."""
        ...

    def end(self, total: int | None) -> None:
        """There are so many; None if the call was lost."""
        ...

    def value(self) -> Value:
        """What the call's own ref stands for."""
        ...


class Carrier(Protocol):
    """Who brings calls to the process that runs them."""

    def runner(self, call: PendingCall) -> Peer | None:
        """The process that runs it, or has it in its queue."""
        ...

    def tell(self, call: PendingCall, message: Message) -> None:
        """Tell the process that runs it, if there is one."""
        ...

    def withdraw(self, call: PendingCall) -> None:
        """It has not been sent, and never will be."""
        ...

    def lease_of(self, call: PendingCall) -> int | None:
        """The lease of the worker that runs it, if it is a task."""
        ...

    def answered(self, call: PendingCall) -> None:
        """`call` has its answer."""
        ...

    def retry(self, call: PendingCall) -> None:
        """`call` raised, and is to be tried again."""
        ...


class Calls:
    """The calls that are on their way; under the lock of the process.

    Attributes:
        pending: by id, all that have no answer yet.
        heard: told of each answer, by the label of the call.
    """

    def __init__(self, objects: ObjectTable, borrowing: Borrowing, travel: Travel) -> None:
        self._objects = objects
        self._borrowing = borrowing
        self._travel = travel
        self.pending: dict[int, PendingCall] = {}
        self.heard: Callable[[str], None] | None = None

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

    def values(self, call: PendingCall, to: int) -> tuple[object, ...]:
        """What the refs among the arguments stand for, packed for the wire to the process `to`."""
        return tuple(self._travel.outgoing(v, to) for v in self.arrived(call)) if call.refs else ()

    def arrived(self, call: PendingCall) -> list[object]:
        """What the refs among the arguments stand for; all of them are ready, and none has failed."""
        return [_outcome(r).packed for r in call.refs]

    def fail(self, call: PendingCall, outcome: Failure) -> None:
        """Every result of `call` is this failure."""
        self.pending.pop(call.id, None)
        for entry in call.entries:
            self._objects.seal(entry, outcome)
        if call.stream is not None:
            call.stream.end(None)

    def fail_with(self, calls: Sequence[PendingCall], error: Exception) -> None:
        """Every result of all of them is a failure with `error`."""
        outcome = failure(error, by_value=True)
        for call in calls:
            self.fail(call, outcome)

    def on_reply(self, channel: Channel, message: Reply) -> None:
        """A call returned."""
        call = self.pending.pop(message.call_id, None)
        results: Sequence[object] = message.results
        if (
            len(results) != 1 or type(results[0]) is Encoded
        ):  # else, as nearly always, nothing has to be made ready
            results = [self._travel.incoming(packed, channel.peer) for packed in results]
        if call is None:
            return
        if self.heard is not None:
            self.heard(call.label)
        if call.stream is not None:
            call.stream.end(results[0])  # type: ignore[arg-type]  # how many items there are
            self._objects.seal(call.entries[0], call.stream.value())
        else:
            for entry, packed in zip(call.entries, results, strict=True):
                self._objects.seal(entry, Value(packed))
        if call.carrier is not None:
            call.carrier.answered(call)

    def on_failed(self, sender: int, message: Failed) -> None:
        """A call raised."""
        call = self.pending.get(message.call_id)
        outcome = Failure(self._travel.incoming(message.packed, sender), message.text)
        if call is None:
            return
        if self.heard is not None:
            self.heard(call.label)
        if self._tried_again(call, outcome):
            return
        self.fail(call, outcome)
        if call.carrier is not None:
            call.carrier.answered(call)

    def on_unanswered(self, sender: int, message: Unanswered) -> None:
        """An actor wants to end with a call, and can't yet."""
        call = self.pending.get(message.call_id)
        outcome = Failure(self._travel.incoming(message.packed, sender), message.text)
        if call is None or call.carrier is None:
            return
        if call.tries and not call.is_canceled:
            self._try_again(call, call.carrier)
        else:
            self.fail(call, outcome)
            call.carrier.answered(call)

    def _tried_again(self, call: PendingCall, outcome: Failure) -> bool:
        if call.carrier is None or call.retry_on is False or call.tries == 0 or call.is_canceled:
            return False
        if not _is_worth_a_try(call.retry_on, outcome):
            return False
        self._try_again(call, call.carrier)
        return True

    def _try_again(self, call: PendingCall, carrier: Carrier) -> None:
        carrier.answered(call)
        call.begin_again()
        carrier.retry(call)

    def on_item(self, sender: int, message: Item) -> None:
        """A generator has yielded."""
        call = self.pending.get(message.call_id)
        packed, text = self._travel.incoming(message.packed, sender), message.text
        outcome = Value(packed) if text is None else Failure(packed, text)
        if call is None:
            return
        if call.stream is not None:
            call.stream.arrive(message.number, outcome)
        else:
            self._objects.seal(call.entries[message.number], outcome)

    def on_interrupted(self, sender: int, message: Interrupted) -> None:
        """A generator has raised."""
        call = self.pending.get(message.call_id)
        outcome = Failure(self._travel.incoming(message.packed, sender), message.text)
        if call is None:
            return
        if call.stream is not None and self._tried_again(call, outcome):
            return
        del self.pending[call.id]
        if call.stream is None:
            for entry in call.entries[message.number :]:
                self._objects.seal(entry, outcome)
        else:
            call.stream.arrive(message.number, outcome)
            call.stream.end(message.number + 1)
            self._objects.seal(call.entries[0], call.stream.value())
        if call.carrier is not None:
            call.carrier.answered(call)


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
    return is_one_of(cause, wanted)

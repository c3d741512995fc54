"""`Drafts`: makes the calls of this process, with their results still to come. Not where they go."""

from __future__ import annotations

from typing import Any

from real_backend.client.belonging import Belonging
from real_backend.client.exports import Export
from real_backend.client.pending import Calls, PendingCall, RetryOn, retry_on
from real_backend.client.running import CallsHere
from real_backend.client.streams import Streams
from real_backend.client.travel import Limits
from real_backend.messages import CallOptions
from real_backend.objects import ObjectEntry, ObjectTable
from simactors.core.calls import Arguments
from simactors.core.options import MethodOptions, TaskOptions
from simactors.core.refs import ObjectRef

_NOTHING_SAID = CallOptions()
NO_RETRIES: tuple[int, RetryOn] = (0, False)


class Drafts:
    """Under the lock of the process."""

    def __init__(
        self, belonging: Belonging, objects: ObjectTable, calls: Calls, streams: Streams, here: CallsHere
    ) -> None:
        self._belonging = belonging
        self._objects = objects
        self._calls = calls
        self._streams = streams
        self._here = here

    def new(
        self,
        target: str | Export,
        label: str,
        arguments: Arguments | tuple[Any, ...],
        num_returns: int | str,
        retries: tuple[int, RetryOn],
        actor: int | None = None,
    ) -> PendingCall:
        """A call that nobody can ask for yet.

        Args:
            target, label, arguments, num_returns: see `PendingCall`.
            retries: how often it may be tried again, and after which exceptions.
            actor: whose method it is.

        Raises:
            ValueError, RuntimeError: a ref or a handle among the arguments belongs to another session.
        """
        objects = self._objects
        if type(arguments) is Arguments:
            self._belonging.check_arguments(arguments)
            bare, packed, refs = False, arguments.packed, arguments.refs
        else:
            bare, packed, refs = True, arguments, ()
        if num_returns == 1 or isinstance(num_returns, str):
            first = objects.mint()
            entries: tuple[ObjectEntry, ...] = (objects.new(first, actor),)
        else:
            first = objects.mint(num_returns or 1)
            entries = tuple(objects.new(first + i, (first, actor, i + 1)) for i in range(num_returns))
        running = self._here.current()
        parent = 0 if running is None else running.id
        return PendingCall(first, entries, target, label, packed, refs, bare, num_returns, *retries, parent)

    def register(self, pending: PendingCall) -> list[ObjectRef[Any]]:
        """Await its answer; its refs."""
        self._calls.pending[pending.id] = pending
        refs: list[ObjectRef[Any]] = [ObjectRef(e) for e in pending.entries]
        if isinstance(pending.num_returns, str):
            self._streams.open(pending, refs[0])
        return refs


def call_options(options: TaskOptions | MethodOptions, group: str | None) -> CallOptions | None:
    """What of `options` the process needs to know that runs the call."""
    limit = options._generator_backpressure_num_objects
    said = CallOptions(options.name, group, None if limit is None or limit < 0 else limit)
    return None if said == _NOTHING_SAID else said


def retries_of(options: MethodOptions, limits: Limits) -> tuple[int, RetryOn]:
    """How often a method's call may be tried again, and after which exceptions."""
    tries = options.max_task_retries
    which = retry_on(options.retry_exceptions) if options.retry_exceptions else False
    return limits.max_task_retries if tries is None else tries, which

"""`Times`: writes down only when who called what, when it ran, and what that took: light enough to measure a run with.

Values are not looked at, and what never changes in a process is written once. `scenarios/real_runs.py` reads that.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from simactors.core import refs as references
from simactors.core.abilities import KnowsItself
from simactors.core.calls import Creation, MethodCall, TaskCall
from simactors.core.interface import MethodSpec
from simactors.core.options import actor_needs, task_needs
from simactors.core.outcome import Outcome
from simactors.core.refs import ActorRef, ObjectRef
from simactors.core.tracing import Lines, actor_number

_TASK_BYTES = 8
"""So many of the bytes of an id are those of its call; see `core.ids`."""


class Times:
    """Of one process; see `Notes`. Takes the place of those methods of the backend through which answers are seen."""

    def __init__(self, backend: Any, lines: Lines) -> None:
        itself: KnowsItself = backend
        self._running_call = itself.running_call
        self._write = lines.write
        self._unanswered: set[int] = set()
        self._wait, self._read = backend.wait, backend.read
        backend.wait, backend.read = self.wait, self.read
        references.onlookers.append(self._seen)
        info = itself.runtime_info()
        self._is_driver = info.task_id is None and info.actor is None
        self._write(
            "process",
            pid=os.getpid(),
            node=f"{info.node_id:x}",
            actor=None if info.actor is None else actor_number(info.actor),
            is_driver=self._is_driver,
            nodes=[(f"{node.node_id:x}", node.name, node.total) for node in itself.nodes()]
            if self._is_driver
            else [],
        )

    def close(self) -> None:
        """See `Notes`."""
        references.onlookers.remove(self._seen)

    def asked(
        self, began_s: float, call: TaskCall | MethodCall, spec: MethodSpec, refs: Sequence[ObjectRef[Any]]
    ) -> None:
        """See `Notes`."""
        number = _number(refs[0]) if refs else None
        if number is not None and call.options.num_returns != "streaming":  # its items are no answers
            self._unanswered.add(number)
        if isinstance(call, MethodCall):
            self._write("call", began_s, call=number, label=spec.label, actor=actor_number(call.actor))
        else:
            self._write("call", began_s, call=number, label=spec.label, holds=_held(call.options))

    def created(self, began_s: float, creation: Creation, actor: ActorRef) -> None:
        """See `Notes`."""
        self._write(
            "create",
            began_s,
            actor=actor_number(actor),
            class_name=creation.actor_class.interface.class_name,
            name=creation.options.name,
            holds=actor_needs(creation.options)[1],
        )

    def here(self) -> tuple[int, int]:
        """See `Notes`; with the number of the attempt."""
        return self._running_call() or (0, 0)

    def begin(self, call: tuple[int, int], label: str) -> None:
        """See `Notes`."""
        number, attempt = call
        self._write("begin", call=number, label=label, attempt=attempt, cpu_s=time.process_time())

    def end(self, call: tuple[int, int], result: Any, error: BaseException | None) -> None:
        """See `Notes`."""
        self._write("end", call=call[0], raised=error is not None, cpu_s=time.process_time())

    # How answers are seen

    def wait(
        self,
        refs: Sequence[ObjectRef[Any]],
        num_returns: int,
        timeout_s: float | None,
        *,
        stop_at_error: bool = False,
    ) -> list[ObjectRef[Any]]:
        """See `Backend`."""
        ready: list[ObjectRef[Any]] = self._wait(refs, num_returns, timeout_s, stop_at_error=stop_at_error)
        if not stop_at_error and self._unanswered:  # else they are read at once
            for ref in ready:
                self._seen(ref, None)
        return ready

    def read(self, ref: ObjectRef[Any]) -> Outcome:
        """See `Backend`."""
        outcome: Outcome = self._read(ref)
        self._seen(ref, outcome)
        return outcome

    def _seen(self, ref: ObjectRef[Any], outcome: Outcome | None) -> None:
        """The first time that an answer to a call of this process is."""
        number = _number(ref)
        if number in self._unanswered:
            self._unanswered.discard(number)
            self._write("seen", call=number, ok=None if outcome is None else outcome.ok)


def _number(ref: ObjectRef[Any]) -> int | None:
    """That of the call which an object comes from; see `RuntimeInfo.task_id`."""
    read = _readers.get(type(ref.entry))
    if read is None:
        read = _readers[type(ref.entry)] = _reader_for(ref.entry)
    return read(ref.entry)


_readers: dict[type, Callable[[Any], int | None]] = {}
"""Of each kind of entry: a look at a Protocol takes longer than all the rest."""


def _reader_for(entry: object) -> Callable[[Any], int | None]:
    if isinstance(entry, references.Originated):
        return lambda entry: int(entry.origin.task)
    if isinstance(entry, references.Identified):
        return lambda entry: int.from_bytes(entry.object_id.binary()[:_TASK_BYTES], "big")
    return lambda _: None


def _held(options: Any) -> dict[str, float]:
    """What a task holds; found out once for the options of each remote function."""
    known = _needs.get(id(options))
    if known is None:
        if len(_needs) >= _MOST_NEEDS:
            _needs.clear()
        known = _needs[id(options)] = options, task_needs(options)  # kept: its id must not be given to others
    return known[1]


_needs: dict[int, tuple[Any, dict[str, float]]] = {}
_MOST_NEEDS = 1000

"""`Values`: writes down who called what, with what, and what came of it; `traces` reads that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from simactors.checkers.lines import told
from simactors.checkers.values import Text
from simactors.core.abilities import KnowsItself
from simactors.core.calls import Creation, MethodCall, TaskCall
from simactors.core.interface import MethodSpec, in_places
from simactors.core.refs import ActorRef, ObjectRef
from simactors.core.tracing import Lines, actor_number

_MOST_BYTES = 10_000
"""Values that take more are told of in short."""

_MOST_PENDING = 1_000
"""A loop that looks at many refs again and again tells of so many each time."""

_NO_ARRAYS = frozenset((str, int, float, bool, type(None)))


def encoded(line: dict[str, Any]) -> bytes:
    """A line with values, which may be of any size and hold what is no text."""
    return json.dumps(line).encode()


class Values:
    """Of one process; see `Notes`. Takes the place of the method of the backend in which code waits."""

    def __init__(self, backend: Any, lines: Lines) -> None:
        self._backend: KnowsItself = backend
        self._write = lines.write
        self._wait = backend.wait
        backend.wait = self.wait

    def asked(
        self, began_s: float, call: TaskCall | MethodCall, spec: MethodSpec, refs: Sequence[ObjectRef[Any]]
    ) -> None:
        """See `Notes`."""
        actor = call.actor if isinstance(call, MethodCall) else None
        arguments = [value for _, value in in_places(spec.signature.inspected, call.args, call.kwargs)]
        self._write(
            "call",
            began_s,
            by=self._who(),
            call=refs[0].task_id().hex()[:_DIGITS] if refs else None,
            label=spec.label,
            actor=None if actor is None else actor_number(actor),
            args=[_noted(value) for value in arguments],
        )

    def wait(
        self,
        refs: Sequence[ObjectRef[Any]],
        num_returns: int,
        timeout_s: float | None,
        *,
        stop_at_error: bool = False,
    ) -> list[ObjectRef[Any]]:
        """See `Backend`; what stands behind the last ready one may be ready as well, and is not told of."""
        ready: list[ObjectRef[Any]] = self._wait(refs, num_returns, timeout_s, stop_at_error=stop_at_error)
        seen = refs if len(ready) < num_returns else refs[: refs.index(ready[-1])]
        done = set(ready)
        pending = [ref.task_id().hex()[:_DIGITS] for ref in seen if ref not in done]
        self._write("waited", by=self._who(), pending=pending[:_MOST_PENDING])
        return ready

    def created(self, began_s: float, creation: Creation, actor: ActorRef) -> None:
        """See `Notes`."""
        self._write(
            "create",
            began_s,
            by=self._who(),
            actor=actor_number(actor),
            class_name=creation.actor_class.interface.class_name,
            name=creation.options.name,
        )

    def here(self) -> str:
        """See `Notes`."""
        return _task(self._backend.runtime_info().task_id or 0)

    def begin(self, call: Any, label: str) -> None:
        """See `Notes`."""
        self._write("begin", call=call, label=label, by=self._who())

    def end(self, call: Any, result: Any, error: BaseException | None) -> None:
        """See `Notes`."""
        outcome = {"result": _noted(result)} if error is None else {"error": _noted(error)}
        self._write("end", call=call, **outcome)

    def close(self) -> None:
        """See `Notes`."""

    def _who(self) -> dict[str, str]:
        """Who asks: an actor, and on which call; a task; or, without a word, the driver."""
        info = self._backend.runtime_info()
        by = {} if info.actor is None else {"actor": actor_number(info.actor)}
        return by if info.task_id is None else {**by, "task": _task(info.task_id)}


_DIGITS = 16
"""So many of the hexadecimal digits of a task's id are its own; the others are those of its actor and its job."""


def _task(number: int) -> str:
    return f"{number:0{_DIGITS}x}"


def _noted(value: Any) -> Any:
    """A value as JSON has it; what is large by its size and digest, which are the same for equal ones."""
    try:
        noted = told(_without_large_arrays(value))
        data = json.dumps(noted, sort_keys=True).encode()
    except Exception as error:  # values have methods of their own, and the program must not notice
        return {"$text": f"<{type(value).__name__}, which can't be told: {type(error).__name__}>"}
    return noted if len(data) <= _MOST_BYTES else {"$text": _in_short(value, data)}


def _in_short(value: Any, data: bytes | memoryview) -> str:
    digest = hashlib.blake2b(data, digest_size=8).hexdigest()
    return f"<{type(value).__name__}, {len(data)} bytes, digest {digest}>"


def _without_large_arrays(value: Any) -> Any:
    """It would take long to tell their items."""
    kind = type(value)
    if kind in (list, tuple):
        return [_without_large_arrays(item) for item in value]
    if kind is dict:
        return {key: _without_large_arrays(item) for key, item in value.items()}
    if kind in _NO_ARRAYS:
        return value
    try:
        view = memoryview(value)
    except (TypeError, ValueError, BufferError):  # it is none, or one of items that Python does not know
        return value
    if view.nbytes <= _MOST_BYTES:
        return value
    return Text(_in_short(value, view.cast("B") if view.c_contiguous else view.tobytes()))

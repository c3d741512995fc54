"""Histories from the code of clients: what they ask, what they are told, and when.

It works in a simulation, on real processes and on Ray, which it never imports: exceptions are told apart by the
names of their classes. Each process records what its own clients do; the histories of several are put together by
time, with `History.merged`.
"""

from __future__ import annotations

import asyncio
import copy
import functools
import inspect
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, overload

from simactors.checkers.values import ATOMS
from simactors.core.endings import ending
from simactors.core.history import History, Operation, Status
from simactors.core.interface import in_places

F = TypeVar("F", bound=Callable[..., Any])

_client: ContextVar[str] = ContextVar("client of simactors.checkers.recording")


@dataclass(slots=True)
class _Call:
    """An operation that runs, or is over."""

    client: str
    name: str
    args: tuple[Any, ...]
    target: str
    called: int
    called_s: float
    returned: int | None = None
    returned_s: float | None = None
    status: Status = "unknown"
    result: Any = None

    def operation(self) -> Operation:
        return Operation(
            client=self.client,
            name=self.name,
            args=self.args,
            target=self.target,
            called=self.called,
            called_s=self.called_s,
            returned=self.returned,
            returned_s=self.returned_s,
            status=self.status,
            result=self.result,
        )


class Recording:
    """Records the operations of the clients of one process.

    A copy in another process, which a task or an actor takes along, begins empty: return its `history`, or write it
    to a file (`checkers.lines`), and merge them.

    Args:
        clock: what tells the time, in seconds. ``monotonic`` is the same in all processes of one machine, and in a
            simulation; across machines, ``time`` is as true as their clocks are alike.
        unknown, refused: further classes of exceptions that say nothing of whether an operation took effect, or that
            it did not.

    Examples:
        >>> recording = Recording()
        >>> @recording.operation
        ... def double(number):
        ...     return 2 * number
        >>> with recording.client("ann"):
        ...     double(21)
        42
        >>> print(recording.history())
        ann: double(21) -> 42
    """

    def __init__(
        self,
        *,
        clock: Literal["monotonic", "time"] = "monotonic",
        unknown: tuple[type[BaseException], ...] = (),
        refused: tuple[type[BaseException], ...] = (),
    ) -> None:
        if clock not in ("monotonic", "time"):
            raise ValueError(f"clock must be 'monotonic' or 'time', not {clock!r}")
        self._clock = clock
        self._unknown = unknown
        self._refused = refused
        self._calls: list[_Call] = []
        self._places = 0
        self._lock = threading.Lock()  # clients may be threads

    def __reduce__(self) -> tuple[Any, ...]:
        return _another, (self._clock, self._unknown, self._refused)

    def history(self) -> History:
        """All operations so far; those that still run are ``unknown``.

        Times are those of the clock, so that histories of several processes can be merged.
        """
        with self._lock:
            return History(tuple(call.operation() for call in self._calls))

    @contextmanager
    def client(self, name: str) -> Iterator[None]:
        """Whoever calls operations here is called `name`; also in other recordings, and in tasks of asyncio begun
        here.

        Without it, a client is called like its task of asyncio or its thread.
        """
        token = _client.set(name)
        try:
            yield
        finally:
            _client.reset(token)

    @overload
    def operation(self, function: F, /) -> F: ...
    @overload
    def operation(self, /, *, name: str = "", target: str = "") -> Callable[[F], F]: ...
    def operation(self, function: Any = None, /, *, name: str = "", target: str = "") -> Any:
        """Record each call of a function, which waits for the answer: a plain one or an ``async`` one, or a method.

        Args:
            function: what to decorate.
            name: of the operation; by default that of the function.
            target: the parameter that says whom it is asked of; recorded as ``str``, and not among the arguments.
                ``self`` is never recorded.

        Raises:
            TypeError: it has no such parameter, or it is a generator function.
        """
        if function is None:
            return lambda decorated: self._decorated(decorated, name, target)
        return self._decorated(function, name, target)

    def _decorated(self, function: Callable[..., Any], name: str, target: str) -> Callable[..., Any]:
        signature = inspect.signature(function)
        name = name or getattr(function, "__name__", "operation")
        if target and target not in signature.parameters:
            raise TypeError(
                f"{name} has no parameter {target!r}: it has {', '.join(signature.parameters) or 'none'}"
            )
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"{name} is a generator function, which has many answers: record what asks for one of them"
            )

        @functools.wraps(function)
        def asked(*args: Any, **kwargs: Any) -> Any:
            call = self._begin(name, *_asked(signature, target, args, kwargs))
            with self._ending(call):
                result = function(*args, **kwargs)
                self._end(call, "returned", result)
            return result

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            call = self._begin(name, *_asked(signature, target, args, kwargs))
            with self._ending(call):
                result = await function(*args, **kwargs)
                self._end(call, "returned", result)
            return result

        return awaited if inspect.iscoroutinefunction(function) else asked

    def _begin(self, name: str, target: str, args: tuple[Any, ...]) -> _Call:
        with self._lock:
            call = _Call(_who(), name, args, target, self._places, self._now())
            self._places += 1
            self._calls.append(call)
        return call

    def _end(self, call: _Call, status: Status, result: Any = None) -> None:
        kept = _kept(result)
        with self._lock:
            call.returned, call.returned_s = self._places, self._now()
            call.status, call.result = status, kept
            self._places += 1

    @contextmanager
    def _ending(self, call: _Call) -> Iterator[None]:
        """Record an exception, which goes on to the client."""
        try:
            yield
        except BaseException as error:  # whatever ends the function ends the operation
            status, cause = ending(error, unknown=self._unknown, refused=self._refused)
            self._end(call, status, cause if status == "raised" else None)
            raise

    def _now(self) -> float:
        # Looked up for each call: in a simulation these names are replaced.
        return time.monotonic() if self._clock == "monotonic" else time.time()


def _another(clock: Any, unknown: Any, refused: Any) -> Recording:
    return Recording(clock=clock, unknown=unknown, refused=refused)


def _who() -> str:
    name = _client.get(None)
    if name is not None:
        return name
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs
        task = None
    return task.get_name() if task is not None else threading.current_thread().name


def _asked(
    signature: inspect.Signature, target: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[str, tuple[Any, ...]]:
    """Whom, and with what; ``self`` is none of it."""
    arguments = list(in_places(signature, args, kwargs))
    whom = "".join(str(value) for name, value in arguments if target and name == target)
    return whom, tuple(_kept(value) for name, value in arguments if name not in ("self", target))


def _kept(value: Any) -> Any:
    """A copy: what a client does to its lists later is no part of what it asked or was told."""
    if type(value) in ATOMS or isinstance(value, BaseException):
        return value
    try:
        return copy.deepcopy(value)
    except Exception:  # code of the user's: what can't be copied is kept as it is
        return value

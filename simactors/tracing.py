"""Writes down who called what, and when it ran, of a run on real processes; opt-in, by `VARIABLE`.

A trace is a folder: each process appends lines of JSON to a file of its own, so that what it did is known even if it is
killed. `traces` reads them. One implementation for all real backends: it stands between `api` and the backend, and
wraps the code that is sent; how calls travel is none of its business.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import os
import sys
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from msgspec import structs

from simactors import as_ray
from simactors.api import session
from simactors.checkers.lines import told
from simactors.checkers.values import Text
from simactors.core import calls
from simactors.core.abilities import KnowsItself
from simactors.core.backend import Backend
from simactors.core.interface import MethodSpec, in_places
from simactors.core.refs import ActorRef, ObjectRef
from simactors.core.tracing import VARIABLE

SUFFIX = ".trace.jsonl"

_MOST_BYTES = 10_000
"""Values that take more are told of in short."""

_NO_ARRAYS = frozenset((str, int, float, bool, type(None)))


def observe(backend: Backend) -> None:
    """Write down from now on what this process asks of `backend`, in the folder that the environment names.

    Raises:
        OSError: the folder can't be made.
    """
    folder = Path(os.environ[VARIABLE]).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"{VARIABLE}={folder}: no trace can be written there ({error.strerror}); name a folder, or unset it"
        ) from None
    os.environ[VARIABLE] = str(folder)  # workers may have another working directory
    with _making:
        observer = _observers[backend] = _Observer(backend, folder)
    if not observer.who():
        observer.describe_driver()


_observers: dict[Backend, _Observer] = {}
"""Of this process, for each session that is open; workers of real backends have one."""

_making = threading.Lock()
"""Two observers of one backend would both write down what it is asked: calls of a threaded actor may begin together."""


def _here() -> _Observer | None:
    """That of the process that runs a call."""
    backend = session.active()
    found = _observers.get(backend)
    if found is None and VARIABLE in os.environ:
        with _making:
            found = _observers.get(backend)
            if found is None:
                found = _observers[backend] = _Observer(backend, Path(os.environ[VARIABLE]))
    return found


class _Observer:
    """Of one process: takes the place of those methods of its backend with which code calls others, until it closes."""

    def __init__(self, backend: Backend, folder: Path) -> None:
        self._backend = backend
        self._path = folder / f"{os.getpid()}-{uuid.uuid4().hex[:8]}{SUFFIX}"
        self._file: int | None = None
        self._writing = threading.RLock()  # a signal handler that calls may come in between
        self._functions: WeakKeyDictionary[calls.Function, calls.Function] = WeakKeyDictionary()
        self._classes: WeakKeyDictionary[calls.ActorClass, calls.ActorClass] = WeakKeyDictionary()
        self._running: set[str] = set()
        self._submit_task = backend.submit_task
        self._submit_method = backend.submit_method
        self._create_actor = backend.create_actor
        self._close = backend.close
        for taken in (self.submit_task, self.submit_method, self.create_actor, self.close):
            setattr(backend, taken.__name__, taken)

    # What code asks of others

    def submit_task(self, call: calls.TaskCall) -> list[ObjectRef[Any]]:
        """See `Backend`."""
        function = self._functions.get(call.function)
        if function is None:
            wrapped = _observed(call.function.function, call.function.spec)
            function = structs.replace(call.function, function=wrapped)
            self._functions[call.function] = function
        began_s = time.time()
        refs = self._submit_task(call._replace(function=function))
        self._called(began_s, refs, call.function.spec, call.args, call.kwargs, None)
        return refs

    def submit_method(self, call: calls.MethodCall) -> list[ObjectRef[Any]]:
        """See `Backend`."""
        began_s = time.time()
        refs = self._submit_method(call)
        self._called(began_s, refs, call.method, call.args, call.kwargs, call.actor)
        return refs

    def create_actor(self, creation: calls.Creation) -> ActorRef:
        """See `Backend`."""
        described = self._classes.get(creation.actor_class)
        if described is None:
            described = structs.replace(creation.actor_class, around=_observed)
            self._classes[creation.actor_class] = described
        began_s = time.time()
        actor = self._create_actor(creation._replace(actor_class=described))
        self._write(
            "create",
            began_s,
            by=self.who(),
            actor=_actor(actor),
            class_name=creation.actor_class.interface.class_name,
            name=creation.options.name,
        )
        return actor

    def close(self) -> None:
        """See `Backend`."""
        try:
            self._close()
        finally:
            _observers.pop(self._backend, None)
            with self._writing:
                if self._file is not None:
                    os.close(self._file)
                self._file = None

    def _called(
        self,
        began_s: float,
        refs: list[ObjectRef[Any]],
        spec: MethodSpec,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        actor: ActorRef | None,
    ) -> None:
        arguments = [value for _, value in in_places(spec.signature.inspected, args, kwargs)]
        self._write(
            "call",
            began_s,
            by=self.who(),
            call=refs[0].task_id().hex()[:_DIGITS] if refs else None,
            label=spec.label,
            actor=None if actor is None else _actor(actor),
            args=[_noted(value) for value in arguments],
        )

    # What runs here

    def begin(self, label: str) -> str | None:
        """The code of a call begins; its id, or None if it is a part of one that runs already."""
        call = self._call()
        if call in self._running:
            return None
        self._running.add(call)
        self._write("begin", time.time(), call=call, label=label, by=self.who())
        return call

    def end(self, call: str, result: Any, error: BaseException | None) -> None:
        """It has ended."""
        self._running.discard(call)
        outcome = {"result": _noted(result)} if error is None else {"error": _noted(error)}
        self._write("end", time.time(), call=call, **outcome)

    def _call(self) -> str:
        assert isinstance(self._backend, KnowsItself)
        return _task(self._backend.runtime_info().task_id or 0)

    def who(self) -> dict[str, str]:
        """Who asks: an actor, and on which call; a task; or, without a word, the driver."""
        assert isinstance(self._backend, KnowsItself)
        info = self._backend.runtime_info()
        by = {} if info.actor is None else {"actor": _actor(info.actor)}
        return by if info.task_id is None else {**by, "task": _task(info.task_id)}

    # The file

    def describe_driver(self) -> None:
        """Say which program it is."""
        main = getattr(sys.modules.get("__main__"), "__file__", None)
        file = None if main is None else os.path.abspath(main)
        self._write(
            "driver",
            time.time(),
            backend=self._backend.name,
            file=file,
            argv=sys.argv[1:],
            as_ray=as_ray.is_installed(),
        )

    def _write(self, event: str, time_s: float, **fields: Any) -> None:
        line = json.dumps({"event": event, "time_s": time_s, **fields}).encode() + b"\n"
        with self._writing:
            if self._file is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._file = os.open(self._path, flags, 0o600)
            os.write(self._file, line)  # in one system call: a line is whole even if the process is killed


_DIGITS = 16
"""So many of the hexadecimal digits of a task's id are its own; the others are those of its actor and its job."""


def _task(number: int) -> str:
    return f"{number:0{_DIGITS}x}"


def _actor(actor: ActorRef) -> str:
    return f"{actor.entry.id:x}"


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


# The code that is sent


@contextmanager
def _execution(label: str) -> Iterator[Callable[[Any], Any]]:
    """Around the code of a call; what it returns goes through what is yielded."""
    observer = _here()
    call = None if observer is None else observer.begin(label)
    returned: list[Any] = [None]

    def note(result: Any) -> Any:
        returned[0] = result
        return result

    try:
        yield note
    except BaseException as error:  # whatever ends the code
        if observer is not None and call is not None:
            observer.end(call, None, error)
        raise
    if observer is not None and call is not None:
        observer.end(call, returned[0], None)


def _observed(function: Callable[..., Any], spec: MethodSpec) -> Callable[..., Any]:
    """`function`, as one of its kind, which writes down when it runs; see `calls.ActorClass.around`."""
    if spec.name in calls.BUILT_IN_METHODS:
        return function
    return (_observed_class if inspect.isclass(function) else _observed_code)(function, spec.label)


def _observed_class(cls: Callable[..., Any], label: str) -> Callable[..., Any]:
    def made(*args: Any, **kwargs: Any) -> Any:
        with _execution(label):
            return cls(*args, **kwargs)

    return made


def _observed_code(function: Callable[..., Any], label: str) -> Callable[..., Any]:
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def items_later(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            with _execution(label):
                async for item in function(*args, **kwargs):
                    yield item

        return items_later
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def later(*args: Any, **kwargs: Any) -> Any:
            with _execution(label) as note:
                return note(await function(*args, **kwargs))

        return later
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def items(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with _execution(label):
                yield from function(*args, **kwargs)

        return items

    @functools.wraps(function)
    def plain(*args: Any, **kwargs: Any) -> Any:
        with _execution(label) as note:
            return note(function(*args, **kwargs))

    return plain

"""Writes down who called what, and when it ran, of a run on real processes; opt-in, by `VARIABLE`.

A trace is a folder: each process appends lines of JSON to a file of its own, so that what it did is known even if it is
killed. One implementation for all real backends: it stands between `api` and the backend, and wraps the code that is
sent; how calls travel is none of its business. What is written is `values.py`'s, or, if only times are wanted,
`times.py`'s.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from msgspec import structs

from simactors import as_ray
from simactors.api import session
from simactors.core import calls
from simactors.core.abilities import KnowsItself
from simactors.core.backend import Backend
from simactors.core.interface import MethodSpec
from simactors.core.refs import ActorRef, ObjectRef
from simactors.core.tracing import TIMES_ONLY, VARIABLE, Lines
from simactors.tracing.times import Times
from simactors.tracing.values import Values, encoded

_MOST_KEPT = 200
"""Lines that a driver keeps: nobody reads them before it closes, and nobody crashes it on purpose."""


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
    _observer(backend, folder)


_observers: dict[Backend, _Observer] = {}
"""Of this process, for each session that is open; workers of real backends have one."""

_making = threading.Lock()
"""Two observers of one backend would both write down what it is asked: calls of a threaded actor may begin together."""


def _here() -> _Observer | None:
    """That of the process that runs a call."""
    backend = session.active()
    found = _observers.get(backend)
    if found is None and VARIABLE in os.environ:
        return _observer(backend, Path(os.environ[VARIABLE]))
    return found


def _observer(backend: Backend, folder: Path) -> _Observer:
    """The one of `backend`: a call may begin beside the one whose thread opens the session."""
    with _making:
        found = _observers.get(backend)
        if found is None:
            found = _observers[backend] = _Observer(backend, folder)
        return found


class Notes(Protocol):
    """What is written down, of one process."""

    def asked(
        self,
        began_s: float,
        call: calls.TaskCall | calls.MethodCall,
        spec: MethodSpec,
        refs: Sequence[ObjectRef[Any]],
    ) -> None:
        """Its code has called something at `began_s`, and was given `refs`."""
        ...

    def created(self, began_s: float, creation: calls.Creation, actor: ActorRef) -> None:
        """It has made an actor."""
        ...

    def here(self) -> Any:
        """Which call the code that asks belongs to."""
        ...

    def begin(self, call: Any, label: str) -> None:
        """The code of a call begins."""
        ...

    def end(self, call: Any, result: Any, error: BaseException | None) -> None:
        """It has ended."""
        ...

    def close(self) -> None:
        """The session is over."""
        ...


class _Observer:
    """Of one process: takes the place of those methods of its backend with which code calls others, until it closes."""

    def __init__(self, backend: Backend, folder: Path) -> None:
        assert isinstance(backend, KnowsItself)
        self._backend = backend
        is_light = TIMES_ONLY in os.environ
        info = backend.runtime_info()
        is_driver = info.actor is None and info.task_id is None
        # Who reads times waits for the driver's end; a program may end without one.
        most_kept = _MOST_KEPT if is_light and is_driver else 0
        self._lines = (
            Lines(folder, most_kept=most_kept, is_optional=True)
            if is_light
            else Lines(folder, encode=encoded)
        )
        if is_driver:
            self._describe_driver()
        self._notes: Notes = Times(backend, self._lines) if is_light else Values(backend, self._lines)
        self._functions: WeakKeyDictionary[calls.Function, calls.Function] = WeakKeyDictionary()
        self._classes: WeakKeyDictionary[calls.ActorClass, calls.ActorClass] = WeakKeyDictionary()
        self._running: set[Any] = set()
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
        self._notes.asked(began_s, call, call.function.spec, refs)
        return refs

    def submit_method(self, call: calls.MethodCall) -> list[ObjectRef[Any]]:
        """See `Backend`."""
        began_s = time.time()
        refs = self._submit_method(call)
        self._notes.asked(began_s, call, call.method, refs)
        return refs

    def create_actor(self, creation: calls.Creation) -> ActorRef:
        """See `Backend`."""
        described = self._classes.get(creation.actor_class)
        if described is None:
            described = structs.replace(creation.actor_class, around=_observed)
            self._classes[creation.actor_class] = described
        began_s = time.time()
        actor = self._create_actor(creation._replace(actor_class=described))
        self._notes.created(began_s, creation, actor)
        return actor

    def close(self) -> None:
        """See `Backend`."""
        try:
            self._close()
        finally:
            _observers.pop(self._backend, None)
            self._notes.close()
            self._lines.close()

    # What runs here

    def begin(self, label: str) -> Any:
        """The code of a call begins; its id, or None if it is a part of one that runs already."""
        call = self._notes.here()
        if call in self._running:
            return None
        self._running.add(call)
        self._notes.begin(call, label)
        return call

    def end(self, call: Any, result: Any, error: BaseException | None) -> None:
        """It has ended."""
        self._running.discard(call)
        self._notes.end(call, result, error)

    def _describe_driver(self) -> None:
        """Say which program it is."""
        main = getattr(sys.modules.get("__main__"), "__file__", None)
        file = None if main is None else os.path.abspath(main)
        self._lines.write(
            "driver",
            backend=self._backend.name,
            file=file,
            argv=sys.argv[1:],
            as_ray=as_ray.is_installed(),
        )


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
                items, sent = function(*args, **kwargs), None
                while True:
                    try:
                        item = await items.asend(sent)
                    except StopAsyncIteration:
                        return
                    sent = yield item  # no `async for`: what a `yield` gives is the user's, too

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

"""`threading.Thread` and what asks about threads, for simulated code: its threads are steps of the kernel.

Threads that a test runner, a logging handler or an installed package starts stay real, also in the middle of a
simulation. How a `Thread` looks inside is in `faces.py`.
"""

from __future__ import annotations

import _thread
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

from simactors.sim.fiber import SimulationEnded
from simactors.sim.intercept import faces, interrupts, points, process
from simactors.sim.intercept.caller import simulation_of_caller
from simactors.sim.intercept.faces import Record
from simactors.sim.intercept.names import Names
from simactors.sim.intercept.origin import is_for_users_code


class Siblings(Protocol):
    """The threads of one process."""

    @property
    def main(self) -> Record:
        """The one that it began with."""
        ...

    @property
    def living(self) -> dict[int, Any]:
        """All that have not ended, by ident."""
        ...

    names: int
    pools: int


class Threads(Protocol):
    """The threads of one simulation."""

    def current(self) -> Record:
        """The one whose code runs."""
        ...

    def siblings(self) -> Siblings:
        """All of the same process."""
        ...

    def start(self, name: str, body: Callable[[], None], prepare: Callable[[Any], None]) -> Any:
        """Run `body` in a new thread of the process whose code runs."""
        ...

    def join(self, thread: Any, timeout_s: float | None) -> None:
        """Wait for the end of a thread."""
        ...


class HasThreads(Protocol):
    """One simulation."""

    @property
    def threads(self) -> Threads:
        """Its threads."""
        ...

    def belongs_here(self) -> bool:
        """Whether the caller is simulated."""
        ...

    def join_threads(self) -> None:
        """The driver's program has come to its end: wait for its threads, unless it has failed."""
        ...


# Who runs


def _get_ident() -> int:
    """`threading.get_ident` of the simulated thread."""
    world = simulation_of_caller(names.worlds)
    if world is None:
        real: int = names.real["get_ident"]()
        return real
    return world.threads.current().ident


def _native(record: Record) -> int:
    # Of a main thread, the process's pid, as on Linux: the driver's is the real one.
    return os.getpid() if record.kind == "main" else record.native_id


def _get_native_id() -> int:
    """`threading.get_native_id` of the simulated thread."""
    world = simulation_of_caller(names.worlds)
    if world is None:
        real: int = names.real["get_native_id"]()
        return real
    return _native(world.threads.current())


def face_of(record: Record) -> threading.Thread:
    """The `Thread` of a simulated thread."""
    if record.face is not None:
        known: threading.Thread = record.face
        return known
    name = threading._newname("Dummy-%d") if record.kind == "pool" else record.name  # type: ignore[attr-defined]
    return faces.face_of(record, _native(record), name)


def _current_thread() -> threading.Thread:
    """`threading.current_thread` of simulated code."""
    world = simulation_of_caller(names.worlds)
    if world is None:
        # The real function asks `get_ident`, which in `threading` is answered as simulated code would be.
        known: threading.Thread | None = threading._active.get(names.real["get_ident"]())  # type: ignore[attr-defined]
        real: threading.Thread = known or names.real["current_thread"]()
        return real
    return face_of(world.threads.current())


def _main_thread() -> threading.Thread:
    """`threading.main_thread` of the simulated process."""
    world = simulation_of_caller(names.worlds)
    if world is None:
        real: threading.Thread = names.real["main_thread"]()
        return real
    return face_of(world.threads.siblings().main)


def _enumerate() -> list[threading.Thread]:
    """`threading.enumerate` of the simulated process; without threads of a pool that nobody has asked about there."""
    world = simulation_of_caller(names.worlds)
    if world is None:
        real: list[threading.Thread] = names.real["enumerate"]()
        return real
    living = world.threads.siblings().living.values()
    return [face_of(record) for record in living if record.face is not None or record.kind != "pool"]


def _active_count() -> int:
    """`threading.active_count` of the simulated process."""
    world = simulation_of_caller(names.worlds)
    if world is None:
        real: int = names.real["active_count"]()
        return real
    living = world.threads.siblings().living.values()
    return sum(record.face is not None or record.kind != "pool" for record in living)


def _newname(name_template: str = "Thread-%d") -> str:
    """The names that `threading` gives, counted by each process."""
    world = simulation_of_caller(names.worlds)
    if world is None:
        real: str = names.real["_newname"](name_template)
        return real
    siblings = world.threads.siblings()
    siblings.names += 1
    return name_template % siblings.names


# Beginning and end


def _start(self: threading.Thread) -> None:
    """`Thread.start`: a simulated thread for the user's simulated code."""
    world = simulation_of_caller(names.worlds)
    if world is None or not is_for_users_code(sys._getframe(1)):
        methods.real["start"](self)
        return
    if faces.was_started(self):
        raise RuntimeError("threads can only be started once")
    points.reach(type(self), *vars(self).values())
    world.threads.start(
        self.name,
        lambda: _run(self),
        lambda record: faces.attach(self, record, _native(record)),
    )


def _run(face: threading.Thread) -> None:
    try:
        face.run()
    except SimulationEnded:
        raise
    except BaseException as error:  # the user's code may raise anything
        if isinstance(error, KeyboardInterrupt) and interrupts.was_pressed():
            raise
        error.__traceback__ = (
            error.__traceback__ and error.__traceback__.tb_next
        )  # begins in `Thread.run`, as a real one
        faces.call_hook(face)


def _join(self: threading.Thread, timeout: float | None = None) -> None:
    """`Thread.join`, in virtual time for a simulated thread."""
    record = faces.record_of(self)
    world = names.worlds[-1] if names.worlds else None
    if record is None or world is None or not world.belongs_here():
        methods.real["join"](self, timeout)
        return
    if record is world.threads.current():
        raise RuntimeError("cannot join current thread")
    world.threads.join(record, None if timeout is None else max(timeout, 0))


def _is_alive(self: threading.Thread) -> bool:
    """`Thread.is_alive`."""
    record = faces.record_of(self)
    if record is None:
        alive: bool = methods.real["is_alive"](self)
        return alive
    return not record.is_finished


def _start_new_thread(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any] | None = None, /
) -> int:
    """`_thread.start_new_thread`."""
    world = simulation_of_caller(names.worlds)
    if world is None or not is_for_users_code(sys._getframe(1)):
        real: int = low.real["start_new_thread"](function, args, kwargs or {})
        return real
    face = threading.Thread(target=function, args=args, kwargs=kwargs, daemon=True)
    face.start()
    assert face.ident is not None
    return face.ident


def _shutdown() -> None:
    """`threading._shutdown`: the interpreter ends while a simulation is open that nobody has shut down."""
    try:
        if names.worlds:
            names.worlds[-1].join_threads()
    except SystemExit as error:  # one of them has called `os._exit`
        process.names.real["_exit"](error.code)
    finally:
        faces.forget_executors()
        threading.get_ident = names.real["get_ident"]  # else it would wait for the end of its own thread
        names.real["_shutdown"]()


_REPLACEMENTS: dict[str, Callable[..., Any]] = {
    "get_ident": _get_ident,
    "get_native_id": _get_native_id,
    "current_thread": _current_thread,
    "main_thread": _main_thread,
    "enumerate": _enumerate,
    "active_count": _active_count,
    "_newname": _newname,
    "_shutdown": _shutdown,
}

names: Names[HasThreads] = Names(threading, _REPLACEMENTS)
"""What is replaced; open simulations install themselves here."""
methods: Names[HasThreads] = Names(threading.Thread, {"start": _start, "join": _join, "is_alive": _is_alive})
"""Of the class itself, so that subclasses and who knows it early get them, too."""
low: Names[HasThreads] = Names(_thread, {"start_new_thread": _start_new_thread})
"""For who goes round `threading`."""

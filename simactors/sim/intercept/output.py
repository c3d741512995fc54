"""`sys.stdout`, `sys.stderr` and `print` of simulated processes: what they print passes `sim/output.py`.

The driver, and debuggers in the middle of an actor's code, write as always.
"""

from __future__ import annotations

import builtins
import contextlib
import sys
from collections.abc import Iterable
from types import FrameType
from typing import Any, Protocol, TextIO

from simactors.core.current import running
from simactors.sim.intercept.caller import is_a_tool
from simactors.sim.intercept.names import Names

_OURS = __name__.rpartition(".")[0]
_STREAMS = "stdout", "stderr"
_PLACES = "_simactors_places"


class Lines(Protocol):
    """The lines of one simulation."""

    def write(self, process: Any, name: str, target: TextIO, text: str, /) -> None:
        """A simulated process prints."""
        ...


class HasOutput(Protocol):
    """One simulation."""

    @property
    def output(self) -> Lines:
        """Its lines."""
        ...

    def is_driver(self) -> bool:
        """Whether the caller is the driver."""
        ...

    def is_forked(self) -> bool:
        """Whether the caller is a real process that code of the simulation has started."""
        ...


def _printing(frame: FrameType | None) -> Any:
    """The simulated process whose code prints in `frame`; None for the driver, a tool, and whoever is not simulated."""
    process = running.get()
    if process is None or not names.worlds or names.worlds[-1].is_driver() or names.worlds[-1].is_forked():
        return None
    caller = frame
    while caller is not None and caller.f_globals.get("__name__", "").startswith(_OURS):
        caller = caller.f_back
    return None if is_a_tool(caller) else process


class Face:
    """Stands for a stream: what the driver writes goes on as it is. Also usable when the simulation is over."""

    def __init__(self, target: Any, name: str) -> None:
        self._target = target
        self._name = name

    def write(self, text: str) -> int:
        """See `io.TextIOBase`."""
        process = _printing(sys._getframe(1))
        if process is None:
            return self._target.write(text)  # type: ignore[no-any-return]  # whatever the stream says
        if (process, self._name) in streams.redirected:
            return streams.redirected[process, self._name].write(text)  # type: ignore[no-any-return]  # as above
        names.worlds[-1].output.write(process, self._name, self._target, text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """See `io.IOBase`."""
        for line in lines:
            self.write(line)

    def isatty(self) -> bool:
        """No terminal for simulated processes, as on Ray."""
        return _printing(sys._getframe(1)) is None and self._target.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)


class Streams:
    """`sys.stdout` and `sys.stderr`, while at least one world is open.

    Attributes:
        redirected: what simulated processes have put in the place of theirs, which no other process sees.
    """

    def __init__(self) -> None:
        self.redirected: dict[tuple[Any, str], Any] = {}
        self._faces: list[tuple[str, Face]] = []
        self._depth = 0

    def install(self, world: object) -> None:
        """Put faces in front of them."""
        self._depth += 1
        if self._depth == 1:
            self._faces = []
            for name in _STREAMS:
                self.put_face(name)

    def put_face(self, name: str) -> None:
        """Put one in front of what is there now, unless it is there: the driver may have put something else there."""
        there = getattr(sys, name)
        if there is not None and type(there) is not Face:
            face = Face(there, name)
            self._faces.append((name, face))
            setattr(sys, name, face)

    def uninstall(self, world: object) -> None:
        """Put them back, unless somebody has put something else there meanwhile."""
        self._depth -= 1
        if self._depth == 0:
            self.redirected.clear()
            for name, face in self._faces:
                if getattr(sys, name) is face:
                    setattr(sys, name, face._target)


def _print(*values: object, file: Any = None, **options: Any) -> None:
    """`print`: also where ``redirect_stdout`` has put something else in the place of our stream."""
    there = sys.stdout
    if (
        file is None
        and there is not None
        and type(there) is not Face
        and _printing(sys._getframe().f_back) is not None
    ):
        file = Face(there, "stdout")
    names.real["print"](*values, file=file, **options)


def _redirect(self: Any) -> Any:
    """``with redirect_stdout(...)``: of a simulated process, only its own stream, as where each is a real one."""
    process = _printing(sys._getframe(1))
    if process is None or self._stream not in _STREAMS:
        return methods.real["__enter__"](self)
    place = process, self._stream
    # For the real method: it may come to that after the simulation.
    self._old_targets.append(getattr(sys, self._stream))
    self.__dict__.setdefault(_PLACES, []).append((place, streams.redirected.get(place)))
    streams.redirected[place] = self._new_target
    streams.put_face(self._stream)
    return self._new_target


def _direct_back(self: Any, *error: Any) -> None:
    """The end of it."""
    places = self.__dict__.get(_PLACES)
    if not places:
        methods.real["__exit__"](self, *error)
        return
    self._old_targets.pop()
    place, before = places.pop()
    if before is None:
        streams.redirected.pop(place, None)
    else:
        streams.redirected[place] = before


names: Names[HasOutput] = Names(builtins, {"print": _print})
"""What is replaced; open simulations install themselves here."""
methods: Names[HasOutput] = Names(
    contextlib._RedirectStream,  # what both `redirect_...` are
    {"__enter__": _redirect, "__exit__": _direct_back},
)
streams = Streams()

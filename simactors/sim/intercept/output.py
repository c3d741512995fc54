"""`sys.stdout`, `sys.stderr` and `print` of simulated processes: what they print passes `sim/output.py`.

The driver, and debuggers in the middle of an actor's code, write as always.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterable
from types import FrameType
from typing import Any, Protocol, TextIO

from simactors.core.current import running
from simactors.sim.intercept.caller import is_a_tool
from simactors.sim.intercept.names import Names

_OURS = __name__.rpartition(".")[0]


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
    """`sys.stdout` and `sys.stderr`, while at least one world is open."""

    def __init__(self) -> None:
        self._faces: dict[str, Face] = {}
        self._depth = 0

    def install(self, world: object) -> None:
        """Put faces in front of them."""
        self._depth += 1
        if self._depth == 1:
            there = {name: getattr(sys, name) for name in ("stdout", "stderr")}
            self._faces = {name: Face(stream, name) for name, stream in there.items() if stream is not None}
            for name, face in self._faces.items():
                setattr(sys, name, face)

    def uninstall(self, world: object) -> None:
        """Put them back, unless somebody has put something else there meanwhile."""
        self._depth -= 1
        if self._depth == 0:
            for name, face in self._faces.items():
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


names: Names[HasOutput] = Names(builtins, {"print": _print})
"""What is replaced; open simulations install themselves here."""
streams = Streams()

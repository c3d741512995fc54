"""Stands in the way of calls that reach the real world: sockets, programs, other processes, files that are written.

Which there are, and what becomes of them, is in `sim/escapes.py`. Only what simulated code of the user does counts, by
itself or through a library; not what tools and imports do beside it.
"""

from __future__ import annotations

import builtins
import getpass
import io
import locale
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from functools import wraps
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from simactors.core.current import running
from simactors.exceptions import EscapeError, EscapeWarning
from simactors.sim import escapes
from simactors.sim.intercept.caller import TOOLS
from simactors.sim.intercept.names import Names, is_users_file

try:
    import resource
except ImportError:  # only Unix has it
    resource = None  # type: ignore[assignment]  # looked at below

_HERE = f"{Path(__file__).parent}/"
_SIMULATOR = f"{Path(__file__).parents[1]}/"
_OUR_FILES = f"{Path(__file__).parents[2]}/"
# Whoever sets up logging wants its files, and `tempfile`, a tool, makes each under a name of its own.
_MAY_WRITE = frozenset({"logging"})


Place = tuple[str, int, str]
"""A line of code: its file, its number, its module."""


class Policy:
    """What one simulation lets out.

    Args:
        given: what `SimConfig.escapes` says.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self._verdicts = escapes.policy(given)
        self._told: dict[tuple[str, str, int], None] = {}

    def is_part_of_allowed(self, kind: str, package: str) -> bool:
        """Whether the standard library's `package` does this for a real process that may be started."""
        return package == "multiprocessing" != kind and self._verdicts["multiprocessing"] != "raise"

    def judge(self, kind: str, call: str, place: Place, *, can_be_allowed: bool) -> None:
        """Somebody is about to escape.

        Raises:
            EscapeError: that is refused.
        """
        verdict = self._verdicts[kind] if can_be_allowed else "raise"
        if verdict == "allow":
            return
        file, line, module = place
        where = f"{file}:{line}" if file else ""
        text = escapes.story(kind, call, where, can_be_allowed=can_be_allowed)
        if verdict == "raise":
            raise EscapeError(text)
        if (kind, file, line) not in self._told:
            self._told[kind, file, line] = None
            # Once for each simulation, whatever others have been told: a warning may be an error, and runs must repeat.
            warnings.warn_explicit(text, EscapeWarning, file or "<unknown>", line, module=module)


class HasEscapes(Protocol):
    """One simulation."""

    @property
    def escapes(self) -> Policy:
        """What it lets out."""
        ...

    def belongs_here(self) -> bool:
        """Whether the caller is simulated."""
        ...

    def is_forked(self) -> bool:
        """Whether the caller is a real process that code of the simulation has started."""
        ...

    def is_driver(self) -> bool:
        """Whether the caller is the driver."""
        ...


def check(kind: str, call: str, frame: FrameType | None) -> None:
    """The code of `frame` is about to make a real `call`.

    Raises:
        EscapeError: it is simulated, and that is refused.
    """
    _check(kind, call, frame, can_be_allowed=True)


def refuse(kind: str, call: str, frame: FrameType | None) -> None:
    """As `check`, for what can't work beside a simulation, whatever the user allows."""
    _check(kind, call, frame, can_be_allowed=False)


def _check(kind: str, call: str, frame: FrameType | None, *, can_be_allowed: bool) -> None:
    # Not `simulation_of_caller`: whoever asks through a library is found below, by its line.
    world = worlds[-1] if worlds else None
    if world is None or not world.belongs_here() or world.is_forked():
        return
    place = _users_place(world.escapes, kind, frame)
    if place is not None:
        world.escapes.judge(kind, call, place, can_be_allowed=can_be_allowed)


def _users_place(policy: Policy, kind: str, frame: FrameType | None) -> Place | None:
    """The user's line on whose behalf `frame` does something; None if it is not the user's doing."""
    while frame is not None:
        file = frame.f_code.co_filename
        module: str = frame.f_globals.get("__name__") or ""
        root = module.partition(".")[0]
        is_import = file.startswith("<frozen importlib")  # what an import does, it does once
        is_harmless = (kind == "write" and root in _MAY_WRITE) or policy.is_part_of_allowed(kind, root)
        if root in TOOLS or is_import or is_harmless:
            return None
        if file.startswith(_OUR_FILES) and not file.startswith(_HERE):
            # The simulator was given the call itself: `pool.submit(os.system, "ls")`.
            return ("", 0, module) if file.startswith(_SIMULATOR) else None
        if is_users_file(file):
            return file, frame.f_lineno, module
        frame = frame.f_back
    return None


class _Worlds:
    """Remembers the open worlds for `check`."""

    def install(self, world: HasEscapes) -> None:
        """See `patches.Patch`."""
        worlds.append(world)

    def uninstall(self, world: HasEscapes) -> None:
        """See `patches.Patch`."""
        worlds.remove(world)


worlds: list[HasEscapes] = []
opened = _Worlds()


# What replaces the names. Where no world is open, it is only a longer way: somebody may have kept it.


def _guarded(kind: str, call: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """`real`, when `check` has let it pass."""

    @wraps(real)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if worlds:
            check(kind, call, sys._getframe(1))
        return real(*args, **kwargs)

    return guarded


_real_open = builtins.open


@wraps(_real_open)
def _open(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
    """`open`: only for writing, and not what is open already or forgets what it is told."""
    if worlds and type(file) is not int and escapes.writes(str(mode)) and file != os.devnull:
        check("write", "open()", sys._getframe(1))
    return _real_open(file, mode, *args, **kwargs)


_real_os_open = os.open
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@wraps(_real_os_open)
def _os_open(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
    """`os.open`: as `open`."""
    if worlds and flags & _WRITES and path != os.devnull:
        check("write", "os.open()", sys._getframe(1))
    return _real_os_open(path, flags, *args, **kwargs)


_real_connect = sqlite3.connect


@wraps(_real_connect)
def _connect(database: Any, *args: Any, **kwargs: Any) -> Any:
    """`sqlite3.connect`: not if it stays in memory."""
    if worlds and database != ":memory:":
        check("write", "sqlite3.connect()", sys._getframe(1))
    return _real_connect(database, *args, **kwargs)


_real_input = builtins.input


@wraps(_real_input)
def _input(prompt: object = "", /) -> str:
    """`input`: simulated processes have nothing to read, as Ray's."""
    frame = sys._getframe(1)
    is_tool = (frame.f_globals.get("__name__") or "").partition(".")[0] in TOOLS
    if worlds and running.get() is not None and not is_tool and not worlds[-1].is_driver():
        raise EOFError("EOF when reading a line")
    if worlds:
        check("input", "input()", frame)
    return _real_input(prompt)


def _functions(owner: Any, kind: str, *names: str) -> dict[str, Callable[..., Any]]:
    """Those of `names` that there are on this platform, guarded."""
    real = {name: vars(owner)[name] for name in names if name in vars(owner)}
    return {name: _guarded(kind, f"{owner.__name__}.{name}()", function) for name, function in real.items()}


def _listed(owner: Any, kind: str) -> dict[str, Callable[..., Any]]:
    """The functions of one module that `sim/escapes.py` lists."""
    listed = (call.rpartition(".") for call in escapes.CALLS[kind])
    return _functions(owner, kind, *(name for module, _, name in listed if module == owner.__name__))


def _all_of_os() -> dict[str, Callable[..., Any]]:
    kinds = ("subprocess", "fork", "write", "process")  # `process.py` has os.kill and os.killpg
    found = {name: function for kind in kinds for name, function in _listed(os, kind).items()}
    return {**found, "open": _os_open}


def _method(owner: type, name: str, kind: str, call: str) -> Names[HasEscapes]:
    return Names(owner, {name: _guarded(kind, call, vars(owner)[name])})


_ADDRESSES = ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr")

names: tuple[Names[HasEscapes], ...] = (
    Names(builtins, {"open": _open, "input": _input}),
    Names(io, {"open": _open}),
    Names(os, _all_of_os()),
    Names(sqlite3, {"connect": _connect}),
    _method(socket.socket, "__init__", "socket", "socket.socket()"),
    Names(socket, _functions(socket, "socket", *_ADDRESSES)),
    _method(subprocess.Popen, "__init__", "subprocess", "subprocess.Popen()"),
    _method(BaseProcess, "start", "multiprocessing", "multiprocessing.Process.start()"),
    *([] if resource is None else [Names(resource, _listed(resource, "process"))]),
    Names(signal, _listed(signal, "kill")),
    Names(time, _listed(time, "process")),
    Names(locale, _listed(locale, "process")),
    Names(getpass, _listed(getpass, "input")),
)
"""What is replaced; open simulations install themselves here, and in `opened`."""

"""`os.environ` and its kin: simulated processes have variables of their own, the driver has the real ones.

`os.environ` stays the object that it is, so that early imports of it are reached: only its class is another one while a
simulation is open.
"""

from __future__ import annotations

import os
from typing import Any, Protocol

from simactors.core.current import running
from simactors.sim.intercept.names import Names

_running = running.get
_variables = os.environb  # a program may put something else in its place


class Environments(Protocol):
    """The variables of the processes of one simulation."""

    def environment(self) -> dict[bytes, bytes] | None:
        """Those of the process whose code runs now; None for the driver."""
        ...


class HasEnvironments(Protocol):
    """One simulation."""

    @property
    def privates(self) -> Environments:
        """What its processes have."""
        ...


def _own() -> dict[bytes, bytes] | None:
    if _running() is None or not names.worlds:
        return None
    return names.worlds[-1].privates.environment()


class _Environ(os._Environ):  # type: ignore[type-arg]  # of str for `environ`, of bytes for `environb`
    """Like its base, but its data are those of whoever asks."""

    @property
    def _data(self) -> dict[bytes, bytes]:
        # What `os._Environ` keeps under this name in the object itself is still there.
        own = _own()
        return vars(self)["_data"] if own is None else own


_Environ.__name__ = _Environ.__qualname__ = "_Environ"


class EnvironClass:
    """The class of `os.environ` and `os.environb`, another one while at least one world is open."""

    def __init__(self) -> None:
        self._depth = 0

    def install(self, world: HasEnvironments) -> None:
        """Let processes of a simulation have their own variables, until it is uninstalled."""
        self._depth += 1
        os.environ.__class__ = os.environb.__class__ = _Environ

    def uninstall(self, world: HasEnvironments) -> None:
        """Undo `install`."""
        self._depth -= 1
        if not self._depth:
            os.environ.__class__ = os.environb.__class__ = os._Environ


def of_the_driver() -> dict[bytes, bytes]:
    """A copy of the real variables."""
    return dict(vars(os.environ)["_data"])


def put_back(variables: dict[bytes, bytes]) -> None:
    """Give the driver the variables that `of_the_driver` gave."""
    now = vars(_variables)["_data"]
    if now == variables:
        return  # as after nearly every run; through `os.environ`, each of them would be decoded for that
    for name in now.keys() - variables.keys():
        del _variables[name]
    _variables.update({name: value for name, value in variables.items() if now.get(name) != value})


# `os.environ[...] = ...` ends here, too. What they change, children of the real process would inherit.


def _putenv(name: Any, value: Any, /) -> None:
    """`os.putenv`: as `os.environ` of the same process does not show it, nobody sees it in a simulated one."""
    if _own() is None:
        names.real["putenv"](name, value)


def _unsetenv(name: Any, /) -> None:
    """`os.unsetenv`."""
    if _own() is None:
        names.real["unsetenv"](name)


names: Names[HasEnvironments] = Names(os, {"putenv": _putenv, "unsetenv": _unsetenv})
"""What is replaced; open simulations install themselves here."""
variables = EnvironClass()

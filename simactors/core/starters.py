"""What every process of a session does first: modules and functions by name, so that a process can be told of them.

Not what programs want of their processes (that is `runtime_env`): what this package does to the driver, and must do in
the others, too. A backend tells the processes that it starts; the simulator's have the driver's interpreter.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence

_names: list[str] = []


def add(name: str) -> None:
    """Let processes of sessions that begin from now on load ``module``, or call ``module:function``."""
    _names.append(name)


def remove(name: str) -> None:
    """Undo `add`."""
    _names.remove(name)


def names() -> Sequence[str]:
    """What a new session is to be told."""
    return tuple(_names)


def call(names: Sequence[str]) -> None:
    """Do what another process was told."""
    for name in names:
        module, _, function = name.partition(":")
        loaded = importlib.import_module(module)
        if function:
            getattr(loaded, function)()

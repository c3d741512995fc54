"""Who called a replaced function: the one place that decides whether simulated code asks, or somebody else.

Simulated is the code of simulated processes, and what the driver's own code calls on the simulation's thread. A test
runner, another thread and whatever runs outside a simulation are real.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import FrameType
from typing import Protocol, TypeVar

from simactors.core.current import running

TOOLS = frozenset(
    {
        "IPython",
        "_pydevd_bundle",
        "_pytest",
        "bdb",
        "click",
        "cmd",  # what a debugger asks with
        "cloudpickle",  # it names classes at random, each once: the next run must have the same numbers
        "coverage",
        "debugpy",
        "hypothesis",
        "ipdb",
        "pdb",
        "pluggy",
        "pydevd",
        "pytest_randomly",
        "pytest_timeout",
        "rich",
        "tempfile",  # what it makes is real, and so must its names be
        "xdist",
    }
)
"""Modules that see the real world when the driver's code calls them; where simulated processes do, see `is_a_tool`."""

_PASSED_THROUGH = frozenset({"random", "secrets", "uuid"})
"""Modules that ask for somebody else."""

_running = running.get


class Simulation(Protocol):
    """An open simulation."""

    def belongs_here(self) -> bool:
        """Whether the code that runs now is simulated, or the driver's own, on the simulation's thread."""
        ...


S = TypeVar("S", bound=Simulation)


def simulation_of_caller(worlds: Sequence[S], depth: int = 2) -> S | None:
    """The innermost of the open `worlds`, if whoever called the replaced function that asks this is simulated.

    Args:
        depth: how many frames away that caller is.
    """
    if not worlds:
        return None
    world = worlds[-1]
    if _running() is not None:
        # As most of the time: `belongs_here` would say the same. Tools in actors and tasks are not looked for, as that
        # would cost each call a frame; who must tell them apart there, too (entropy, output, escapes), does so itself.
        return world
    return None if is_a_tool(sys._getframe(depth)) or not world.belongs_here() else world


def is_a_tool(frame: FrameType | None) -> bool:
    """Whether the code of `frame` is that of a tool that runs beside a program, and sees the real world."""
    while frame is not None:
        module: str = frame.f_globals.get("__name__") or ""
        if module not in _PASSED_THROUGH:
            return module.partition(".")[0] in TOOLS
        frame = frame.f_back
    return False

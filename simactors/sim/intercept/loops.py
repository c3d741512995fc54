"""`asyncio.new_event_loop` of simulated code: loops in virtual time, also for ``asyncio.run``.

Not the loop itself (`sim/loop.py`), nor the loops of async actors, which nobody asks for.
"""

from __future__ import annotations

import asyncio
from asyncio import events
from collections.abc import Callable
from typing import Any, Protocol

from simactors.sim.intercept.names import Names


class MakesLoops(Protocol):
    """One simulation."""

    def belongs_here(self) -> bool:
        """Whether the caller is simulated."""
        ...

    def new_loop(self) -> asyncio.AbstractEventLoop:
        """An event loop for the process whose code runs now."""
        ...


def _new_event_loop() -> asyncio.AbstractEventLoop:
    """`asyncio.new_event_loop` in virtual time."""
    world = names.worlds[-1] if names.worlds else None
    if world is not None and world.belongs_here():
        return world.new_loop()
    made: asyncio.AbstractEventLoop = names.real["new_event_loop"]()
    return made


_REPLACEMENTS: dict[str, Callable[..., Any]] = {"new_event_loop": _new_event_loop}

names: Names[MakesLoops] = Names(events, _REPLACEMENTS)
"""What `asyncio.run` and `asyncio.Runner` call; open simulations install themselves here."""
public: Names[MakesLoops] = Names(asyncio, _REPLACEMENTS)
"""The same under its public name."""

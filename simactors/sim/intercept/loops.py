"""`asyncio.new_event_loop` of simulated code: loops in virtual time, also for ``asyncio.run``.

Not the loop itself (`sim/loop.py`), nor the loops of async actors, which nobody asks for.
"""

from __future__ import annotations

import asyncio
from asyncio import events
from collections.abc import Callable
from typing import Any, Protocol

from simactors.sim.intercept.caller import simulation_of_caller
from simactors.sim.intercept.names import Names

# Later Pythons call it by another name, and some day there will be none.
_POLICY: Any = getattr(events, "BaseDefaultEventLoopPolicy", None) or events._BaseDefaultEventLoopPolicy  # type: ignore[attr-defined]


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
    world = simulation_of_caller(names.worlds)
    if world is not None:
        return world.new_loop()
    made: asyncio.AbstractEventLoop = names.real["new_event_loop"]()
    return made


def _make_loop(self: Any) -> asyncio.AbstractEventLoop:
    """What `asyncio.get_event_loop` asks where no loop runs and none was set."""
    world = simulation_of_caller(policies.worlds)
    if world is not None:
        return world.new_loop()
    made: asyncio.AbstractEventLoop = policies.real["new_event_loop"](self)
    return made


# What asyncio keeps in sets would go in the order of addresses


def _all_tasks(loop: Any = None) -> set[Any]:
    """`asyncio.all_tasks`: of a loop in virtual time, in the order in which they were made."""
    if simulation_of_caller(tasks.worlds) is not None:
        asked = events.get_running_loop() if loop is None else loop
        made = getattr(asked, "tasks_in_order", None)
        if made is not None:
            return {task for task in made if not task.done()}
    found: set[Any] = tasks.real["all_tasks"](loop)
    return found


def _as_completed(fs: Any, *, timeout: float | None = None) -> Any:
    """`asyncio.as_completed`: what it makes tasks of, it makes in the order given."""
    is_one = asyncio.isfuture(fs) or asyncio.iscoroutine(fs)
    if not is_one and simulation_of_caller(tasks.worlds) is not None:
        fs = [asyncio.ensure_future(one) for one in dict.fromkeys(fs)]
    return tasks.real["as_completed"](fs, timeout=timeout)


_REPLACEMENTS: dict[str, Callable[..., Any]] = {"new_event_loop": _new_event_loop}
_OF_TASKS: dict[str, Callable[..., Any]] = {"all_tasks": _all_tasks, "as_completed": _as_completed}

names: Names[MakesLoops] = Names(events, _REPLACEMENTS)
"""What `asyncio.run` and `asyncio.Runner` call; open simulations install themselves here."""
tasks: Names[MakesLoops] = Names(asyncio.tasks, _OF_TASKS)
public: Names[MakesLoops] = Names(asyncio, {**_REPLACEMENTS, **_OF_TASKS})
"""The same under their public names."""
policies: Names[MakesLoops] = Names(_POLICY, {"new_event_loop": _make_loop})

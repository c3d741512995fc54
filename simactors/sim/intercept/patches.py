"""All that is replaced while a simulation is open, in one list.

Not what the replacements do: each file of this folder says that of its own.
"""

from __future__ import annotations

from typing import Any, Protocol

from simactors.sim.intercept import (
    chance,
    clock,
    dates,
    environment,
    escapes,
    imports,
    interrupts,
    local,
    locks,
    loops,
    numpy_chance,
    output,
    points,
    pools,
    process,
    queues,
    signals,
    threads,
    twins,
)
from simactors.sim.intercept.early import EarlyNames
from simactors.sim.intercept.names import Names
from simactors.sim.intercept.numpy_chance import NumpyChance


class Patch(Protocol):
    """Something of the interpreter that is different while at least one world is open."""

    def install(self, world: Any, /) -> None:
        """Let the replacement see `world`, until it is uninstalled."""
        ...

    def uninstall(self, world: Any, /) -> None:
        """Undo `install`; the last one restores what was there."""
        ...


_PATCHES: tuple[Patch, ...] = (
    clock.names,
    clock.of_queues,
    clock.of_threading,
    dates.types,
    chance.functions,
    chance.names,
    chance.of_random,
    chance.methods,
    chance.of_uuid,
    numpy_chance.patch,
    environment.names,
    environment.variables,
    process.names,
    signals.names,
    loops.names,
    loops.public,
    locks.names,
    threads.names,
    threads.methods,
    threads.low,
    points.executors,
    queues.names,
    local.names,
    local.subclasses,
    pools.executors,
    pools.of_processes,
    pools.futures,
    pools.acquiring,
    pools.module,
    pools.thread_pools,
    pools.of_pools,
    loops.tasks,
    loops.policies,
    twins.rebinding,
    imports.names,
    imports.of_importlib,
    output.names,
    output.streams,
    escapes.opened,
    *escapes.names,
)


_early = EarlyNames([patch for patch in _PATCHES if isinstance(patch, Names | NumpyChance)])


def install(world: Any) -> None:
    """Replace everything, and let it ask `world`, which keeps the promises of all files of this folder.

    If one can't be installed, none is.
    """
    done: list[Patch] = []
    try:
        for patch in _PATCHES:
            patch.install(world)
            done.append(patch)
        _early.install(world)
        done.append(_early)
        interrupts.install()
    except BaseException:
        for patch in reversed(done):
            patch.uninstall(world)
        raise


def uninstall(world: Any) -> None:
    """Undo `install`, in the opposite order."""
    interrupts.uninstall()
    for patch in (_early, *reversed(_PATCHES)):
        patch.uninstall(world)

"""All that is replaced while a simulation is open, in one list.

Not what the replacements do: each file of this folder says that of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
from simactors.sim.intercept.dates import DateTypes
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
    output.methods,
    output.streams,
    escapes.opened,
    *escapes.names,
)


_early = EarlyNames([patch for patch in _PATCHES if isinstance(patch, Names | NumpyChance)])
_KEPT = tuple(patch for patch in _PATCHES if isinstance(patch, Names | DateTypes))
_OTHERS = tuple(patch for patch in _PATCHES if not isinstance(patch, Names | DateTypes))


class _Keeping:
    """How many ask that replacements stay between simulations, and whether some have stayed."""

    asked = 0
    is_done = False


@contextmanager
def kept() -> Iterator[None]:
    """Between simulations, leave what the first one has put in place: to put it there takes as long as a small run.

    While none is open, replacements do what the real ones do.
    """
    _Keeping.asked += 1
    try:
        yield
    finally:
        _Keeping.asked -= 1
        if not _Keeping.asked and _Keeping.is_done:
            _Keeping.is_done = False
            for patch in (_early, *reversed(_KEPT)):
                patch.release()


def install(world: Any) -> None:
    """Replace everything, and let it ask `world`, which keeps the promises of all files of this folder.

    If one can't be installed, none is.
    """
    done: list[Patch] = []
    patches: tuple[Patch, ...] = (*_PATCHES, _early)
    if _Keeping.is_done:
        patches = (*_OTHERS, _early)
        for kept_one in _KEPT:
            kept_one.worlds.append(world)
    try:
        for patch in patches:
            patch.install(world)
            done.append(patch)
        interrupts.install()
    except BaseException:
        for patch in reversed(done):
            patch.uninstall(world)
        if _Keeping.is_done:
            _leave(world)
        raise


def uninstall(world: Any) -> None:
    """Undo `install`, in the opposite order."""
    if _Keeping.asked and not _Keeping.is_done:
        _Keeping.is_done = True
        for kept_one in (*_KEPT, _early):
            kept_one.keep()
    interrupts.uninstall()
    if not _Keeping.is_done:
        for patch in (_early, *reversed(_PATCHES)):
            patch.uninstall(world)
        return
    for patch in (_early, *reversed(_OTHERS)):
        patch.uninstall(world)
    _leave(world)
    _early.meet()


def _leave(world: Any) -> None:
    """What is kept in place asks `world` no longer."""
    for patch in _KEPT:
        patch.worlds.remove(world)

"""Locks, and what is built of them, that the user's modules made before the simulation: simulated twins stand for them.

A real lock that one fiber holds would hold up the one real thread of all others for ever. While a simulation is open,
module globals, class attributes, closures and what else `places.py` reaches have a twin in the same state; afterwards
the real one is back, in the state that the twin had. What can't be reached is named in a warning.
"""

from __future__ import annotations

import _thread
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any, Protocol

from simactors.sim.intercept import loaded, local, pools, queues
from simactors.sim.intercept.early import warn_of
from simactors.sim.intercept.names import is_users
from simactors.sim.intercept.places import Bound, Finder, Item

_LOCK: Any = type(_thread.allocate_lock())
_RLOCK: Any = _thread.RLock
_LOCAL: Any = threading.local
_SIMPLE_QUEUE: Any = queue.SimpleQueue
_BUILT = (threading.Event, threading.Semaphore, threading.Barrier, queue.Queue)
_ALL = (_LOCK, _RLOCK, threading.Condition, *_BUILT, _SIMPLE_QUEUE, ThreadPoolExecutor)


class MakesLocks(Protocol):
    """One simulation."""

    def new_lock(self) -> Any:
        """A lock for whoever uses it."""
        ...

    def new_rlock(self) -> Any:
        """A lock that its owner may take again."""
        ...


class _Twins:
    """The twins of one simulation; each real object has one, wherever it is found."""

    def __init__(self, world: MakesLocks) -> None:
        self._world = world
        self._made: dict[int, tuple[Any, Any]] = {}  # by identity; the real ones are kept
        self._plain: set[type] = set()  # of what needs none
        self._afterwards: list[Callable[[], None]] = []

    def other(self, value: Any) -> Any:
        """The twin of `value`; None if it needs none."""
        kind = type(value)
        if kind in self._plain:
            return None
        if kind is not _LOCAL and not isinstance(value, _ALL):
            self._plain.add(kind)
            return None
        known = self._made.get(id(value))
        if known is None:
            known = self._made[id(value)] = value, self._make(value)
        return known[1]

    def finish(self) -> None:
        """Give the real ones the state of their twins."""
        for action in self._afterwards:
            action()

    def _make(self, value: Any) -> Any:
        if isinstance(value, _LOCK):
            return self._lock(value)
        if isinstance(value, _RLOCK):
            return self._world.new_rlock()
        if type(value) is _LOCAL:
            return local.twin(value)
        if isinstance(value, threading.Condition):
            return threading.Condition(self.other(value._lock) or value._lock)  # type: ignore[attr-defined]
        if isinstance(value, _SIMPLE_QUEUE):
            return self._simple_queue(value)
        if isinstance(value, ThreadPoolExecutor):
            return self._executor(value)
        return self._copy(value)

    def _lock(self, real: Any) -> Any:
        made = self._world.new_lock()
        if real.locked():
            made.acquire()
        self._afterwards.append(lambda: _equal(real, is_taken=made.locked()))
        return made

    def _copy(self, real: Any) -> Any:
        """With the same containers, and twins of the locks."""
        made = real.__class__.__new__(real.__class__)
        for name, value in vars(real).items():
            twin = self.other(value)
            made.__dict__[name] = value if twin is None else twin

        def give_back() -> None:
            for name, value in vars(made).items():
                if type(value) in (int, bool):
                    real.__dict__[name] = value

        self._afterwards.append(give_back)
        return made

    def _simple_queue(self, real: Any) -> Any:
        made = queues.Simulated.__new__(queues.Simulated)
        made.__dict__.update(_queue=queue.deque(), _count=self._semaphore())  # type: ignore[attr-defined]
        _pour(real, made)
        self._afterwards.append(lambda: _pour(made, real))
        return made

    def _semaphore(self) -> Any:
        made = threading.Semaphore(0)
        made._cond = threading.Condition(self._world.new_lock())  # type: ignore[attr-defined]
        return made

    def _executor(self, real: Any) -> Any:
        """The same pool with no threads yet: those that it has are real."""
        made = real.__class__.__new__(real.__class__)
        made.__dict__.update(vars(real))
        made._work_queue = self._simple_queue(_SIMPLE_QUEUE())
        made._idle_semaphore = self._semaphore()
        made._shutdown_lock = self._world.new_lock()
        made._threads = pools.in_order()
        return made


def _equal(real: Any, *, is_taken: bool) -> None:
    if is_taken and not real.locked():
        real.acquire()
    elif real.locked() and not is_taken:
        real.release()


def _pour(full: Any, empty: Any) -> None:
    while not full.empty():
        empty.put(full.get_nowait())


class Rebinding:
    """Puts twins where the user's modules keep real ones, while at least one world is open.

    A module is searched deeply when it is new, later only among its globals.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._twins: _Twins | None = None
        self._bound: list[Bound] = []
        self._known: dict[str, tuple[ModuleType, list[Bound]]] = {}
        self._warned: set[str] = set()

    def install(self, world: Any) -> None:
        """Rebind, if this is the first open world."""
        self._depth += 1
        if self._depth > 1:
            return
        self._twins = _Twins(world)
        known = self._known
        for name, module in loaded.strangers():
            if not isinstance(module, ModuleType) or not is_users(module):
                continue
            if name in known and known[name][0] is module and name != "__main__":
                self._bound += _again(module, known[name][1], self._twins.other)
            else:
                self._bound += self._search(name, module, self._twins.other)
        for bound in self._bound:
            bound.rebind()

    def uninstall(self, world: object) -> None:
        """Undo `install`; the last one puts everything back."""
        self._depth -= 1
        if self._depth or self._twins is None:
            return
        for bound in self._bound:
            bound.put_back()
        self._twins.finish()
        self._bound, self._twins = [], None

    def _search(self, name: str, module: ModuleType, other: Callable[[Any], Any]) -> list[Bound]:
        finder = Finder(other, is_deep=True)
        finder.search(module)
        self._warn(module, finder.unreachable)
        self._known[name] = module, finder.found
        return finder.found

    def _warn(self, module: ModuleType, unreachable: list[str]) -> None:
        for place in unreachable:
            if place not in self._warned:
                self._warned.add(place)
                warn_of(module, f"{place} {_UNREACHABLE}")


_UNREACHABLE = (
    "is a real lock, or made of one, and can't be replaced during simulations: code that waits for it there would "
    "stand still for ever. Keep it in a variable or a list, or make it later."
)


def _again(module: ModuleType, known: list[Bound], other: Callable[[Any], Any]) -> list[Bound]:
    namespace = vars(module)
    places = [bound.place for bound in known if bound.place.key[0] is not namespace]
    pairs = [(place, place.get()) for place in places]
    found = [Bound(place, value, twin) for place, value in pairs if (twin := other(value)) is not None]
    for name, value in list(namespace.items()):
        if (twin := other(value)) is not None:
            found.append(Bound(Item(namespace, name), value, twin))
    return found


rebinding = Rebinding()

"""`concurrent.futures` and `multiprocessing.pool.ThreadPool` of simulated code, whose threads are simulated ones.

They run as they are, on simulated threads, locks and queues. Here is what they would tell the whole interpreter about
them, what they count for all processes together, and what they keep in sets, whose order is the addresses'.
"""

from __future__ import annotations

import logging
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, _base, process, thread
from multiprocessing import pool
from typing import Any, Protocol

from simactors.sim.fiber import SimulationEnded
from simactors.sim.intercept import escapes, faces, queues
from simactors.sim.intercept.caller import simulation_of_caller
from simactors.sim.intercept.names import Names
from simactors.sim.intercept.origin import is_for_users_code
from simactors.sim.intercept.threads import HasThreads

_MOST_THREADS = 32  # as concurrent.futures has it
_NUMBER = "_simactors_number"


class HasPools(HasThreads, Protocol):
    """One simulation."""

    def cpu_count(self) -> int:
        """How many CPUs the caller's node has."""
        ...

    def next_future(self) -> int:
        """Numbers futures, from 1."""
        ...


class _InOrder(dict[threading.Thread, None]):
    """A set of threads that is iterated in the order in which they were added."""

    def add(self, member: threading.Thread) -> None:
        self[member] = None


def in_order() -> Any:
    """What an executor keeps its threads in."""
    return _InOrder()


def _init_executor(
    self: Any, max_workers: int | None = None, thread_name_prefix: str = "", *args: Any, **options: Any
) -> None:
    """`ThreadPoolExecutor`: as large as the node is, not the real machine."""
    world = simulation_of_caller(executors.worlds)
    is_simulated = world is not None and is_for_users_code(sys._getframe(1))
    if world is not None and is_simulated and max_workers is None:
        max_workers = min(_MOST_THREADS, world.cpu_count() + 4)
    executors.real["__init__"](self, max_workers, thread_name_prefix, *args, **options)
    if is_simulated:
        self._threads = _InOrder()


def _pool_number(_: object) -> int:
    """The number in the names of an executor's threads, counted by each process."""
    world = simulation_of_caller(executors.worlds)
    if world is None:
        real: int = executors.real["_counter"]()
        return real
    siblings = world.threads.siblings()
    siblings.pools += 1
    return siblings.pools - 1


def _init_processes(self: Any, *args: Any, **options: Any) -> None:
    """`ProcessPoolExecutor`: what runs in real processes is no part of a simulation."""
    escapes.refuse("multiprocessing", "ProcessPoolExecutor()", sys._getframe(1))
    of_processes.real["__init__"](self, *args, **options)


def _init_future(self: Any) -> None:
    """`concurrent.futures.Future`: numbered, so that sets of them are iterated in one order."""
    futures.real["__init__"](self)
    world = simulation_of_caller(futures.worlds)
    if world is not None:
        self.__dict__[_NUMBER] = world.next_future()


def _hash_of_future(self: Any) -> int:
    number: int | None = self.__dict__.get(_NUMBER)
    return object.__hash__(self) if number is None else number


def _init_acquiring(self: Any, futures: Any) -> None:
    """`wait` and `as_completed` lock all futures at once, one after the other, by their addresses: here by number."""
    self.futures = sorted(futures, key=_hash_of_future)


class _Guard:
    """Stands where `concurrent.futures` has one real lock for all pools of the interpreter.

    It only keeps the interpreter's end out, which does not come in the middle of a simulation; simulated code that is
    suspended there would hold all others up.
    """

    def __init__(self, real: Any) -> None:
        self._real = real

    def __enter__(self) -> None:
        if not _is_simulated():
            self._real.acquire()

    def __exit__(self, *_: object) -> None:
        if not _is_simulated():
            self._real.release()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def _is_simulated() -> bool:
    return simulation_of_caller(executors.worlds, 3) is not None


class _Module:
    """What `concurrent.futures` keeps for the interpreter's end, which shall know nothing of simulated threads; and the
    order of its futures in sets."""

    def __init__(self) -> None:
        self._depth = 0
        self._real_lock: Any = None

    def install(self, world: object) -> None:
        """Take the real lock out of the way."""
        self._depth += 1
        if self._depth == 1:
            self._real_lock = thread._global_shutdown_lock
            thread._global_shutdown_lock = _Guard(self._real_lock)  # type: ignore[assignment]  # as good as one
            _base.Future.__hash__ = _hash_of_future  # type: ignore[method-assign]
            _base.LOGGER.addFilter(_is_worth_telling)

    def uninstall(self, world: object) -> None:
        """Put it back."""
        self._depth -= 1
        if self._depth == 0:
            thread._global_shutdown_lock = self._real_lock
            del _base.Future.__hash__
            _base.LOGGER.removeFilter(_is_worth_telling)
            faces.forget_executors()


def shut_down(face: threading.Thread) -> None:
    """Let a thread of an executor that nobody has shut down come to its end, as the interpreter's own end does."""
    queue = thread._threads_queues.get(face)
    args = getattr(
        face, "_args", None
    )  # a thread that has done its work forgets them, and then ends by itself
    if queue is not None and args is not None:
        executor = args[0]()  # its weak reference
        if executor is not None:
            executor._shutdown = True
        queue.put(None)


def _is_worth_telling(record: logging.LogRecord) -> bool:
    """Threads that are ended with the simulation are nobody's failure."""
    info = record.exc_info
    return not (isinstance(info, tuple) and isinstance(info[1], SimulationEnded))


# multiprocessing.pool.ThreadPool tells its threads of changes through a pipe, for which they would really wait.


class _Changes(queues.Simulated):
    """Stands for that pipe."""

    _reader = None


class _Context:
    """Stands for a context of multiprocessing, of which a pool of threads asks nothing else."""

    def SimpleQueue(self) -> _Changes:  # noqa: N802  # as it is called there
        return _Changes()


def _init_thread_pool(
    self: Any, processes: int | None = None, initializer: Any = None, initargs: Any = ()
) -> None:
    """`multiprocessing.pool.ThreadPool`."""
    world = simulation_of_caller(thread_pools.worlds)
    if world is None or not is_for_users_code(sys._getframe(1)):
        thread_pools.real["__init__"](self, processes, initializer, initargs)
    else:
        count = world.cpu_count() if processes is None else processes
        pool.Pool.__init__(self, count, initializer, initargs, context=_Context())


def _wait_for_updates(sentinels: Any, change_notifier: Any, timeout: float | None = None) -> None:
    if not isinstance(change_notifier, _Changes):
        of_pools.real["_wait_for_updates"](sentinels, change_notifier, timeout)
        return
    change_notifier.get()
    while not change_notifier.empty():
        change_notifier.get()


def _refuse_pool(self: Any, *args: Any, context: Any = None, **options: Any) -> None:
    """`multiprocessing.pool.Pool`, as `ProcessPoolExecutor`; the base of pools of threads, too."""
    is_of_threads = isinstance(self, pool.ThreadPool)
    if not is_of_threads:
        self._state = pool.CLOSE  # for its `__del__`
        escapes.refuse("multiprocessing", "multiprocessing.Pool()", sys._getframe(1))
    of_pools.real["__init__"](self, *args, context=context, **options)


executors: Names[HasPools] = Names(ThreadPoolExecutor, {"__init__": _init_executor, "_counter": _pool_number})
of_processes: Names[HasPools] = Names(process.ProcessPoolExecutor, {"__init__": _init_processes})
futures: Names[HasPools] = Names(_base.Future, {"__init__": _init_future})
acquiring: Names[HasPools] = Names(_base._AcquireFutures, {"__init__": _init_acquiring})
module = _Module()
thread_pools: Names[HasPools] = Names(pool.ThreadPool, {"__init__": _init_thread_pool})
of_pools: Names[HasPools] = Names(
    pool.Pool, {"__init__": _refuse_pool, "_wait_for_updates": staticmethod(_wait_for_updates)}
)
"""What is replaced; open simulations install themselves here."""

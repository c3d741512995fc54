"""`Pool`: ``multiprocessing.Pool`` whose processes are actors, as ``ray.util.multiprocessing``.

A piece of work is a chunk, a list of calls that one actor makes one after the other. As on Ray, what a call raises is a
value until somebody asks for it: `get` raises it, `imap` gives it out.
"""

from __future__ import annotations

import itertools
import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from multiprocessing import TimeoutError  # noqa: A004  # the one that the standard library's pools raise
from typing import Any

from simactors.api import session
from simactors.api.actors import kill
from simactors.api.context import cluster_resources
from simactors.api.objects import get, wait
from simactors.api.remote import remote
from simactors.core.refs import ObjectRef
from simactors.util.pool_results import AsyncResult, PoolTaskError, results_of

log = logging.getLogger("simactors")

Function = Callable[..., Any]
Call = tuple[Sequence[Any] | None, Mapping[str, Any] | None]
"""The arguments of one call."""

_CHUNKS_PER_PROCESS = 4  # as the standard library cuts work that nobody has cut
_ADDRESS = "RAY_ADDRESS"


class _PoolActor:
    """One process of a pool."""

    def __init__(self, initializer: Function | None, initargs: Iterable[Any] | None) -> None:
        if initializer is not None:
            initializer(*(initargs or ()))

    def ping(self) -> None:
        """Nothing: the constructor has run."""

    def run_batch(self, function: Function, calls: Sequence[Call]) -> list[Any]:
        return [_result(function, *call) for call in calls]


def _result(function: Function, args: Sequence[Any] | None, kwargs: Mapping[str, Any] | None) -> Any:
    try:
        return function(*(args or ()), **(kwargs or {}))
    except Exception as error:  # whatever the user's function raises
        return PoolTaskError(error)


_ACTOR = remote(num_cpus=0)(_PoolActor)


class IMapIterator:
    """Results of a function for the items of an iterable; sends out a chunk for each that was used up.

    Args:
        is_ordered: in the order of the items; else as they come.
    """

    def __init__(
        self, pool: Pool, function: Function, iterable: Iterable[Any], chunksize: int, *, is_ordered: bool
    ) -> None:
        self._pool = pool
        self._function = function
        self._items = iter(iterable)
        self._chunksize = chunksize
        self._is_ordered = is_ordered
        self._under_way: dict[ObjectRef[list[Any]], int] = {}  # which chunk each is
        self._arrived: dict[int, list[Any]] = {}
        self._given: deque[Any] = deque()  # results that can be given out
        self._sent = self._next = 0
        for _ in range(pool.size):
            self._send()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self.next()

    def next(self, timeout: float | None = None) -> Any:
        """The next result; of a call that failed, what it has raised.

        Args:
            timeout: seconds for each chunk that must be waited for.

        Raises:
            multiprocessing.TimeoutError: not there in time.
            StopIteration: there are no more.
        """
        while not self._given:
            if not self._under_way and not self._arrived:
                raise StopIteration
            self._receive(timeout)
        return self._given.popleft()

    def _receive(self, timeout: float | None) -> None:
        done, _ = wait(list(self._under_way), timeout=timeout)
        if not done:
            raise TimeoutError
        number = self._under_way.pop(done[0])
        self._send()
        if not self._is_ordered:
            self._given += results_of(done[0])
            return
        self._arrived[number] = results_of(done[0])
        while self._next in self._arrived:
            self._given += self._arrived.pop(self._next)
            self._next += 1

    def _send(self) -> None:
        items = list(itertools.islice(self._items, self._chunksize))
        if items:
            calls: list[Call] = [((item,), None) for item in items]
            self._under_way[self._pool._send(self._sent % self._pool.size, self._function, calls)] = (
                self._sent
            )
            self._sent += 1


class Pool:
    """Actors that work as the processes of ``multiprocessing.Pool`` do.

    Args:
        processes: how many; by default as many as the cluster has CPUs.
        initializer: called in each actor when it starts, with `initargs`.
        maxtasksperchild: an actor that has worked on so many chunks is replaced by a new one.
        context: accepted and ignored, with a warning.
        ray_address: what to `init` with, if nothing is.
        ray_remote_args: options of the actors.

    Raises:
        ValueError: no process, or more than the cluster has CPUs.
    """

    def __init__(
        self,
        processes: int | None = None,
        initializer: Function | None = None,
        initargs: Iterable[Any] | None = None,
        maxtasksperchild: int | None = None,
        context: Any = None,
        ray_address: str | None = None,
        ray_remote_args: Mapping[str, Any] | None = None,
    ) -> None:
        self._closed = False
        self._initializer = initializer
        self._initargs = initargs
        self._most = maxtasksperchild or 0
        self._ending: list[Any] = []
        self._latest = 0
        if context is not None:
            log.warning("Pool: 'context' is ignored: the processes are actors")
        self._class = _ACTOR.options(**(ray_remote_args or {}))
        count = _process_count(processes, ray_address)
        self._actors = [self._new_actor() for _ in range(count)]
        self._served = [0] * count
        get([actor.ping.remote() for actor in self._actors])

    @property
    def size(self) -> int:
        """How many processes it has."""
        return len(self._actors)

    def apply(
        self, func: Function, args: Sequence[Any] | None = None, kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """The result of one call; raises what it raises."""
        return self.apply_async(func, args, kwargs).get()

    def apply_async(
        self,
        func: Function,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        callback: Callable[[Any], object] | None = None,
        error_callback: Callable[[Exception], object] | None = None,
    ) -> AsyncResult:
        """As `apply`, without waiting; see `map_async` for the callbacks."""
        self._check_running()
        self._latest = (self._latest + 1) % self.size
        chunk = self._send(self._latest, func, [(args, kwargs)])
        return AsyncResult([chunk], callback, error_callback, single_result=True)

    def map(self, func: Function, iterable: Iterable[Any], chunksize: int | None = None) -> list[Any]:
        """The results of ``func(item)`` for each item, in order; raises what the first one raises that fails."""
        results: list[Any] = self.map_async(func, iterable, chunksize).get()
        return results

    def map_async(
        self,
        func: Function,
        iterable: Iterable[Any],
        chunksize: int | None = None,
        callback: Callable[[list[Any]], object] | None = None,
        error_callback: Callable[[Exception], object] | None = None,
    ) -> AsyncResult:
        """As `map`, without waiting.

        Args:
            chunksize: how many calls an actor is given at a time.
            callback: called with all results, chunk by chunk as they came, if no call fails.
            error_callback: called once, with the `PoolTaskError` of a call that failed, or the runtime's error.
        """
        calls: list[Call] = [((item,), None) for item in iterable]
        return AsyncResult(self._send_all(func, calls, chunksize), callback, error_callback)

    def starmap(
        self, func: Function, iterable: Iterable[Sequence[Any]], chunksize: int | None = None
    ) -> list[Any]:
        """As `map`, with each item as the arguments: ``func(*item)``."""
        calls: list[Call] = [(item, None) for item in iterable]
        results: list[Any] = AsyncResult(self._send_all(func, calls, chunksize)).get()
        return results

    def starmap_async(
        self,
        func: Function,
        iterable: Iterable[Sequence[Any]],
        callback: Callable[[list[Any]], object] | None = None,
        error_callback: Callable[[Exception], object] | None = None,
    ) -> AsyncResult:
        """As `starmap`, without waiting; see `map_async`."""
        calls: list[Call] = [(item, None) for item in iterable]
        return AsyncResult(self._send_all(func, calls, None), callback, error_callback)

    def imap(self, func: Function, iterable: Iterable[Any], chunksize: int = 1) -> IMapIterator:
        """As `map`, but takes items only as results are used up, one chunk for each process ahead."""
        self._check_running()
        return IMapIterator(self, func, iterable, chunksize or 1, is_ordered=True)

    def imap_unordered(self, func: Function, iterable: Iterable[Any], chunksize: int = 1) -> IMapIterator:
        """As `imap`, with each result as soon as it is there."""
        self._check_running()
        return IMapIterator(self, func, iterable, chunksize or 1, is_ordered=False)

    def close(self) -> None:
        """Take no more work; what was sent out is finished."""
        for actor in self._actors:
            self._ending.append(actor.__ray_terminate__.remote())
        self._closed = True

    def terminate(self) -> None:
        """Take no more work, and end the processes at once."""
        if not self._closed:
            self.close()
        for actor in self._actors:
            kill(actor)

    def join(self) -> None:
        """Wait until the processes of a closed pool have ended.

        Raises:
            ValueError: it is not closed.
        """
        if not self._closed:
            raise ValueError("Pool is still running")
        if self._ending:
            wait(self._ending, num_returns=len(self._ending))

    def __enter__(self) -> Pool:
        self._check_running()
        return self

    def __exit__(self, *_: object) -> None:
        self.terminate()

    def _check_running(self) -> None:
        if self._closed:
            raise ValueError("Pool not running")

    def _new_actor(self) -> Any:
        return self._class.remote(self._initializer, self._initargs)

    def _send_all(
        self, function: Function, calls: Sequence[Call], chunksize: int | None
    ) -> list[ObjectRef[list[Any]]]:
        self._check_running()
        size = chunksize or -(-len(calls) // (self.size * _CHUNKS_PER_PROCESS)) or 1
        starts = range(0, len(calls), size)
        return [
            self._send(number % self.size, function, calls[start : start + size])
            for number, start in enumerate(starts)
        ]

    def _send(self, index: int, function: Function, calls: Sequence[Call]) -> ObjectRef[list[Any]]:
        """Let the actor at `index` work on a chunk; replace it if that was its last one."""
        actor = self._actors[index]
        chunk: ObjectRef[list[Any]] = actor.run_batch.remote(function, calls)
        self._served[index] += 1
        if self._served[index] == self._most:
            self._ending.append(actor.__ray_terminate__.remote())
            self._actors[index], self._served[index] = self._new_actor(), 0
        return chunk


def _process_count(wanted: int | None, address: str | None) -> int:
    """How many processes a pool is to have; initializes if nothing is."""
    if not session.is_initialized():
        address = address or os.environ.get(_ADDRESS)
        session.init(address, num_cpus=wanted if address in (None, "local") else None)
    cpus = int(cluster_resources().get("CPU", 0))
    count = cpus if wanted is None else wanted
    if count <= 0:
        raise ValueError("Processes in the pool must be >0.")
    if cpus < count:
        raise ValueError(
            f"Tried to start a pool with {count} processes on an existing ray cluster, but there are only {cpus} CPUs "
            "in the ray cluster."
        )
    return count


__all__ = ["AsyncResult", "IMapIterator", "Pool", "PoolTaskError"]

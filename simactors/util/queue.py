"""`Queue`: a first-in, first-out queue that any number of processes share, as ``ray.util.queue.Queue``.

It lives in an async actor of its own: whoever waits in `put` or `get` waits there.
"""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Iterable, Mapping
from typing import Any

from simactors.api.actors import kill
from simactors.api.objects import get, wait
from simactors.api.remote import remote


class Empty(queue.Empty):
    """There was nothing to get."""


class Full(queue.Full):
    """There was no room to put anything."""


class _QueueActor:
    """The actor behind a queue."""

    def __init__(self, maxsize: int) -> None:
        self._maxsize = maxsize
        self._queue: asyncio.Queue[Any] = asyncio.Queue(maxsize)

    def qsize(self) -> int:
        return self._queue.qsize()

    def empty(self) -> bool:
        return self._queue.empty()

    def full(self) -> bool:
        return self._queue.full()

    async def put(self, item: Any, timeout: float | None = None) -> None:
        try:
            await asyncio.wait_for(self._queue.put(item), timeout)
        except TimeoutError:
            raise Full from None

    async def get(self, timeout: float | None = None) -> Any:
        try:
            return await asyncio.wait_for(self._queue.get(), timeout)
        except TimeoutError:
            raise Empty from None

    def put_nowait(self, item: Any) -> None:
        self._queue.put_nowait(item)

    def put_nowait_batch(self, items: Iterable[Any]) -> None:
        items = list(items)
        if 0 < self._maxsize < len(items) + self.qsize():
            raise Full(
                f"Cannot add {len(items)} items to queue of size {self.qsize()} and maxsize {self._maxsize}."
            )
        for item in items:
            self._queue.put_nowait(item)

    def get_nowait(self) -> Any:
        return self._queue.get_nowait()

    def get_nowait_batch(self, num_items: int) -> list[Any]:
        if num_items > self.qsize():
            raise Empty(f"Cannot get {num_items} items from queue of size {self.qsize()}.")
        return [self._queue.get_nowait() for _ in range(num_items)]


_ACTOR = remote(_QueueActor)


class Queue:
    """A queue in an actor; copies of it, in any process, are the same queue.

    Args:
        maxsize: how many items it holds at most; 0 for any number.
        actor_options: options of the actor: ``{"num_cpus": 1}``.

    Attributes:
        actor: the handle of the actor; None after `shutdown`.
    """

    def __init__(self, maxsize: int = 0, actor_options: Mapping[str, Any] | None = None) -> None:
        self.maxsize = maxsize
        self.actor: Any = _ACTOR.options(**(actor_options or {})).remote(maxsize)

    def __len__(self) -> int:
        return self.size()

    def size(self) -> int:
        """How many items there are."""
        size: int = get(self.actor.qsize.remote())
        return size

    def qsize(self) -> int:
        """How many items there are."""
        return self.size()

    def empty(self) -> bool:
        """Whether there is none."""
        is_empty: bool = get(self.actor.empty.remote())
        return is_empty

    def full(self) -> bool:
        """Whether there is no room for another."""
        is_full: bool = get(self.actor.full.remote())
        return is_full

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Add an item.

        Args:
            block: wait for room.
            timeout: seconds; None waits for ever.

        Raises:
            Full: there was no room, or none in time.
            ValueError: a negative timeout.
        """
        try:
            get(self._call_put(item, block, timeout))
        except asyncio.QueueFull:
            raise Full from None

    async def put_async(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """As `put`, without blocking the event loop."""
        try:
            await self._call_put(item, block, timeout)
        except asyncio.QueueFull:
            raise Full from None

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Take the oldest item.

        Args:
            block: wait for an item.
            timeout: seconds; None waits for ever.

        Raises:
            Empty: there was none, or none in time.
            ValueError: a negative timeout.
        """
        try:
            return get(self._call_get(block, timeout))
        except asyncio.QueueEmpty:
            raise Empty from None

    async def get_async(self, block: bool = True, timeout: float | None = None) -> Any:
        """As `get`, without blocking the event loop."""
        try:
            return await self._call_get(block, timeout)
        except asyncio.QueueEmpty:
            raise Empty from None

    def put_nowait(self, item: Any) -> None:
        """Add an item, or raise `Full` at once."""
        self.put(item, block=False)

    def put_nowait_batch(self, items: Iterable[Any]) -> None:
        """Add all items in order, or raise `Full` at once and add none."""
        if not isinstance(items, Iterable):
            raise TypeError("Argument 'items' must be an Iterable")
        get(self.actor.put_nowait_batch.remote(items))

    def get_nowait(self) -> Any:
        """Take the oldest item, or raise `Empty` at once."""
        return self.get(block=False)

    def get_nowait_batch(self, num_items: int) -> list[Any]:
        """Take the `num_items` oldest items, or raise `Empty` at once and take none."""
        if not isinstance(num_items, int):
            raise TypeError("Argument 'num_items' must be an int")
        if num_items < 0:
            raise ValueError("'num_items' must be nonnegative")
        items: list[Any] = get(self.actor.get_nowait_batch.remote(num_items))
        return items

    def shutdown(self, force: bool = False, grace_period_s: float = 5) -> None:
        """End the actor.

        Args:
            force: at once, whatever it is doing.
            grace_period_s: how long it may take to end by itself otherwise.
        """
        if self.actor is None:
            return
        if force or not wait([self.actor.__ray_terminate__.remote()], timeout=grace_period_s)[0]:
            kill(self.actor, no_restart=True)
        self.actor = None

    def _call_put(self, item: Any, block: bool, timeout: float | None) -> Any:
        if not block:
            return self.actor.put_nowait.remote(item)
        _check_timeout(timeout)
        return self.actor.put.remote(item, timeout)

    def _call_get(self, block: bool, timeout: float | None) -> Any:
        if not block:
            return self.actor.get_nowait.remote()
        _check_timeout(timeout)
        return self.actor.get.remote(timeout)


def _check_timeout(timeout: float | None) -> None:
    if timeout is not None and timeout < 0:
        raise ValueError("'timeout' must be a non-negative number")

"""`Producer`: sends the items of a generator home, no further ahead of their consumer than the call allows."""

from __future__ import annotations

import asyncio

from real_backend.client.client import Client
from real_backend.client.running import Running
from real_backend.messages import Item


class Producer:
    """The producing end of one streaming call; `client/streams.py` is the other one.

    Attributes:
        produced: how many items have been sent.
    """

    def __init__(self, client: Client, running: Running) -> None:
        self._client = client
        self._running = running
        self._told = 0
        self._limit = None if running.options is None else running.options.backpressure
        self._awaited: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self.produced = 0
        if self._limit is not None:
            client.producers[running.id] = self.hear

    def close(self) -> None:
        """No more items."""
        self._client.producers.pop(self._running.id, None)

    def send(self, packed: object) -> None:
        """Send one item home."""
        self._client.answer(self._running.asker, Item(self._running.id, self.produced, packed))
        self.produced += 1

    def hear(self, taken: int) -> None:
        """So many items have been taken; called by whichever thread pumps."""
        self._told = max(self._told, taken)
        if self._awaited is not None and self._may_go_on():
            loop, event = self._awaited
            loop.call_soon_threadsafe(event.set)

    def _may_go_on(self) -> bool:
        return self._limit is None or self.produced - self._told < self._limit

    def wait(self) -> None:
        """Block until enough items have been taken for the next one."""
        running = self._running
        if self._limit is not None:
            self._client.pump.wait_until(
                lambda: (
                    self._may_go_on() or running.interrupt or (running.is_canceled and not running.is_task)
                ),
                None,
            )
        if running.take_interrupt():
            raise KeyboardInterrupt

    async def wait_async(self) -> None:
        """The same on an event loop."""
        if self._may_go_on():
            return
        event = asyncio.Event()
        self._awaited = asyncio.get_running_loop(), event
        try:
            if not self._may_go_on():  # it may have been heard of meanwhile
                await event.wait()
        finally:
            self._awaited = None

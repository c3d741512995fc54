"""`Producer`: sends the items of a generator home, no further ahead of their consumer than the call allows.

Not running the generator: `execution` and `loops` do, and ask here after each item whether they may go on.
"""

from __future__ import annotations

from collections.abc import Callable

from real_backend.client.client import Client
from real_backend.client.running import Running
from real_backend.messages import Item


class Producer:
    """The producing end of one streaming call; `client/streams.py` is the other one.

    Attributes:
        produced: how many items have been sent.
        wake: called, by whichever thread pumps, when `may_go_on`.
    """

    def __init__(self, client: Client, running: Running) -> None:
        self._client = client
        self._running = running
        self._told = 0
        self._limit = None if running.options is None else running.options.backpressure
        self.wake: Callable[[], object] | None = None
        self.produced = 0
        if self._limit is not None:
            with client.pump.change:
                client.producers.enter(running.id, running.asker, self.hear)

    def close(self) -> None:
        """No more items."""
        if self._limit is not None:
            with self._client.pump.change:
                self._client.producers.leave(self._running.id)

    def send(self, packed: object) -> None:
        """Send one item home.

        Raises:
            ValueError, RuntimeError: it carries a ref or a handle of another session.
        """
        self._client.belonging.check_packed(packed)
        self._client.answer(self._running.asker, Item(self._running.id, self.produced, packed))
        self.produced += 1

    def hear(self, taken: int) -> None:
        """So many items have been taken; called by whichever thread pumps."""
        self._told = max(self._told, taken)
        wake = self.wake
        if wake is not None and self.may_go_on():
            wake()

    def may_go_on(self) -> bool:
        """Whether the consumer is near enough for the next item."""
        return self._limit is None or self.produced - self._told < self._limit

    def wait(self) -> None:
        """Block until enough items have been taken for the next one."""
        running = self._running
        if self._limit is not None:
            self._client.pump.wait_until(
                lambda: (
                    self.may_go_on() or running.interrupt or (running.is_canceled and not running.is_task)
                ),
                None,
            )
        if running.take_interrupt():
            raise KeyboardInterrupt

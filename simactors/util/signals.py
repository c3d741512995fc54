"""`SignalActor` and `Semaphore`: actors that hold others up, as Ray's own tests have them."""

from __future__ import annotations

import asyncio

from simactors.api.remote import remote


@remote(num_cpus=0)
class SignalActor:
    """Lets whoever waits go on when somebody sends."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._waiters = 0

    def send(self, clear: bool = False) -> None:
        """Let all go on, those who come later, too; with `clear` only those who wait now."""
        self._event.set()
        if clear:
            self._event.clear()

    async def wait(self, should_wait: bool = True) -> None:
        """Wait until somebody sends."""
        if should_wait:
            self._waiters += 1
            await self._event.wait()
            self._waiters -= 1

    async def cur_num_waiters(self) -> int:
        """How many wait."""
        return self._waiters


@remote(num_cpus=0)
class Semaphore:
    """Lets so many in at a time."""

    def __init__(self, value: int = 1) -> None:
        self._semaphore = asyncio.Semaphore(value)

    async def acquire(self) -> None:
        """Wait until there is room, and take it."""
        await self._semaphore.acquire()

    async def release(self) -> None:
        """Make room."""
        self._semaphore.release()

    async def locked(self) -> bool:
        """Whether there is no room."""
        return self._semaphore.locked()


__all__ = ["Semaphore", "SignalActor"]

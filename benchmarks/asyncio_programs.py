"""Bugs of ``tests/power`` as mailbox actors in plain asyncio, for `asyncio_testers.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any


class Mailbox:
    """An actor: one task that takes messages one at a time."""

    def __init__(self) -> None:
        self._messages: asyncio.Queue[tuple[str, tuple[Any, ...], asyncio.Future[Any]] | None] = (
            asyncio.Queue()
        )

    async def work(self) -> None:
        """Serve messages until it is told to stop."""
        while (message := await self._messages.get()) is not None:
            method, args, answer = message
            result = await getattr(self, method)(*args)
            if not answer.done():
                answer.set_result(result)

    async def send(self, method: str, *args: Any) -> asyncio.Future[Any]:
        """Let a message arrive; its answer comes later."""
        await asyncio.sleep(0)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._messages.put_nowait((method, args, answer))
        return answer

    async def call(self, method: str, *args: Any) -> Any:
        """Send a message and wait for the answer."""
        return await (await self.send(method, *args))

    def stop(self) -> None:
        """Let it end after the messages that have arrived."""
        self._messages.put_nowait(None)


class Account(Mailbox):
    def __init__(self) -> None:
        super().__init__()
        self.balance = 0

    async def read(self) -> int:
        return self.balance

    async def write(self, balance: int) -> None:
        self.balance = balance


class Shop(Mailbox):
    async def trade(self, neighbour: Shop) -> None:
        await neighbour.call("hand_over")

    async def hand_over(self) -> int:
        return 1


class Shared(Mailbox):
    def __init__(self) -> None:
        super().__init__()
        self.a = self.b = 0

    async def set(self, name: str, value: int) -> None:
        setattr(self, name, value)

    async def read(self) -> tuple[int, int]:
        return self.a, self.b


class Counter(Mailbox):
    def __init__(self) -> None:
        super().__init__()
        self.has_arrived = False

    async def arrive(self) -> None:
        self.has_arrived = True

    async def poll(self) -> bool:
        return self.has_arrived


class Program:
    """Actors, clients that run at once, and what must hold when all have ended."""

    def __init__(self) -> None:
        self.actors: list[Mailbox] = []
        self.clients: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self.holds: Callable[[], bool] = lambda: True
        self.workers: list[asyncio.Future[None]] = []
        self.left = 0

    async def client(self, number: int) -> None:
        """Run one client; the last one stops the actors."""
        await self.clients[number]()
        self.left += 1
        if self.left == len(self.clients):
            for actor in self.actors:
                actor.stop()


async def add(account: Account, busy_with: Account | None = None, calls: int = 0) -> None:
    for _ in range(calls):
        assert busy_with is not None
        await busy_with.call("read")
    balance = await account.call("read")
    await account.call("write", balance + 1)


def lost_update(calls: int = 0) -> Program:
    """Two clients add 1 each; the second one makes some calls to an actor of its own before."""
    program, account, own = Program(), Account(), Account()
    program.actors = [account, own] if calls else [account]
    program.clients = [partial(add, account), partial(add, account, own, calls)]
    program.holds = lambda: account.balance == 2
    return program


def abba() -> Program:
    """Two shops that wait for each other inside their methods."""
    program, one, other = Program(), Shop(), Shop()
    program.actors = [one, other]
    program.clients = [partial(one.call, "trade", other), partial(other.call, "trade", one)]
    return program


def reorder(setters: int) -> Program:
    """Setters send ``a = 1`` and then ``b = -1``; a checker asks once."""
    program, shared, seen = Program(), Shared(), []

    async def set_apart() -> None:
        answers = [await shared.send("set", "a", 1), await shared.send("set", "b", -1)]
        for answer in answers:
            await answer

    async def check() -> None:
        seen.append(await shared.call("read"))

    program.actors = [shared]
    program.clients = [check, *([set_apart] * setters)]
    program.holds = lambda: seen[0] != (1, 0)
    return program


def passed_over(times: int) -> Program:
    """A poller that takes for granted that another client's only message comes meanwhile."""
    program, counter, came = Program(), Counter(), []

    async def arriving() -> None:
        await counter.call("arrive")

    async def poller() -> None:
        for _ in range(times):
            came.append(await counter.call("poll"))

    program.actors = [counter]
    program.clients = [arriving, poller]
    program.holds = lambda: any(came)
    return program


PROGRAMS: dict[str, Callable[[], Program]] = {
    "lost": lost_update,
    "staggered_20": partial(lost_update, 20),
    "abba": abba,
    "reorder_10": partial(reorder, 10),
    "reorder_20": partial(reorder, 20),
    "reorder_50": partial(reorder, 50),
    "reorder_100": partial(reorder, 100),
    "passed_over_10": partial(passed_over, 10),
}

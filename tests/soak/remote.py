"""What the programs of the soak run in workers. Each call leaves a trace in a journal that survives any kill."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import simactors as ray
from simactors import exceptions

PAUSE_S = 0.002
ARRAY = 1 << 19

_stacks: list[Any] = []


class BoomError(Exception):
    """Raised on purpose."""


def mark(journal: str, token: str) -> None:
    """Note that the call of this token has begun, in one write to the end of the file."""
    if not _stacks:
        # A soak that hangs asks every process with SIGUSR2 what it does.
        where = Path(journal).parent / f"stack-{os.getpid()}"
        _stacks.append(where.open("w"))
        faulthandler.register(signal.SIGUSR2, _stacks[0], all_threads=True)
    fd = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(fd, f"{token} {os.getpid()}\n".encode())
    finally:
        os.close(fd)


def array(size: int, letter: int) -> Any:
    """An array that tells whether it is whole."""
    import numpy as np  # most workers need none, and all import this module

    return np.full(size, letter, np.uint8)


class _Account:
    """What plain and threaded actors do."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.following: Any = None

    def echo(self, journal: str, token: str, x: Any, pause_s: float = 0.0) -> Any:
        """The argument."""
        mark(journal, token)
        if pause_s:
            time.sleep(pause_s)
        return x

    def boom(self, journal: str, token: str, x: Any) -> Any:
        """Raises in its first run in each process."""
        mark(journal, token)
        if token not in self.kept:
            self.kept[token] = True
            raise BoomError(token)
        return x

    def crash(self, journal: str, token: str) -> None:
        """Never answers."""
        mark(journal, token)
        os._exit(7)

    def leave(self, journal: str, token: str) -> None:
        """Ends the actor."""
        mark(journal, token)
        ray.exit_actor()

    def count(self, journal: str, token: str, n: int) -> Iterator[int]:
        """A generator."""
        mark(journal, token)
        for number in range(n):  # noqa: UP028 -- Ray sends something to streaming generators
            yield number

    def sum_of(self, journal: str, token: str, data: Any) -> int:
        """Of an array."""
        mark(journal, token)
        return int(data.sum())

    def make(self, journal: str, token: str, size: int, letter: int) -> Any:
        """An array."""
        mark(journal, token)
        return array(size, letter)

    def store(self, journal: str, token: str, size: int, letter: int) -> list[Any]:
        """A ref to an array that this process owns."""
        mark(journal, token)
        return [ray.put(array(size, letter))]

    def keep(self, journal: str, token: str, refs: Any) -> int:
        """Hold on to refs or handles, until the next ones."""
        mark(journal, token)
        self.kept["refs"] = refs
        return len(refs)

    def follow(self, journal: str, token: str, following: Any) -> bool:
        """Who comes next in the ring."""
        mark(journal, token)
        self.following = following
        return True

    def pass_on(self, journal: str, token: str, hops: int, refs: list[Any]) -> int:
        """Round the ring, with the refs; the sum of what they stand for at the end."""
        mark(journal, token)
        if hops == 0 or self.following is None:
            return sum(int(v.sum()) for v in ray.get(refs))
        answer: int = ray.get(self.following.pass_on.remote(journal, f"{token}/", hops - 1, refs))
        return answer

    def child(self, journal: str, token: str, x: int) -> int:
        """Through a task."""
        mark(journal, token)
        answer: int = ray.get(echo.options(max_retries=0).remote(journal, f"{token}/", x))
        return answer


Account = ray.remote(_Account)


@ray.remote
class Born:
    """An actor whose constructor has something to do, and may not come to its end."""

    def __init__(self, journal: str, token: str, given: Any, pause_s: float, ends: str) -> None:
        mark(journal, token)
        time.sleep(pause_s)
        if ends == "raises":
            raise BoomError(token)
        if ends == "crashes":
            os._exit(5)
        self.given = given
        self.children: list[Any] = []

    def given_back(self, journal: str, token: str) -> Any:
        """What the constructor has got."""
        mark(journal, token)
        return self.given

    def bear(self, journal: str, token: str, n: int) -> list[Any]:
        """Handles of actors that end with this one."""
        mark(journal, token)
        self.children = [Account.remote() for _ in range(n)]
        return self.children

    def nanny(self, journal: str, token: str, x: int) -> int:
        """Through a child that nobody else has a handle of."""
        mark(journal, token)
        answer: int = ray.get(Account.remote().echo.remote(journal, f"{token}/", x))
        return answer


@ray.remote
class Waiter:
    """An async actor."""

    async def echo(self, journal: str, token: str, x: Any, pause_s: float = 0.0) -> Any:
        """The argument."""
        mark(journal, token)
        await asyncio.sleep(pause_s)
        return x

    async def through(self, journal: str, token: str, x: int) -> int:
        """Awaits a task."""
        mark(journal, token)
        answer: int = await echo.options(max_retries=0).remote(journal, f"{token}/", x)
        return answer

    async def count(self, journal: str, token: str, n: int) -> Any:
        """A generator."""
        mark(journal, token)
        for i in range(n):
            await asyncio.sleep(0)
            yield i


@ray.remote
def echo(journal: str, token: str, x: Any, pause_s: float = 0.0) -> Any:
    """The argument."""
    mark(journal, token)
    deadline = time.monotonic() + pause_s
    while time.monotonic() < deadline:  # in steps, so that a cancellation comes through
        time.sleep(PAUSE_S)
    return x


@ray.remote
def add(journal: str, token: str, one: int, other: int) -> int:
    """Of two refs' values."""
    mark(journal, token)
    return one + other


@ray.remote
def tree(journal: str, token: str, depth: int, width: int) -> int:
    """How many leaves there are; waits for its children, and so lends its CPU."""
    mark(journal, token)
    if depth == 0:
        return 1
    children = [tree.remote(journal, f"{token}+", depth - 1, width) for _ in range(width)]
    return sum(ray.get(children))


@ray.remote
def crash(journal: str, token: str) -> None:
    """Never answers."""
    mark(journal, token)
    os._exit(9)


@ray.remote
def boom(journal: str, token: str, left: int, x: int) -> int:
    """Raises as long as it has not begun so often."""
    mark(journal, token)
    begun = sum(line.startswith(f"{token} ") for line in Path(journal).read_text().splitlines())
    if begun <= left:
        raise BoomError(token)
    return x


@ray.remote
def count(journal: str, token: str, n: int, size: int) -> Iterator[Any]:
    """Items, small or large."""
    mark(journal, token)
    for i in range(n):
        yield array(size, i % 250) if size else i


@ray.remote
def refs_of(journal: str, token: str, n: int, size: int) -> list[Any]:
    """Refs that this worker owns: of values and of results."""
    mark(journal, token)
    put = [ray.put(array(size, 1)) for _ in range(n)]
    return [*put, *(echo.remote(journal, f"{token}+", array(size, 1)) for _ in range(n))]


@ray.remote
def sum_of(journal: str, token: str, data: Any) -> int:
    """Of an array."""
    mark(journal, token)
    return int(data.sum())


@ray.remote
def through(journal: str, token: str, handle: Any, x: int) -> int:
    """Through an actor, of which the caller has sent the handle or the name."""
    mark(journal, token)
    if isinstance(handle, str):
        handle = ray.get_actor(handle)
    answer: int = ray.get(handle.echo.remote(journal, f"{token}/", x))
    return answer


@ray.remote
def forward(journal: str, token: str, refs: list[Any]) -> int:
    """A borrower lends to another borrower."""
    mark(journal, token)
    held = Account.remote()
    answer: int = ray.get(held.keep.remote(journal, f"{token}/", refs))
    return answer + sum(int(v.sum()) for v in ray.get(refs))


@ray.remote
def impatient(journal: str, token: str, refs: list[Any]) -> int:
    """Looks at refs of others again and again; how many are ready in the end."""
    mark(journal, token)
    pending = list(refs)
    while pending:
        _, pending = ray.wait(pending, timeout=0.003)
    return len(refs)


@ray.remote
def cancel_all(journal: str, token: str, refs: list[Any]) -> int:
    """Of somebody else's calls."""
    mark(journal, token)
    for ref in refs:
        ray.cancel(ref)
    return len(refs)


DEAD = exceptions.ActorDiedError
AWAY = exceptions.ActorUnavailableError
CRASHED = exceptions.WorkerCrashedError
CANCELED = exceptions.TaskCancelledError
OWNER = exceptions.OwnerDiedError

"""Generators that may not run far ahead, while the process at either end of them dies.

Goal: neither the consumer nor the producer ever waits for one that is gone, or for news that was told to another
attempt. Method: sessions of the `local` backend in which a process kills itself in the middle of a stream.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

import simactors as ray

SOON_S = 30.0
ONE_AHEAD: dict[str, Any] = {"num_returns": "streaming", "_generator_backpressure_num_objects": 1}


@pytest.fixture(autouse=True)
def session() -> Iterator[None]:
    ray.init(backend="local", num_cpus=2)
    yield
    ray.shutdown()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@ray.remote
class Source:
    """An actor that yields."""

    def count(self) -> Iterator[int]:
        yield from range(100)

    def ask(self) -> str:
        return "free"


@ray.remote
class AsyncSource:
    """The same on an event loop, for one call at a time."""

    async def count(self) -> Any:
        for number in range(100):
            yield number

    async def ask(self) -> str:
        return "free"


@ray.remote(max_retries=0)
def take_one_and_die(source: Any) -> None:
    ray.get(next(source.count.options(**ONE_AHEAD).remote()))
    die()


@pytest.mark.parametrize(
    "make", [lambda: Source.remote(), lambda: AsyncSource.options(max_concurrency=1).remote()]
)
def test_an_actor_is_free_again_when_the_consumer_of_its_items_dies(make: Any) -> None:
    source = make()
    with pytest.raises(ray.exceptions.WorkerCrashedError):
        ray.get(take_one_and_die.remote(source))
    assert ray.get(source.ask.remote(), timeout=SOON_S) == "free"

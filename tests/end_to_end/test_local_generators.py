"""Generators that may not run far ahead, while the process at either end of them dies.

Goal: neither the consumer nor the producer ever waits for one that is gone, or for news that was told to another
attempt. Method: sessions of the `local` backend in which a process kills itself in the middle of a stream.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import simactors as ray
from tests.end_to_end.noticing import comes_true

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
        for number in range(100):  # noqa: UP028 -- Ray sends something to streaming generators
            yield number

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


@ray.remote(max_retries=2)
def count_and_die_once(mark: Path, count: int) -> Iterator[int]:
    for number in range(count):
        if number == 5 and not mark.exists():
            mark.touch()
            die()
        yield number


@ray.remote(max_retries=2)
def wait_and_die_once(mark: Path, signal_file: Path) -> Iterator[int]:
    """Dies when its second item was asked for and `signal_file` is there; its next attempt ends by itself."""
    yield 0
    if not mark.exists():
        mark.touch()
        comes_true(signal_file.exists, SOON_S)
        die()
    for number in range(1, 10):  # noqa: UP028 -- Ray sends something to streaming generators
        yield number


@ray.remote
def ask() -> str:
    return "free"


def test_a_consumer_gets_the_rest_from_another_attempt_of_what_crashed(tmp_path: Path) -> None:
    items = count_and_die_once.options(**ONE_AHEAD).remote(tmp_path / "mark", 8)
    found: list[int] = []
    consumer = threading.Thread(target=lambda: found.extend(map(ray.get, items)), daemon=True)
    consumer.start()
    consumer.join(SOON_S)
    assert found == list(range(8))


def test_another_attempt_of_what_nobody_takes_any_more_leaves_its_worker_free(tmp_path: Path) -> None:
    mark, dropped = tmp_path / "mark", tmp_path / "dropped"
    items = wait_and_die_once.options(num_cpus=2, **ONE_AHEAD).remote(mark, dropped)
    assert ray.get(next(items)) == 0
    assert comes_true(mark.exists, SOON_S)
    del items
    dropped.touch()
    assert ray.get(ask.options(num_cpus=2).remote(), timeout=SOON_S) == "free"

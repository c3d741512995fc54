"""The producing end of a generator's call: how far it may run ahead, and what ends its waiting.

Method: a process of one thread. What would come from elsewhere while the producer waits stands in `Process.to_come`;
a producer that waits when nothing is to come any more would wait for ever.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, cast

import pytest

from real_backend.client.client import Client
from real_backend.client.producers import Producers
from real_backend.client.running import Running
from real_backend.messages import CallOptions, Item, Taken
from real_backend.worker.producing import Producer

CONSUMER = 7
CALL = 40


class Process:
    """As much of a client as a producer needs."""

    def __init__(self) -> None:
        self.to_come: deque[Callable[[], object]] = deque()
        self.sent: list[tuple[int, Item]] = []
        self.gone: set[int] = set()
        self.producers = Producers(lambda number: number not in self.gone)
        self.change = nullcontext()
        self.pump = self.belonging = self

    def answer(self, asker: int, message: Item) -> None:
        self.sent.append((asker, message))

    def check_packed(self, packed: object) -> None:
        """Nothing is carried here."""

    def wait_until(self, done: Callable[[], object], timeout_s: float | None) -> None:
        while not done():
            assert self.to_come, "it waits for ever"
            self.to_come.popleft()()

    def is_gone(self, number: int) -> None:
        self.gone.add(number)
        self.producers.process_gone(number)

    def hears(self, taken: int, call: int = CALL) -> None:
        self.producers.on_taken(Taken(call, taken))


def producer_in(process: Process, limit: int | None = 1, **running: Any) -> Producer:
    options = None if limit is None else CallOptions(backpressure=limit)
    return Producer(
        cast("Client", process), Running(CONSUMER, CALL, "count", "streaming", options, **running)
    )


def test_items_go_home_with_their_numbers() -> None:
    process = Process()
    producer = producer_in(process, None)
    for item in "ab":
        producer.send(item)
        producer.wait()
    assert process.sent == [(CONSUMER, Item(CALL, 0, "a")), (CONSUMER, Item(CALL, 1, "b"))]


def test_it_is_no_further_ahead_than_the_call_allows() -> None:
    process = Process()
    producer = producer_in(process, 2)
    producer.send("a")
    producer.wait()
    producer.send("b")
    assert not producer.may_go_on()
    process.to_come.append(lambda: process.hears(1, call=CALL + 1))  # another call's
    process.to_come.append(lambda: process.hears(1))
    producer.wait()
    assert not process.to_come
    process.hears(0)  # old news
    assert producer.may_go_on()


def test_it_runs_on_when_its_consumer_dies() -> None:
    process = Process()
    producer = producer_in(process)
    process.to_come += [lambda: process.is_gone(CONSUMER + 1), lambda: process.is_gone(CONSUMER)]
    for number in range(3):
        producer.send(number)
        producer.wait()
    assert len(process.sent) == 3
    assert not process.to_come


def test_it_runs_on_if_its_consumer_has_died_before_its_turn() -> None:
    process = Process()
    process.is_gone(CONSUMER)
    producer = producer_in(process)
    producer.send(1)
    producer.wait()


def test_a_loop_is_woken_as_soon_as_it_may_go_on() -> None:
    process, woken = Process(), []
    producer = producer_in(process, 1)
    producer.wake = lambda: woken.append(producer.produced)
    producer.send(1)
    process.hears(0)
    assert woken == []
    process.hears(1)
    producer.send(2)
    process.is_gone(CONSUMER)
    assert woken == [1, 2]


def test_a_cancelled_task_is_interrupted_where_it_waits() -> None:
    process = Process()
    producer = producer_in(process, is_task=True, interrupt=True)
    producer.send(1)
    with pytest.raises(KeyboardInterrupt):
        producer.wait()


def test_a_cancelled_call_of_an_actor_waits_no_longer() -> None:
    process = Process()
    producer = producer_in(process, is_canceled=True)
    producer.send(1)
    producer.wait()


def test_whoever_has_no_more_items_is_told_nothing() -> None:
    process, woken = Process(), []
    producer = producer_in(process)
    producer.wake = lambda: woken.append(1)
    producer.close()
    process.hears(1)
    process.is_gone(CONSUMER)
    assert woken == []

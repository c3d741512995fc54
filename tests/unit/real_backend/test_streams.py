"""The items of a generator's call at the process that made the call.

Method: a consumer of one thread. What arrives while it waits stands in `Consumer.to_come`; a consumer that waits when
nothing is to come any more would wait for ever. The producer is a list of what it was told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, cast

import pytest

from real_backend.client.peers import Peer
from real_backend.client.pending import PendingCall
from real_backend.client.producers import ALL
from real_backend.client.pump import Pump
from real_backend.client.streams import FIRST_ITEM, Stream, Streams
from real_backend.client.waiting import Waiting
from real_backend.messages import CallOptions, Message, Taken
from simactors.core.outcome import Value
from simactors.core.refs import ObjectRef
from tests.unit.real_backend.test_objects import table_of


class Runner:
    """Carries the call to a producer, which is told how many items are taken."""

    def __init__(self) -> None:
        self.told: list[int] = []

    def runner(self, call: PendingCall) -> Peer | None:
        return None

    def tell(self, call: PendingCall, message: Message) -> None:
        assert isinstance(message, Taken)
        self.told.append(message.taken)

    def withdraw(self, call: PendingCall) -> None: ...

    def lease_of(self, call: PendingCall) -> int | None:
        return None

    def answered(self, call: PendingCall) -> None: ...

    def retry(self, call: PendingCall) -> None: ...


class Consumer:
    """A process that has made one call."""

    def __init__(self, backpressure: int | None = None, num_returns: str = "streaming") -> None:
        self.to_come: deque[Callable[[], object]] = deque()
        self.change = nullcontext()
        self.objects = table_of(0)
        self.streams = Streams(cast("Pump", self), self.objects, cast("Waiting", self))
        self.runner = Runner()
        entry = self.objects.new(self.objects.mint(), 9)
        call = PendingCall(entry.id, (entry,), "count", "count", (), (), True, num_returns, 0, False, 0)
        call.options = CallOptions(backpressure=backpressure)
        call.carrier = self.runner
        self.ref: ObjectRef[Any] | None = ObjectRef(entry)
        self.streams.open(call, self.ref)
        assert call.stream is not None
        self.stream = call.stream

    # As much of a pump as streams need

    def note(self) -> None: ...

    # As much of `Waiting`

    def wait(
        self, refs: Sequence[ObjectRef[Any]], num_returns: int, timeout_s: float | None, stop_at_error: bool
    ) -> Sequence[ObjectRef[Any]]:
        while refs[0].entry.outcome is None:  # type: ignore[attr-defined]  # an ObjectEntry
            if timeout_s is not None:
                return []
            assert self.to_come, "it waits for ever"
            self.to_come.popleft()()
        return refs

    # What the test does

    def arrive(self, *numbers: int) -> None:
        for number in numbers:
            self.stream.arrive(number, Value(number))

    def next(self, timeout_s: float | None = None) -> Any:
        assert self.ref is not None
        item = self.streams.next_item(self.ref, timeout_s)
        return None if item is None else item.entry.outcome.unwrap()  # type: ignore[attr-defined]  # as above

    def drop(self) -> None:
        self.ref = None
        self.streams.look_after_dropped()


def test_items_are_handed_out_in_their_order_and_then_it_ends() -> None:
    consumer = Consumer()
    consumer.to_come += [lambda: consumer.arrive(0, 1), lambda: consumer.stream.end(2)]
    assert [consumer.next(), consumer.next()] == [0, 1]
    with pytest.raises(StopIteration):
        consumer.next()
    assert consumer.runner.told == []  # it is not held back


def test_nothing_is_taken_when_the_time_is_up() -> None:
    consumer = Consumer()
    assert consumer.next(timeout_s=0) is None
    consumer.arrive(0)
    assert consumer.next(timeout_s=0) == 0


def test_an_item_that_another_thread_takes_first_is_not_given_twice() -> None:
    consumer, others = Consumer(), []

    def another_thread_takes() -> None:
        consumer.arrive(0, 1)
        others.append(consumer.next())

    consumer.to_come.append(another_thread_takes)
    assert consumer.next() == 1
    assert others == [0]


def test_items_know_the_call_that_they_come_from() -> None:
    consumer = Consumer()
    assert consumer.ref is not None
    assert consumer.streams.peek(consumer.ref).entry.origin == (1, 9, FIRST_ITEM)  # type: ignore[attr-defined]


def test_the_producer_hears_of_each_item_that_is_taken_if_it_is_held_back() -> None:
    consumer = Consumer(backpressure=1)
    consumer.arrive(0, 1)
    consumer.next()
    consumer.next()
    assert consumer.runner.told == [1, 2]


def test_items_that_came_before_a_loss_count_and_those_awaited_are_the_end() -> None:
    consumer = Consumer()
    consumer.arrive(0, 1)
    consumer.to_come.append(lambda: consumer.stream.end(None))
    assert [consumer.next(), consumer.next()] == [0, 1]
    with pytest.raises(StopIteration):
        consumer.next()


def test_another_attempt_repeats_what_was_taken_and_is_told_so() -> None:
    consumer = Consumer(backpressure=1)
    for number in range(3):
        consumer.arrive(number)
        assert consumer.next() == number
    consumer.runner.told.clear()
    consumer.arrive(0)
    assert consumer.runner.told == [3]
    consumer.arrive(1, 2, 3)
    assert consumer.next() == 3
    assert consumer.runner.told == [3, 4]


def test_another_attempt_of_what_nobody_takes_any_more_is_not_held_back() -> None:
    consumer = Consumer(backpressure=1)
    consumer.arrive(0)
    consumer.drop()
    assert consumer.runner.told == [ALL]
    consumer.arrive(1, 2)
    assert consumer.runner.told == [ALL]
    consumer.arrive(0)
    assert consumer.runner.told == [ALL, ALL]


def test_what_comes_after_the_end_or_was_taken_is_dropped() -> None:
    consumer = Consumer()
    consumer.arrive(0)
    consumer.stream.end(1)
    consumer.stream.arrive(0, Value("again"))
    consumer.arrive(1)
    assert consumer.next() == 0
    with pytest.raises(StopIteration):
        consumer.next()


def test_a_ref_of_another_call_of_that_number_is_refused() -> None:
    consumer, other = Consumer(), Consumer()
    assert other.ref is not None
    with pytest.raises(ValueError, match="belongs to another session"):
        consumer.streams.find(other.ref)


def test_all_items_of_a_dynamic_generator_are_given_at_once() -> None:
    consumer = Consumer(num_returns="dynamic")
    assert not isinstance(consumer.stream, Stream)
    consumer.arrive(0, 1)
    consumer.stream.end(2)
    refs = list(consumer.stream.value().unwrap())
    assert [ref.entry.outcome.unwrap() for ref in refs] == [0, 1]
    assert [ref.entry.origin.position for ref in refs] == [FIRST_ITEM, FIRST_ITEM + 1]

"""The actor behind a queue, and what a queue refuses by itself; the rest is tested on every backend."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from simactors.util.queue import Empty, Full, Queue, _QueueActor


def test_the_actor_waits_for_room_and_for_items() -> None:
    async def main() -> None:
        actor = _QueueActor(1)
        with pytest.raises(Empty):
            await actor.get(0.01)
        getting = asyncio.ensure_future(actor.get())
        await asyncio.sleep(0)
        await actor.put("a")
        assert await getting == "a"
        await actor.put("b")
        assert actor.full()
        with pytest.raises(Full):
            await actor.put("c", 0.01)
        with pytest.raises(asyncio.QueueFull):
            actor.put_nowait("c")
        assert actor.get_nowait() == "b"
        assert actor.empty()

    asyncio.run(main())


def test_batches_are_all_or_nothing() -> None:
    actor = _QueueActor(3)
    actor.put_nowait_batch([1, 2])
    with pytest.raises(Full, match="Cannot add 2 items to queue of size 2 and maxsize 3"):
        actor.put_nowait_batch([3, 4])
    with pytest.raises(Empty, match="Cannot get 3 items from queue of size 2"):
        actor.get_nowait_batch(3)
    assert actor.get_nowait_batch(2) == [1, 2]
    assert actor.qsize() == 0


def test_wrong_arguments_are_refused_without_a_call(backend: Any) -> None:
    queue = Queue(actor_options={"num_cpus": 1})
    assert backend.calls[-1].options.num_cpus == 1
    for wrong in (lambda: queue.get(timeout=-1), lambda: queue.put(1, timeout=-1)):
        with pytest.raises(ValueError, match="must be a non-negative number"):
            wrong()
    with pytest.raises(TypeError, match="must be an Iterable"):
        queue.put_nowait_batch(5)  # type: ignore[arg-type]  # the mistake
    with pytest.raises(TypeError, match="must be an int"):
        queue.get_nowait_batch("5")  # type: ignore[arg-type]  # the mistake
    with pytest.raises(ValueError, match="must be nonnegative"):
        queue.get_nowait_batch(-1)
    assert len(backend.calls) == 1


def test_a_queue_ends_with_its_actor(backend: Any) -> None:
    queue = Queue()
    actor = queue.actor
    queue.shutdown(grace_period_s=0)  # the fake actor never ends by itself
    assert backend.asked == [("kill", actor._actor, True)]
    assert queue.actor is None
    queue.shutdown()

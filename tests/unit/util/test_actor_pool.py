"""`ActorPool` on every backend that runs on one machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import simactors as ray
from simactors.util import ActorPool


@pytest.fixture(params=["sim", "local"])
def worker(request: pytest.FixtureRequest) -> Iterator[Any]:
    """An actor class on a fresh backend."""
    ray.init(backend=request.param, num_cpus=4)

    @ray.remote
    class Worker:
        def double(self, value: int) -> int:
            return 2 * value

        def sleep(self, seconds: float) -> float:
            import time

            time.sleep(seconds)
            return seconds

    yield Worker
    ray.shutdown()


def test_map_keeps_the_order_of_the_values(worker):
    pool = ActorPool([worker.remote(), worker.remote()])
    assert list(pool.map(lambda a, v: a.double.remote(v), range(7))) == [0, 2, 4, 6, 8, 10, 12]


def test_map_unordered_gives_every_result_once(worker):
    pool = ActorPool([worker.remote(), worker.remote()])
    assert sorted(pool.map_unordered(lambda a, v: a.double.remote(v), range(7))) == [0, 2, 4, 6, 8, 10, 12]


def test_unordered_results_come_as_they_are_ready(worker):
    pool = ActorPool([worker.remote(), worker.remote()])
    assert list(pool.map_unordered(lambda a, v: a.sleep.remote(v), [0.6, 0.05])) == [0.05, 0.6]


def test_work_waits_for_a_free_actor(worker):
    pool = ActorPool([worker.remote()])
    assert pool.has_free()
    for value in (1, 2):
        pool.submit(lambda a, v: a.double.remote(v), value)
    assert not pool.has_free()
    assert [pool.get_next(), pool.get_next()] == [2, 4]
    assert not pool.has_next()
    with pytest.raises(StopIteration):
        pool.get_next()


def test_get_next_gives_up_after_its_timeout_and_may_try_again(worker):
    pool = ActorPool([worker.remote()])
    pool.submit(lambda a, v: a.sleep.remote(v), 0.4)
    with pytest.raises(TimeoutError, match="Timed out waiting for result"):
        pool.get_next(timeout=0.01)
    assert pool.get_next(timeout=10) == 0.4


def test_a_result_that_did_not_come_in_time_can_be_dropped(worker):
    pool = ActorPool([worker.remote()])
    pool.submit(lambda a, v: a.sleep.remote(v), 0.4)
    with pytest.raises(TimeoutError, match="has been ignored"):
        pool.get_next(timeout=0.01, ignore_if_timedout=True)
    assert not pool.has_next()
    pool.submit(lambda a, v: a.double.remote(v), 4)
    assert pool.get_next() == 8


def test_actors_come_and_go(worker):
    pool = ActorPool([worker.remote()])
    actor = pool.pop_idle()
    assert actor is not None
    assert pool.pop_idle() is None
    pool.submit(lambda a, v: a.double.remote(v), 5)
    pool.push(actor)
    with pytest.raises(ValueError, match="already belongs"):
        pool.push(actor)
    assert pool.get_next() == 10


def test_in_order_after_out_of_order_is_refused(worker):
    pool = ActorPool([worker.remote(), worker.remote()])
    pool.submit(lambda a, v: a.sleep.remote(v), 0.5)
    pool.submit(lambda a, v: a.sleep.remote(v), 0.05)
    assert pool.get_next_unordered() == 0.05
    with pytest.raises(ValueError, match="not allowed to call get_next"):
        pool.get_next()

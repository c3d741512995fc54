"""`time` and `datetime` in a simulation: virtual, with the error of the node's clock, and restored exactly."""

from __future__ import annotations

import concurrent.futures
import datetime
import pickle
import queue
import sched
import threading
import time
from collections.abc import Callable
from datetime import datetime as early_datetime
from typing import Any

import pytest

import simactors
from simactors import NodeConfig, SimConfig

EPOCH_S = 1_704_067_200
CONFIG = SimConfig(nodes=(NodeConfig(count=1), NodeConfig(clock_offset_s=100, resources={"far": 1})))

WALL: dict[str, Callable[[], float]] = {
    "time": lambda: time.time(),
    "time_ns": lambda: time.time_ns() / 1e9,
    "clock_gettime": lambda: time.clock_gettime(time.CLOCK_REALTIME),
    "clock_gettime_ns": lambda: time.clock_gettime_ns(time.CLOCK_TAI) / 1e9,
    "gmtime": lambda: time.mktime(time.gmtime()) - time.timezone,
    "gmtime(None)": lambda: time.mktime(time.gmtime(None)) - time.timezone,
    "localtime": lambda: time.mktime(time.localtime()),
    "ctime": lambda: time.mktime(time.strptime(time.ctime())),
    "asctime": lambda: time.mktime(time.strptime(time.asctime())),
    "strftime": lambda: time.mktime(time.strptime(time.strftime("%Y %j %H:%M:%S"), "%Y %j %H:%M:%S")),
    "datetime.now": lambda: datetime.datetime.now().timestamp(),
    "datetime.now, early": lambda: early_datetime.now().timestamp(),
    "datetime.now(utc)": lambda: datetime.datetime.now(datetime.UTC).timestamp(),
    "datetime.now(tz=)": lambda: datetime.datetime.now(
        tz=datetime.timezone(datetime.timedelta(hours=5))
    ).timestamp(),
    "datetime.today": lambda: datetime.datetime.today().timestamp(),
}
STEADY: dict[str, Callable[[], float]] = {
    "monotonic": lambda: time.monotonic(),
    "monotonic_ns": lambda: time.monotonic_ns() / 1e9,
    "perf_counter": lambda: time.perf_counter(),
    "perf_counter_ns": lambda: time.perf_counter_ns() / 1e9,
    "clock_gettime": lambda: time.clock_gettime(time.CLOCK_MONOTONIC),
    "clock_gettime_ns": lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME) / 1e9,
}


@simactors.remote
def read(clock: Callable[[], float]) -> float:
    return clock()


@pytest.mark.parametrize("name", WALL)
def test_wall_clocks_are_virtual_and_wrong_where_the_nodes_clock_is(name: str) -> None:
    clock = WALL[name]
    with simactors.simulate(config=CONFIG):
        time.sleep(50)
        assert int(clock()) == EPOCH_S + 50
        assert int(simactors.get(read.remote(clock))) == EPOCH_S + 50
        assert int(simactors.get(read.options(resources={"far": 1}).remote(clock))) == EPOCH_S + 150
    assert clock() > EPOCH_S + 86_400


@pytest.mark.parametrize("name", STEADY)
def test_steady_clocks_begin_with_the_simulation_and_are_never_wrong(name: str) -> None:
    clock = STEADY[name]
    with simactors.simulate(config=CONFIG):
        assert clock() == 0
        time.sleep(50)
        assert 50 <= simactors.get(read.options(resources={"far": 1}).remote(clock)) < 51
    assert clock() > 51 or name.startswith("perf_counter")


def test_utcnow_and_the_date_of_today() -> None:
    with simactors.simulate():
        time.sleep(1.25)
        assert datetime.datetime.utcnow() == datetime.datetime(2024, 1, 1, 0, 0, 1, 250_000)
        assert datetime.datetime.now(datetime.UTC).microsecond == 250_000
        assert abs(datetime.date.today() - datetime.date(2024, 1, 1)) <= datetime.timedelta(days=1)
    assert datetime.date.today() > datetime.date(2024, 1, 2)


def test_what_takes_a_time_takes_it_as_ever() -> None:
    moment = time.gmtime(0)
    with simactors.simulate():
        assert time.gmtime(0) == moment
        assert time.strftime("%Y", moment) == "1970"
        assert time.asctime(moment) == "Thu Jan  1 00:00:00 1970"
        assert time.ctime(0) == time.asctime(time.localtime(0))


def test_what_measures_the_processor_is_real() -> None:
    with simactors.simulate():
        time.sleep(100)
        assert 0 < time.process_time() < 100_000
        before = time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID)
        assert before <= time.process_time()


class Stamp(datetime.datetime):
    """A datetime of the user's."""


def test_datetimes_stay_what_they_are() -> None:
    before = dict(vars(datetime.datetime)), dict(vars(datetime.date))
    with simactors.simulate():
        now = datetime.datetime.now()
        assert type(now) is datetime.datetime
        assert isinstance(now, early_datetime)
        assert pickle.loads(pickle.dumps(now)) == now
        assert type(Stamp.now()) is type(Stamp.today()) is type(Stamp.utcnow()) is Stamp
        assert Stamp.now().year == 2024
        with pytest.raises(TypeError):
            datetime.datetime.now("utc")  # type: ignore[arg-type]
    assert (dict(vars(datetime.datetime)), dict(vars(datetime.date))) == before
    assert Stamp.now().year > 2024


@simactors.remote
class Waits:
    """Everything of the standard library that waits with a time-out."""

    def queue(self) -> float:
        with pytest.raises(queue.Empty):
            queue.Queue[int]().get(timeout=3)
        return time.monotonic()

    def event(self) -> float:
        threading.Event().wait(3)
        return time.monotonic()

    def condition(self) -> float:
        condition = threading.Condition()
        with condition:
            condition.wait(3)
        return time.monotonic()

    def semaphore(self) -> float:
        semaphore = threading.Semaphore(0)
        semaphore.acquire(timeout=3)
        return time.monotonic()

    def barrier(self) -> float:
        with pytest.raises(threading.BrokenBarrierError):
            threading.Barrier(2).wait(3)
        return time.monotonic()

    def future(self) -> float:
        with pytest.raises(TimeoutError):
            concurrent.futures.Future[int]().result(timeout=3)
        return time.monotonic()

    def futures(self) -> float:
        done, _ = concurrent.futures.wait([concurrent.futures.Future()], timeout=3)
        assert not done
        return time.monotonic()

    def sched(self) -> float:
        timer, moments = sched.scheduler(), []
        timer.enter(3, 1, lambda: moments.append(time.monotonic()))
        timer.run()
        return moments[0]


@pytest.mark.parametrize(
    "what", ["queue", "event", "condition", "semaphore", "barrier", "future", "futures", "sched"]
)
def test_time_outs_of_the_standard_library_are_virtual(what: str) -> None:
    began = time.monotonic()
    with simactors.simulate():
        actor: Any = Waits.remote()
        assert 3 < simactors.get(getattr(actor, what).remote()) < 3.1
    assert time.monotonic() - began < 2


def test_a_loop_that_only_looks_at_the_clock_ends() -> None:
    @simactors.remote
    def spin() -> float:
        began = time.monotonic()
        while time.monotonic() - began < 0.01:
            pass
        return time.monotonic() - began

    with simactors.simulate():
        assert 0.01 <= simactors.get(spin.remote()) < 0.02
        end = time.time() + 0.01
        while time.time() < end:
            pass

"""`ray.util.multiprocessing.Pool` and joblib's backend: processes that are actors.

On Ray itself they run Ray's own, so that both are held to the same.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import simactors


@pytest.fixture
def pool_class(ray: ModuleType) -> Any:
    return the_module(ray).Pool


def the_module(ray: ModuleType) -> Any:
    if os.environ[simactors.api.session.BACKEND_VARIABLE] == "ray":
        from ray.util.multiprocessing import pool

        return pool
    from simactors.util import multiprocessing as ours

    return ours


def double(x: int) -> int:
    return 2 * x


def add(x: int, y: int = 0) -> int:
    return x + y


def fail_at_two(x: int) -> int:
    if x == 2:
        raise KeyError(x)
    return x


def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def process_number(_: object = None) -> int:
    return os.getpid()


def end_process(_: object) -> None:
    os._exit(1)


def set_up(name: str, value: str) -> None:
    os.environ[name] = value


def read(name: str) -> str | None:
    return os.environ.get(name)


def test_map_and_its_kin_give_results_in_order(pool_class: Any) -> None:
    with pool_class(2) as pool:
        assert pool.map(double, range(7)) == [0, 2, 4, 6, 8, 10, 12]
        assert pool.map(double, iter([1, 2]), chunksize=2) == [2, 4]
        assert pool.map(double, []) == []
        assert pool.starmap(add, [(1, 2), (3,)]) == [3, 3]
        assert pool.starmap_async(add, [(1, 2), (3,)]).get() == [3, 3]
        assert pool.map_async(double, [3]).get(timeout=60) == [6]


def test_apply_takes_arguments_of_both_kinds(pool_class: Any) -> None:
    with pool_class(2) as pool:
        assert pool.apply(add, (1,), {"y": 4}) == 5
        result = pool.apply_async(double, (4,))
        result.wait()
        assert result.ready()
        assert result.successful()
        assert result.get() == 8


def test_results_may_be_late(pool_class: Any) -> None:
    with pool_class(2) as pool:
        result = pool.apply_async(nap, (2.0,))
        assert not result.ready()
        with pytest.raises(ValueError, match="not ready"):
            result.successful()
        with pytest.raises(multiprocessing.TimeoutError):
            result.get(timeout=0.05)
        assert result.get() == 2.0


def test_what_a_call_raises_is_raised_by_get(pool_class: Any) -> None:
    with pool_class(2) as pool:
        with pytest.raises(KeyError):
            pool.map(fail_at_two, range(4))
        result = pool.apply_async(fail_at_two, (2,))
        result.wait()
        assert not result.successful()
        with pytest.raises(KeyError):
            pool.apply(fail_at_two, (2,))


def test_the_end_of_a_process_is_an_error_of_the_runtime(ray: ModuleType, pool_class: Any) -> None:
    with pool_class(1) as pool, pytest.raises(Exception) as found:  # noqa: PT011  # Ray's class or ours
        pool.map(end_process, [1])
    assert type(found.value).__name__ == "ActorDiedError"


def test_imap_gives_results_in_order_and_errors_as_values(ray: ModuleType, pool_class: Any) -> None:
    with pool_class(2) as pool:
        assert list(pool.imap(double, range(5))) == [0, 2, 4, 6, 8]
        assert list(pool.imap(double, (n for n in range(5)), chunksize=2)) == [0, 2, 4, 6, 8]
        assert sorted(pool.imap_unordered(double, range(5))) == [0, 2, 4, 6, 8]
        found = list(pool.imap(fail_at_two, [1, 2, 3]))
        assert [found[0], found[2]] == [1, 3]
        assert isinstance(found[1], the_module(ray).PoolTaskError)
        assert isinstance(found[1].underlying, KeyError)
        late = pool.imap(nap, [2.0])
        with pytest.raises(multiprocessing.TimeoutError):
            late.next(timeout=0.05)
        assert next(late) == 2.0
        with pytest.raises(StopIteration):
            next(late)


def test_imap_unordered_gives_what_is_there_first(pool_class: Any) -> None:
    with pool_class(2) as pool:
        assert list(pool.imap_unordered(nap, [1.5, 0.0])) == [0.0, 1.5]


def test_imap_takes_no_more_items_than_it_needs(pool_class: Any) -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with pool_class(2) as pool:
        results = pool.imap(double, items())
        assert next(results) == 0
        assert len(taken) <= 4


def test_callbacks_are_called_once(ray: ModuleType, pool_class: Any) -> None:
    told: list[Any] = []
    add_to = told.append
    with pool_class(2) as pool:
        pool.apply_async(double, (1,), callback=add_to).wait()
        pool.map_async(double, [1, 2], chunksize=2, callback=add_to).wait()
        pool.map_async(fail_at_two, [1, 2], chunksize=2, callback=add_to, error_callback=add_to).wait()
        pool.starmap_async(add, [(1, 1)], callback=add_to).wait()
    assert told[:2] == [2, [2, 4]]
    assert isinstance(told[2], the_module(ray).PoolTaskError)
    assert told[3:] == [[2]]


def test_processes_are_initialized_and_may_be_replaced(pool_class: Any) -> None:
    with pool_class(2, initializer=set_up, initargs=("OF_THE_POOL", "here")) as pool:
        assert pool.map(read, ["OF_THE_POOL"] * 4) == ["here"] * 4
        assert len(set(pool.map(process_number, range(8), chunksize=1))) == 2
    with pool_class(1, maxtasksperchild=2) as pool:
        numbers = [pool.apply(process_number) for _ in range(5)]
    assert numbers[0] == numbers[1] != numbers[2] == numbers[3] != numbers[4]


def test_a_closed_pool_finishes_its_work_and_takes_no_more(pool_class: Any) -> None:
    pool = pool_class(2)
    with pytest.raises(ValueError, match="Pool is still running"):
        pool.join()
    result = pool.map_async(nap, [0.2, 0.1])
    pool.close()
    with pytest.raises(ValueError, match="Pool not running"):
        pool.map(double, [1])
    pool.join()
    assert result.get() == [0.2, 0.1]


def test_a_terminated_pool_ends_at_once(pool_class: Any) -> None:
    pool = pool_class(2)
    result = pool.apply_async(nap, (30.0,))
    pool.terminate()
    pool.join()
    with pytest.raises(Exception) as found:  # noqa: PT011  # Ray's class or ours
        result.get(timeout=20)
    assert type(found.value).__name__ == "ActorDiedError"


def test_a_pool_has_at_most_as_many_processes_as_the_cluster_cpus(pool_class: Any) -> None:
    with pytest.raises(ValueError, match="Tried to start a pool with 9 processes"):
        pool_class(9)
    with pytest.raises(ValueError, match="must be >0"):
        pool_class(0)
    with pool_class() as pool:
        assert len(set(pool.map(process_number, range(8), chunksize=1))) == 4


def test_a_pool_initializes_what_is_not_initialized(ray: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.environ[simactors.api.session.BACKEND_VARIABLE] == "ray":
        pytest.skip("on Ray, the cluster is there for all tests")
    ray.shutdown()
    with the_module(ray).Pool(2) as pool:
        assert ray.cluster_resources()["CPU"] == 2
        assert pool.map(double, [1]) == [2]
    ray.shutdown()


def test_joblib_runs_its_loops_on_actors(ray: ModuleType) -> None:
    joblib = pytest.importorskip("joblib")
    if os.environ[simactors.api.session.BACKEND_VARIABLE] == "ray":
        from ray.util.joblib import register_ray
    else:
        from simactors.util.joblib import register_ray
    register_ray()
    with joblib.parallel_backend("ray", n_jobs=2):
        assert joblib.Parallel()(joblib.delayed(double)(n) for n in range(6)) == [0, 2, 4, 6, 8, 10]
        assert os.getpid() not in joblib.Parallel()(joblib.delayed(process_number)() for _ in range(4))
        with pytest.raises(KeyError):
            joblib.Parallel()(joblib.delayed(fail_at_two)(n) for n in range(4))
    with joblib.parallel_backend("ray", n_jobs=-1):
        assert joblib.Parallel()(joblib.delayed(add)(n, y=1) for n in range(3)) == [1, 2, 3]
    with joblib.parallel_backend("ray", n_jobs=1):
        assert joblib.Parallel()(joblib.delayed(process_number)() for _ in range(2)) == [os.getpid()] * 2

"""`ray.util.iter`: items that several actors make. On Ray itself it is Ray's own, held to the same."""

from __future__ import annotations

import os
import time
from types import ModuleType
from typing import Any

import pytest

import simactors


@pytest.fixture
def par(ray: ModuleType) -> Any:
    if os.environ[simactors.api.session.BACKEND_VARIABLE] == "ray":
        from ray.util import iter as real

        return real
    from simactors.util import iter as ours

    return ours


@simactors.remote
def read_all(shard: Any) -> list[Any]:
    return list(shard)


def test_items_are_dealt_and_ranges_cut(par: Any) -> None:
    dealt = par.from_items([1, 2, 3, 4, 5], num_shards=2)
    assert repr(dealt) == "ParallelIterator[from_items[int, 5, shards=2]]"
    assert [list(shard) for shard in dealt.shards()] == [[1, 3, 5], [2, 4]]
    cut = par.from_range(5, num_shards=2)
    assert [list(shard) for shard in cut.shards()] == [[0, 1], [2, 3, 4]]
    assert list(par.from_range(5, 2).gather_sync()) == [0, 2, 1, 3, 4]
    with pytest.raises(TypeError, match="gather_sync"):
        iter(cut)


def test_steps_run_in_the_shards(par: Any) -> None:
    numbers = par.from_range(8, num_shards=2)
    made = numbers.for_each(lambda x: x * 2).filter(lambda x: x > 2).batch(2)
    assert repr(made) == "ParallelIterator[from_range[8, shards=2].for_each().filter().batch(2)]"
    assert [list(shard) for shard in made.shards()] == [[[4, 6]], [[8, 10], [12, 14]]]
    assert sorted(made.flatten().gather_async()) == [4, 6, 8, 10, 12, 14]
    assert list(par.from_items([1, 2], 1).combine(lambda x: [x, x]).gather_sync()) == [1, 1, 2, 2]
    pairs = par.from_range(4, 1).transform(lambda items: (x for x in items if x % 2)).gather_sync()
    assert list(pairs) == [1, 3]


def test_iterables_may_be_made_by_functions_and_repeat(par: Any) -> None:
    assert list(par.from_iterators([lambda: (x for x in range(3))]).gather_sync()) == [0, 1, 2]
    assert par.from_iterators([range(2)], repeat=True).take(5) == [0, 1, 0, 1, 0]
    assert list(par.from_iterators([range(3), range(3)]).batch_across_shards()) == [[0, 0], [1, 1], [2, 2]]


def test_shards_can_be_sent_selected_and_joined(ray: ModuleType, par: Any) -> None:
    numbers = par.from_range(6, num_shards=3)
    assert ray.get([read_all.remote(shard) for shard in numbers.shards()]) == [[0, 1], [2, 3], [4, 5]]
    assert list(par.from_range(6, num_shards=3).select_shards([0, 2]).gather_sync()) == [0, 4, 1, 5]
    both = par.from_items([1], 1).union(par.from_items([2], 1))
    assert both.num_shards() == 2
    assert sorted(both.gather_async()) == [1, 2]
    with pytest.raises(ValueError, match="not allowed after union"):
        both.select_shards([0])
    with pytest.raises(ValueError, match="Shard index out of range"):
        numbers.get_shard(7)


def test_repartition_deals_the_items_of_each_shard_anew(par: Any) -> None:
    made = par.from_range(8, 2).repartition(3)
    found = [sorted(shard) for shard in made.shards()]
    assert found == [[0, 3, 4, 7], [1, 5], [2, 6]]


def test_local_iterators_have_steps_too(par: Any, capsys: pytest.CaptureFixture[str]) -> None:
    local = par.from_range(6, 1).gather_sync()
    assert local.filter(lambda x: x % 2).for_each(lambda x: -x).take(2) == [-1, -3]
    shuffled = par.from_range(6, 1).gather_sync().shuffle(3, seed=1)
    assert sorted(shuffled) == [0, 1, 2, 3, 4, 5]
    par.from_range(2, 1).show()
    assert capsys.readouterr().out == "0\n1\n"
    tasks = par.from_range(4, 1).gather_sync().for_each(lambda x: x + 1, max_concurrency=2)
    assert sorted(tasks) == [1, 2, 3, 4]
    actor, item = next(par.from_range(3, 1).gather_async().zip_with_source_actor())
    assert (item, hasattr(actor, "par_iter_next")) == (0, True)


def test_local_iterators_can_be_joined_and_copied(par: Any) -> None:
    def numbers(start: int) -> Any:
        return par.from_items([start, start + 1, start + 2], 1).gather_sync()

    assert list(numbers(0).union(numbers(10), deterministic=True)) == [0, 10, 1, 11, 2, 12]
    assert sorted(numbers(0).union(numbers(10))) == [0, 1, 2, 10, 11, 12]
    weighted = numbers(0).union(numbers(10), round_robin_weights=[2, 1])
    assert list(weighted) == [0, 1, 10, 2, 11, 12]
    first, second = numbers(0).duplicate(2)
    joined = first.for_each(lambda x: x + 100).union(second, deterministic=True)
    assert list(joined) == [100, 0, 101, 1, 102, 2]
    with pytest.raises(ValueError, match="must equal number of iterators"):
        numbers(0).union(numbers(1), round_robin_weights=[1])


def test_functions_before_and_after_a_union_share_their_metrics(par: Any) -> None:
    def counting(name: str) -> Any:
        def count(item: int) -> int:
            par.LocalIterator.get_metrics().counters[name] += 1
            return item

        return count

    def seen(item: int) -> list[str]:
        return sorted(par.LocalIterator.get_metrics().counters)

    def numbers(name: str) -> Any:
        return par.from_items([1, 2], 1).gather_async().for_each(counting(name))

    two = numbers("a").union(numbers("b"), deterministic=True)
    three = two.union(numbers("c"), deterministic=True)
    assert three.for_each(seen).take(9)[-1] == ["a", "b", "c"]


def test_a_union_waits_for_slow_iterators(par: Any) -> None:
    def slowly(item: int) -> int:
        time.sleep(0.05)
        return item

    both = (
        par.from_items([1, 2], 1).for_each(slowly).gather_async().union(par.from_items([3], 1).gather_async())
    )
    assert sorted(both) == [1, 2, 3]

"""Object stores: what is large lies somewhere, takes room and time; what does not fit goes to disk, or is refused."""

from __future__ import annotations

import time
from typing import Any

import pytest

import simactors
from simactors import exceptions
from simactors.sim.config import Latency, LinkConfig, NodeConfig, SimConfig
from simactors.util.scheduling_strategies import NodeAffinitySchedulingStrategy

MB = 1_000_000
NO_LATENCY = Latency(low_s=0, high_s=0, jitter_s=0)


def on(number: int) -> Any:
    return NodeAffinitySchedulingStrategy(node_id=f"{number:056x}", soft=False)


def config(store_mb: int = 1000, nodes: int = 1, **more: Any) -> SimConfig:
    node = NodeConfig(count=nodes, object_store_bytes=store_mb * MB)
    return SimConfig(nodes=(node,), latency=NO_LATENCY, **more)


@simactors.remote
def make(megabytes: float) -> bytes:
    return bytes(int(megabytes * MB))


@simactors.remote
def size_of(value: bytes) -> int:
    return len(value)


def taken(action: Any) -> float:
    start = time.monotonic()
    action()
    return round(time.monotonic() - start, 2)


# Transfers


def test_a_transfer_takes_size_by_bandwidth_and_the_next_look_nothing() -> None:
    link = LinkConfig(between=("node-1", "node-2"), bandwidth_bytes_per_s=10 * MB)
    with simactors.simulate(config=config(nodes=2, links=(link,))):
        ref = make.options(scheduling_strategy=on(2)).remote(50)
        simactors.wait([ref])
        assert taken(lambda: simactors.get(ref)) == 5.0
        assert taken(lambda: simactors.get(ref)) == 0.0
        local = make.options(scheduling_strategy=on(1)).remote(50)
        assert taken(lambda: simactors.get(local)) == 0.0
    with simactors.simulate(config=config(nodes=2)):
        assert taken(lambda: simactors.get(make.options(scheduling_strategy=on(2)).remote(50))) == 0.0


def test_small_values_travel_in_messages() -> None:
    link = LinkConfig(bandwidth_bytes_per_s=1000)
    with simactors.simulate(config=config(nodes=2, links=(link,))):
        assert taken(lambda: simactors.get(make.options(scheduling_strategy=on(2)).remote(0.05))) == 0.0


def test_transfers_from_one_node_to_another_share_the_bandwidth() -> None:
    link = LinkConfig(bandwidth_bytes_per_s=10 * MB)
    with simactors.simulate(config=config(nodes=3, links=(link,))):
        refs = [simactors.put(bytes(50 * MB)) for _ in range(2)]

        def sizes(*nodes: int) -> None:
            tasks = [
                size_of.options(scheduling_strategy=on(node)).remote(ref)
                for node, ref in zip(nodes, refs, strict=True)
            ]
            assert simactors.get(tasks) == [50 * MB] * 2

        assert taken(lambda: sizes(2, 2)) == 10.0
        assert taken(lambda: sizes(2, 2)) == 0.0  # they have copies now
        refs = [simactors.put(bytes(50 * MB)) for _ in range(2)]
        assert taken(lambda: sizes(2, 3)) == 5.0


def test_what_is_sent_twice_takes_twice_the_bandwidth(results) -> None:
    def program() -> int:
        refs = [make.options(scheduling_strategy=on(2)).remote(1) for _ in range(20)]
        simactors.wait(refs, num_returns=20)
        return round(taken(lambda: [simactors.get(ref) for ref in refs]))

    def links(duplication: float) -> SimConfig:
        link = LinkConfig(bandwidth_bytes_per_s=MB, duplication=duplication)
        return config(nodes=2, links=(link,))

    assert results(program, config=links(0.0)) == [20] * 4
    assert all(20 < seconds < 40 for seconds in results(program, config=links(0.5)))


# A store that is full


def test_what_does_not_fit_goes_to_disk_and_comes_back_in_time() -> None:
    with simactors.simulate(config=config(store_mb=100, spill_bytes_per_s=10 * MB)):
        first = simactors.put(bytes(60 * MB))
        assert taken(lambda: simactors.get(first)) == 0.0
        start = time.monotonic()
        second = simactors.put(bytes(60 * MB))
        assert time.monotonic() - start == pytest.approx(6.0)  # the first goes to disk
        assert taken(lambda: simactors.get(second)) == 0.0
        assert taken(lambda: simactors.get(first)) == 12.0  # the second goes to disk, the first comes back
        assert len(simactors.get(first)) == 60 * MB


def test_without_spilling_a_full_store_refuses() -> None:
    with simactors.simulate(config=config(store_mb=100, spilling=False)):
        kept = simactors.put(bytes(60 * MB))
        with pytest.raises(exceptions.ObjectStoreFullError, match=r"object store of node-1.*holds 60000"):
            simactors.put(bytes(60 * MB))
        with pytest.raises(exceptions.ObjectStoreFullError):
            simactors.get(make.options(max_retries=0).remote(60))
        assert len(simactors.get(kept)) == 60 * MB
        del kept
        assert len(simactors.get(simactors.put(bytes(60 * MB)))) == 60 * MB


def test_what_is_larger_than_the_store_lies_on_disk() -> None:
    with simactors.simulate(config=config(store_mb=10, spill_bytes_per_s=10 * MB)):
        start = time.monotonic()
        ref = simactors.put(bytes(50 * MB))
        assert time.monotonic() - start == pytest.approx(5.0)
        assert taken(lambda: simactors.get(ref)) == 5.0
    refusing = config(store_mb=10, spilling=False)
    with simactors.simulate(config=refusing), pytest.raises(exceptions.ObjectStoreFullError):
        simactors.put(bytes(50 * MB))


def test_copies_that_others_have_too_go_before_anything_is_spilled() -> None:
    with simactors.simulate(config=config(store_mb=100, nodes=2, spill_bytes_per_s=MB)):
        far = make.options(scheduling_strategy=on(2)).remote(60)
        simactors.get(far)
        start = time.monotonic()
        near = simactors.put(bytes(60 * MB))
        assert time.monotonic() == start
        assert len(simactors.get(near)) + len(simactors.get(far)) == 120 * MB


def test_the_last_ref_frees_the_room() -> None:
    with simactors.simulate(config=config(store_mb=100, spill_bytes_per_s=MB)):
        for _ in range(10):
            start = time.monotonic()
            ref = simactors.put(bytes(60 * MB))
            del ref
            assert time.monotonic() == start


def test_several_who_fill_a_store_at_once_keep_it_within_its_capacity(results) -> None:
    def program() -> list[int]:
        refs = [make.remote(3) for _ in range(12)]
        tasks = [size_of.remote(ref) for ref in refs]
        return simactors.get(tasks)

    assert results(program, config=config(store_mb=10, spill_bytes_per_s=MB)) == [[3 * MB] * 12] * 4

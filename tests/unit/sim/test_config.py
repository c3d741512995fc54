"""`SimConfig`: every knob does what its docstring says, in runs, and refuses what makes no sense.

Nodes, stores, work and the network have files of their own.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

import simactors
from simactors import exceptions
from simactors.sim.config import Latency, LinkConfig, NodeConfig, SimConfig
from simactors.sim.distributions import Constant, Empirical
from simactors.util.scheduling_strategies import NodeAffinitySchedulingStrategy

NO_LATENCY = Latency(low_s=0, high_s=0, jitter_s=0)


def on(number: int) -> Any:
    return NodeAffinitySchedulingStrategy(node_id=f"{number:056x}", soft=False)


@simactors.remote
def task() -> float:
    return time.monotonic()


@simactors.remote
class Actor:
    def ask(self) -> float:
        return time.monotonic()


def duration(config: SimConfig, node: int = 1) -> float:
    """How long a call of an actor on a node takes, there and back."""
    with simactors.simulate(config=config):
        actor = Actor.options(scheduling_strategy=on(node)).remote()
        simactors.get(actor.ask.remote())
        start = time.monotonic()
        simactors.get(actor.ask.remote())
        return round(time.monotonic() - start, 6)


# Latency


def test_latency_is_what_the_config_says() -> None:
    assert duration(SimConfig(latency=Latency(low_s=1, high_s=1, jitter_s=0))) == 2.0
    assert duration(SimConfig(latency=NO_LATENCY)) < 1e-6
    jittered = duration(SimConfig(latency=Latency(low_s=1, high_s=1, jitter_s=1)))
    assert 2 < jittered < 4
    extra = Latency(low_s=1, high_s=1, extra=Empirical([0.25]))
    assert duration(SimConfig(latency=extra)) == 2.5


def test_links_between_nodes_and_zones_have_latencies_of_their_own() -> None:
    nodes = (NodeConfig(zone="a"), NodeConfig(zone="b"), NodeConfig(zone="c"))
    links = (
        LinkConfig(between=("a", "b"), latency=Latency(low_s=1, high_s=1, jitter_s=0)),
        LinkConfig(between=("node-3", "node-1"), latency=Latency(low_s=2, high_s=2, extra=Constant(0.5))),
    )
    config = SimConfig(nodes=nodes, links=links, latency=NO_LATENCY)
    assert [duration(config, node) for node in (1, 2, 3)] == pytest.approx([0.0, 2.0, 5.0], abs=1e-5)


def test_the_first_link_that_fits_holds_and_a_star_means_the_own_node_too() -> None:
    links = (
        LinkConfig(between=("node-1", "node-1"), latency=NO_LATENCY),
        LinkConfig(latency=Latency(low_s=1, high_s=1, jitter_s=0)),
    )
    config = SimConfig(nodes=(NodeConfig(count=2),), links=links)
    assert [duration(config, node) for node in (1, 2)] == pytest.approx([0.0, 2.0], abs=1e-5)
    assert duration(SimConfig(links=links[1:])) == pytest.approx(2.0, abs=1e-5)


def test_lost_messages_are_late_and_never_gone() -> None:
    lossy = LinkConfig(loss=0.5, retransmit_s=10.0)
    with simactors.simulate(seed=1, config=SimConfig(links=(lossy,))):
        actor = Actor.remote()
        found = [round(at, -1) for at in simactors.get([actor.ask.remote() for _ in range(100)])]
    assert found == sorted(found)  # still in order
    assert found[0] < found[-1]  # a late one holds up those behind it, and no others
    assert duration(SimConfig(links=(LinkConfig(loss=0.0, retransmit_s=10.0),))) < 1


# Processes, time, limits


def test_processes_take_their_time_to_start_and_idle_workers_need_none() -> None:
    config = SimConfig(process_start=Constant(3.0), latency=NO_LATENCY)
    with simactors.simulate(config=config):
        assert simactors.get(task.remote()) == pytest.approx(3.0)
        assert simactors.get(task.remote()) == pytest.approx(3.0)
        actor = Actor.remote()
        assert simactors.get(actor.ask.remote()) == pytest.approx(6.0)
    with simactors.simulate(config=SimConfig(latency=NO_LATENCY)):
        assert simactors.get(task.remote()) == pytest.approx(0.0, abs=1e-6)


def test_clocks_differ_as_the_config_says_and_only_the_time_of_day_shows_it() -> None:
    nodes = (NodeConfig(), NodeConfig(clock_offset_s=-5, clock_drift_ppm=1000))

    @simactors.remote
    def clocks() -> tuple[float, float]:
        return time.time(), time.monotonic()

    with simactors.simulate(config=SimConfig(nodes=nodes, latency=NO_LATENCY, epoch_s=1000)):
        time.sleep(100)
        assert time.time() == pytest.approx(1100)
        wall, steady = simactors.get(clocks.options(scheduling_strategy=on(2)).remote())
        assert wall == pytest.approx(1100 - 5 + 0.1)
        assert steady == pytest.approx(100)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (SimConfig(max_steps=50), "limit of 50 steps"),
        (SimConfig(max_virtual_time_s=1.0), "limit of 1s of virtual time"),
        (SimConfig(max_tasks=5), "limit of 5 tasks"),
    ],
)
def test_limits_end_a_run(config: SimConfig, message: str) -> None:
    def run() -> None:
        with simactors.simulate(config=config):
            actor = Actor.remote()
            for _ in range(1000):
                simactors.get(actor.ask.remote())
                time.sleep(0.1)

    with pytest.raises(exceptions.LimitError, match=message):
        run()


def test_only_the_last_trace_records_stay_readable() -> None:
    with simactors.simulate(config=SimConfig(trace_records=3)) as sim:
        simactors.get([task.remote() for _ in range(5)])
    assert len(sim.last_records(100)) == 3


# What nodes have


def test_nodes_are_as_the_config_says() -> None:
    nodes = (
        NodeConfig(num_cpus=1),
        NodeConfig(count=2, num_cpus=2, num_gpus=1, resources={"disk": 3}, labels={"kind": "fast"}),
    )
    with simactors.simulate(config=SimConfig(nodes=nodes)):
        total = simactors.cluster_resources()
        assert (total["CPU"], total["GPU"], total["disk"]) == (5, 2, 6)
        rows = simactors.nodes()
        assert [row["Labels"].get("kind") for row in rows] == [None, "fast", "fast"]
        assert [row["Alive"] for row in rows] == [True] * 3


def test_init_sizes_every_node() -> None:
    with simactors.simulate(config=SimConfig(nodes=(NodeConfig(num_cpus=1), NodeConfig(num_cpus=2)))):
        assert simactors.cluster_resources()["CPU"] == 3
        simactors.shutdown()
        simactors.init(num_cpus=4)
        assert simactors.cluster_resources()["CPU"] == 8


# What makes no sense


@pytest.mark.parametrize(
    "make",
    [
        lambda: SimConfig(num_cpus=0),
        lambda: SimConfig(detection_s=0),
        lambda: SimConfig(max_steps=0),
        lambda: SimConfig(spill_bytes_per_s=0),
        lambda: NodeConfig(count=0),
        lambda: NodeConfig(num_cpus=-1),
        lambda: NodeConfig(slowness=0),
        lambda: NodeConfig(memory_bytes=0),
        lambda: Latency(low_s=2, high_s=1),
        lambda: Latency(low_s=-1),
        lambda: Latency(jitter_s=-1),
        lambda: LinkConfig(loss=1.0),
        lambda: LinkConfig(duplication=-0.1),
        lambda: LinkConfig(between=("a",)),  # type: ignore[arg-type]
        lambda: LinkConfig(bandwidth_bytes_per_s=0),
        lambda: LinkConfig(retransmit_s=-1),
    ],
)
def test_values_that_make_no_sense_are_refused(make: Any) -> None:
    with pytest.raises(ValueError, match="needs"):
        make()


def test_things_of_the_wrong_kind_are_refused() -> None:
    with pytest.raises(TypeError, match="tuple of NodeConfig"):
        SimConfig(nodes=("node-1",))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="tuple of LinkConfig"):
        SimConfig(links=(NodeConfig(),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "make",
    [
        lambda: SimConfig(detection_s=float("inf")),
        lambda: SimConfig(epoch_s=float("nan")),
        lambda: NodeConfig(num_cpus=float("inf")),
        lambda: NodeConfig(resources={"a": -4}),
        lambda: NodeConfig(resources={"CPU": 3}),
        lambda: LinkConfig(retransmit_s=1e300),
        lambda: SimConfig(memory_use={"M.f": -5}),
        lambda: SimConfig(service_times={"M.f": 3}),  # type: ignore[dict-item]  # wrong on purpose
    ],
)
def test_numbers_that_nothing_can_be_done_with_are_refused(make: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=r"needs|knob"):
        make()


def test_a_limit_of_tasks_is_noticed_at_once() -> None:
    ran = []

    @simactors.remote
    def note(i: int) -> None:
        ran.append(i)

    def note_all() -> None:
        for i in range(100):
            simactors.get(note.remote(i))

    with simactors.simulate(config=SimConfig(max_tasks=3)), pytest.raises(exceptions.LimitError):
        note_all()
    assert len(ran) <= 4

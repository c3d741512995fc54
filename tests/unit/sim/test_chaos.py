"""Random programs under random faults: whatever goes wrong, every call is answered, and the run repeats.

Goal: find what no single test thinks of: an invocation in two places at once, a wake-up that is lost, a process that
is ended in the middle of something. Method: the program and the plan are drawn from the seed; a call that is never
answered is a deadlock, a fault of ours an `InternalError`, and a call without retries must not have run twice.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from typing import Any

import pytest

import simactors
from simactors import FaultPlan, Latency, LinkConfig, NodeConfig, SimConfig, exceptions
from simactors.distributions import Uniform
from simactors.faults import (
    CrashNode,
    CrashProcess,
    Cut,
    FailCall,
    Fault,
    LoseObject,
    Partition,
    Pause,
)
from simactors.util.scheduling_strategies import NodeAffinitySchedulingStrategy

SEEDS = range(150)
RUNS: Counter[str] = Counter()  # how often each call has run, in whichever process


class _Plain:
    def add(self, key: str, seconds: float, _: Any = None) -> str:
        RUNS[key] += 1
        time.sleep(seconds)
        return key


@simactors.remote
class Plain(_Plain):
    def large(self, key: str) -> bytes:
        RUNS[key] += 1
        return b"x" * 200_000

    def forward(self, key: str, seconds: float, other: Any) -> str:
        RUNS[key] += 1
        return str(simactors.get(other.add.remote(f"{key}/c", seconds)))

    def stream(self, key: str) -> Any:
        RUNS[key] += 1
        for number in range(4):
            time.sleep(0.3)
            yield number


@simactors.remote(max_concurrency=3)
class Threads(_Plain):
    pass


@simactors.remote
class Async:
    async def add(self, key: str, seconds: float, _: Any = None) -> str:
        RUNS[key] += 1
        await asyncio.sleep(seconds)
        return key


@simactors.remote
def task(key: str, seconds: float, _: Any = None) -> str:
    RUNS[key] += 1
    time.sleep(seconds)
    return key


@simactors.remote
def large_task(key: str, seconds: float) -> bytes:
    RUNS[key] += 1
    time.sleep(seconds)
    return b"y" * 200_000


@simactors.remote
def nested(key: str, seconds: float) -> str:
    RUNS[key] += 1
    return str(simactors.get(task.remote(f"{key}/n", seconds)))


def draw_faults(draw: random.Random) -> FaultPlan:
    node, at_s = draw.choice(["node-2", "node-3"]), draw.uniform(0, 12)
    for_s = draw.choice([0.5, 3.0, 8.0])
    call = draw.choice(["*", "Plain.*", "task", "Async.*"])
    kinds: list[Fault] = [
        CrashProcess(process=draw.choice(["*", "Plain", "Plain#1", "task", "Async"]), at_s=at_s),
        CrashProcess(before_call=draw.randint(1, 12), call=call),
        CrashProcess(after_call=draw.randint(1, 12), call=call),
        CrashNode(node=node, at_s=at_s, back_after_s=draw.choice([None, 0.5, 4.0])),
        Pause(node=draw.choice([node, "node-1"]), at_s=at_s, for_s=for_s),
        Pause(process=draw.choice(["*", "Plain", "driver", "task"]), at_s=at_s, for_s=for_s),
        Cut(source="*", target=draw.choice([node, "node-1"]), at_s=at_s, for_s=for_s),
        Partition(groups=((node,),), at_s=at_s, for_s=for_s),
        FailCall(call=call, lost=draw.choice(["request", "reply", "late"]), probability=0.2),
        LoseObject(of=draw.choice(["*", "task", "large_task", "put()"]), nth=draw.randint(1, 4)),
    ]
    return FaultPlan(tuple(draw.sample(kinds, draw.randint(0, 5))))


def draw_config(draw: random.Random) -> SimConfig:
    more: dict[str, Any] = {}
    if draw.random() < 0.3:
        more["process_start"] = Uniform(0.1, 1.0)
    if draw.random() < 0.3:
        more["latency"] = Latency(low_s=0.05, high_s=0.5, jitter_s=0.5)
    if draw.random() < 0.3:
        more["links"] = (LinkConfig(loss=0.1, bandwidth_bytes_per_s=1e6, duplication=0.2),)
    if draw.random() < 0.3:
        more["service_times"] = {"*": Uniform(0, 0.3)}
    nodes = (NodeConfig(num_cpus=3, count=3, object_store_bytes=500_000),)
    return SimConfig(nodes=nodes, detection_s=2.0, max_steps=100_000, spill_bytes_per_s=1e6, **more)


def draw_actor(draw: random.Random, cls: Any) -> tuple[Any, int]:
    retries = draw.choice([0, 0, 1, -1])
    on = NodeAffinitySchedulingStrategy(node_id=f"{draw.randint(1, 3):056x}", soft=True)
    options = {"max_restarts": draw.choice([0, 1, -1]), "max_task_retries": retries}
    return cls.options(scheduling_strategy=on, **options).remote(), retries


def run_program(draw: random.Random) -> list[tuple[str, str]]:
    """Make calls, answer by answer; what each came to."""
    plain, *others = [draw_actor(draw, cls) for cls in (Plain, Plain, Threads, Async)]
    calls: list[tuple[str, Any, int]] = []
    for number in range(draw.randint(10, 40)):
        key, seconds = f"call {number}", draw.choice([0, 0, 0.2, 1.5, 4])
        actor, retries = draw.choice([plain, *others])
        tries = draw.choice([0, 1, 3])
        argument = draw.choice(calls)[1] if calls else None
        ref: Any
        match draw.randint(0, 10):
            case 0 | 1:
                ref = actor.add.remote(key, seconds, argument)
            case 2:
                ref, retries = plain[0].large.remote(key), plain[1]
            case 3:
                ref, retries = plain[0].forward.remote(key, seconds, draw.choice(others)[0]), plain[1]
            case 4 | 5:
                ref, retries = task.options(max_retries=tries).remote(key, seconds, argument), tries
            case 6:
                ref, retries = large_task.options(max_retries=tries).remote(key, seconds), tries
            case 7:
                ref, retries = nested.options(max_retries=tries).remote(key, seconds), tries
            case 8:
                ref, retries = simactors.put(b"z" * 150_000), 0
            case 9 if calls:
                simactors.cancel(draw.choice(calls)[1])
                continue
            case _:
                time.sleep(draw.choice([0.5, 2, 5]))
                continue
        calls.append((key, ref, retries))
    stream = plain[0].stream.options(num_returns="streaming").remote("stream")
    found = [(key, answer(lambda ref=ref: simactors.get(ref))) for key, ref, _ in calls]  # type: ignore[misc]
    found.append(("stream", answer(lambda: [simactors.get(ref) for ref in stream])))
    time.sleep(15)  # zombies and ghosts come to their end
    twice = [key for key, _, retries in calls if retries == 0 and RUNS[key] > 1]
    assert not twice, f"ran twice without retries: {twice}"
    return found


def answer(get: Any) -> str:
    try:
        return str(get())[:50]
    except exceptions.RayError as error:
        return type(error).__name__


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_goes_wrong_every_call_is_answered_and_the_run_repeats(seed: int) -> None:
    runs = []
    for _ in range(2):
        RUNS.clear()
        draw = random.Random(seed)
        faults, config = draw_faults(draw), draw_config(draw)
        with simactors.simulate(seed=seed, config=config, faults=faults) as sim:
            found = run_program(draw)
        runs.append((sim.digest, found))
    assert runs[0] == runs[1]

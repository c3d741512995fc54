"""Every planted bug can be met, and no twin ever fails: on the programs in `programs/`.

A bug counts as met as soon as one of some seeds, with one of the faults listed here for it, fails: which one that is
may change with the simulator. Twins run under random faults of the kinds that their bug needs.
"""

from __future__ import annotations

import importlib
import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest

import simactors as ray
from simactors.exceptions import Finding
from simactors.faults import CrashProcess, Cut, FailCall, Fault, Pause
from tests.power.programs import PLANTED, Planted

MOST_SEEDS = 200
SEEDS_OF_A_TWIN = {"raft.py": 4, "reorder.py": 6}  # the longer ones
FEW_S = [0.0004 * n for n in range(1, 12)]  # the moments in which short programs do something
ANY_ORDER = ray.Latency(low_s=0, high_s=0, jitter_s=1.0)
TWINS = {(planted.file, planted.twin): planted for planted in PLANTED}


def pauses(*processes: str) -> list[Fault]:
    return [Pause(process=process, at_s=at_s, for_s=1.0) for at_s in FEW_S for process in processes]


def crashes(process: str) -> list[Fault]:
    return [CrashProcess(process=process, at_s=at_s) for at_s in FEW_S]


def lost_replies(call: str) -> list[Fault]:
    return [FailCall(call=call, lost=lost, nth=1) for lost in ("reply", "late")]


NEEDED: dict[str, list[Fault]] = {
    "staggered.py:staggered_5": pauses("first"),
    "staggered.py:staggered_20": pauses("first"),
    "staggered.py:staggered_50": pauses("first"),
    "staggered.py:staggered_same_20": pauses("first"),
    "passed_over.py:passed_over_5": pauses("arriving"),
    "passed_over.py:passed_over_10": pauses("arriving"),
    "passed_over.py:passed_over_20": pauses("arriving"),
    "impatient.py:twice": pauses("Bank"),
    "lease.py:unfenced": pauses("worker-1", "worker-2"),
    "lease.py:unfenced_3": pauses("worker-1", "worker-2"),
    "retry.py:retried": [CrashProcess(process="Till", after_call=1), *lost_replies("Till.pay")],
    "retry.py:caught": [CrashProcess(process="Till", after_call=1), *lost_replies("Till.pay")],
    "early_ack.py:early": crashes("Consumer"),
    "two_phase.py:forgetful": crashes("Coordinator"),
    "saga.py:uncompensated": [*crashes("Agency"), *lost_replies("Seller.book")],
    "barrier.py:counted": lost_replies("Barrier.arrive"),
    "raft.py:stale_term": [Pause(process=f"actor-{n}", at_s=0.6, for_s=1.0) for n in range(2, 8)],
    "raft.py:forgotten_vote": [CrashProcess(process=f"actor-{n}", at_s=0.15) for n in range(2, 8)],
}
"""What it takes to meet a bug, if the orders of messages that a seed brings are not enough: one fault of these."""


def function_of(file: str, name: str) -> Callable[[], None]:
    module = importlib.import_module(f"tests.power.programs.{file.removesuffix('.py')}")
    function: Callable[[], None] = getattr(module, name)
    return function


def failure_of(
    program: Callable[[], None], planted: Planted, seed: int, *faults: Fault, **config: Any
) -> BaseException | None:
    """What one run of a program comes to."""
    nodes = (ray.NodeConfig(count=planted.nodes),)
    simulated = ray.simulate(
        seed,
        config=ray.SimConfig(nodes=nodes, preemption="stores", **config),
        faults=ray.FaultPlan(faults),
    )
    try:
        with simulated:
            program()
    except (AssertionError, ray.exceptions.RayError, Finding) as error:
        return error
    return None


def random_faults(kinds: tuple[str, ...], chance: random.Random) -> list[Fault]:
    """One of each kind; the kinds are those of `Planted.faults`, and the nodes three."""
    at_s, for_s = chance.uniform(0, 3), chance.uniform(0, 6)
    node, other = chance.sample(["node-1", "node-2", "node-3"], 2)
    when = chance.choice(["before_call", "after_call"])
    makers: dict[str, Callable[[], Fault]] = {
        "delay": lambda: Pause(process=f"worker-{chance.randint(1, 3)}", at_s=at_s / 100, for_s=for_s),
        "crash": lambda: CrashProcess(**{when: chance.randint(1, 30)}),  # type: ignore[arg-type]  # one of the two
        "node": lambda: ray.faults.CrashNode(node=f"node-{chance.randint(2, 3)}", at_s=at_s, back_after_s=1),
        "partition": lambda: Cut(source=node, target=other, at_s=at_s, for_s=for_s, both_ways=at_s < 1.5),
        "rpc": lambda: FailCall(
            call="*", lost=chance.choice(["request", "reply", "late"]), nth=chance.randint(1, 40)
        ),
    }
    return [makers[kind]() for kind in kinds if kind != "none"]


@pytest.mark.parametrize("planted", PLANTED, ids=str)
def test_a_planted_bug_can_be_met(planted: Planted) -> None:
    program = function_of(planted.file, planted.function)
    needed: list[tuple[Fault, ...]] = [(fault,) for fault in NEEDED.get(str(planted), [])] or [()]
    tries = itertools.islice(itertools.product(range(MOST_SEEDS), needed), MOST_SEEDS)
    assert any(failure_of(program, planted, seed, *faults) for seed, faults in tries)


@pytest.mark.parametrize("planted", TWINS.values(), ids=lambda planted: f"{planted.file}:{planted.twin}")
@pytest.mark.parametrize("latency", [ray.Latency(), ANY_ORDER], ids=["quick", "slow"])
def test_a_twin_never_fails(planted: Planted, latency: ray.Latency) -> None:
    program = function_of(planted.file, planted.twin)
    for seed in range(SEEDS_OF_A_TWIN.get(planted.file, 12)):
        faults = random_faults(planted.faults, random.Random(seed))
        failure = failure_of(program, planted, seed, *faults, latency=latency)
        assert failure is None, f"seed {seed}, {faults}: {failure}"


@pytest.mark.parametrize("kinds", [("crash", "rpc"), ("node", "delay"), ("partition", "crash")], ids="+".join)
@pytest.mark.parametrize("name", ["correct", "correct_5", "correct_duel", "correct_move"])
def test_raft_keeps_its_promises_whatever_fails(name: str, kinds: tuple[str, ...]) -> None:
    program, planted = function_of("raft.py", name), next(p for p in PLANTED if p.file == "raft.py")
    for seed in range(3):
        faults = random_faults(kinds, random.Random(seed))
        failure = failure_of(program, planted, seed, *faults, detection_s=1.0)
        assert failure is None, f"seed {seed}, {faults}: {failure}"


def test_the_table_names_what_is_there() -> None:
    for planted in PLANTED:
        assert planted.path.is_file()
        assert callable(function_of(planted.file, planted.function))
        assert callable(function_of(planted.file, planted.twin))
    assert set(NEEDED) <= {str(planted) for planted in PLANTED}

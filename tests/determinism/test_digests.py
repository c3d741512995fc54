"""The same seed gives the same run: in one process, in another, under another hash seed.

Method: a program with actors that call each other, tasks, retries, deaths, waits and time-outs; its digests must agree.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, sys, time
import simactors as ray

@ray.remote
class Node:
    def __init__(self, name):
        self.name, self.peers, self.log = name, [], []
    def join(self, peers):
        self.peers = peers
    def gossip(self, rumour, hops):
        self.log.append(rumour)
        if hops:
            return sum(ray.get([p.hear.remote(rumour + self.name) for p in self.peers]))
        return 1
    def hear(self, rumour):
        time.sleep(0.0001 * len(self.log))
        self.log.append(rumour)
        return len(self.log)
    def die(self):
        os._exit(1)

@ray.remote(retry_exceptions=True)
def work(node, n):
    got = ray.get(node.hear.remote(str(n)))
    if got % 3 == 0:
        raise ValueError(got)
    return got

def main():
    nodes = [Node.remote(f"n{i}") for i in range(4)]
    for i, node in enumerate(nodes):
        node.join.remote([p for p in nodes if p != node and p != nodes[(i + 1) % 4]])
    refs = [work.options(max_retries=5).remote(nodes[i % 4], i) for i in range(12)]
    refs += [node.gossip.remote("r", 1) for node in nodes[::2]]
    ready, rest = ray.wait(refs, num_returns=5, timeout=0.01)
    nodes[3].die.remote()
    ended = []
    for ref in ready + rest:
        try:
            ended.append(ray.get(ref, timeout=1))
        except Exception as error:
            ended.append(type(error).__name__)
    return ended

def run(seed):
    with ray.simulate(seed=seed) as sim:
        ended = main()
        return sim.digest, sim.steps, sim.now_s, ended
"""


def run_here(seed: int) -> object:
    namespace: dict[str, object] = {"__name__": "program"}
    exec(PROGRAM, namespace)
    return namespace["run"](seed)  # type: ignore[operator]


def run_elsewhere(seed: int, hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    code = f"{PROGRAM}\nprint(repr(run({seed})))"
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_a_seed_repeats_in_one_process(seed: int) -> None:
    assert run_here(seed) == run_here(seed)


def test_another_seed_is_another_run() -> None:
    assert len({repr(run_here(seed)) for seed in range(10)}) == 10


@pytest.mark.parametrize("seed", [0, 7])
def test_a_seed_repeats_in_other_processes_under_other_hash_seeds(seed: int) -> None:
    runs = {run_elsewhere(seed, hash_seed) for hash_seed in ("0", "1", "random")}
    assert runs == {repr(run_here(seed))}

"""Raft's election of leaders: one at most in each term, although machines crash and the network falls apart.

Nodes ask each other for votes when they have heard of no leader for a while. What a node has promised lies on its disk,
an actor that survives it.

    simactors run scenarios/raft_election
"""

import asyncio
import random
import time

import simactors as ray
from simactors.exceptions import RayError

NODES = 5
HEARTBEAT_S = 0.05
PATIENCE_S = (0.15, 0.3)
RUN_S = 4.0


@ray.remote
class Disk:
    """Keeps a node's term and vote."""

    def __init__(self):
        self.term, self.voted_for = 0, None

    def read(self):
        return self.term, self.voted_for

    def write(self, term, voted_for):
        self.term, self.voted_for = term, voted_for


@ray.remote
class Observer:
    """Hears who leads when."""

    def __init__(self):
        self.leaders = {}  # term -> names

    def leads(self, name, term):
        self.leaders.setdefault(term, set()).add(name)

    def report(self):
        return {term: sorted(names) for term, names in self.leaders.items()}


@ray.remote(max_restarts=-1, max_task_retries=0)
class Node:
    """One voter.

    Args:
        votes_twice: forgets, in the same term, whom it has voted for.
    """

    def __init__(self, name, disk, observer, votes_twice):
        self.name, self.disk, self.observer = name, disk, observer
        self.votes_twice = votes_twice
        self.peers = []
        self.leader = None
        self.term, self.voted_for = ray.get(disk.read.remote())
        self.heard_at = None

    async def run(self, peers, for_s):
        """Wait for a leader; if none shows up, become one."""
        self.peers = peers
        loop = asyncio.get_running_loop()
        self.heard_at = loop.time()
        until = loop.time() + for_s
        while loop.time() < until:
            patience_s = random.uniform(*PATIENCE_S)
            await asyncio.sleep(HEARTBEAT_S if self.leader == self.name else patience_s)
            if self.leader == self.name:
                for peer in self.peers.values():
                    peer.heartbeat.remote(self.name, self.term)
            elif loop.time() - self.heard_at >= patience_s:
                await self.campaign()

    async def campaign(self):
        self.leader = None
        await self.remember(self.term + 1, self.name)
        term = self.term
        votes = await asyncio.gather(*(self.ask(peer, term) for peer in self.peers.values()))
        if self.term == term and 1 + sum(votes) > NODES // 2:
            self.leader = self.name
            self.observer.leads.remote(self.name, term)

    async def ask(self, peer, term):
        try:
            return await asyncio.wait_for(peer.vote.remote(self.name, term), PATIENCE_S[0])
        except (RayError, TimeoutError):
            return False

    async def vote(self, name, term):
        if term < self.term:
            return False
        if term > self.term:
            self.leader = None
            self.term, self.voted_for = term, None
        if self.voted_for not in (None, name) and not self.votes_twice:
            return False
        await self.remember(term, name)
        self.heard_at = asyncio.get_running_loop().time()
        return self.voted_for == name and self.term == term

    async def heartbeat(self, name, term):
        if term >= self.term:
            if term > self.term:
                await self.remember(term, None)
            self.leader = name
            self.heard_at = asyncio.get_running_loop().time()

    async def remember(self, term, voted_for):
        """On the disk before anybody hears of it."""
        self.term, self.voted_for = term, voted_for
        await self.disk.write.remote(term, voted_for)

    async def leads(self):
        return self.leader == self.name


def start(votes_twice):
    """A node on each machine; disks and the observer survive."""
    ray.init()
    place = {"num_cpus": 0, "resources": {"node": 1}} if "node" in ray.cluster_resources() else {}
    observer = Observer.remote()
    nodes = {}
    for number in range(NODES):
        options = Node.options(**place)
        nodes[number] = options.remote(number, Disk.remote(), observer, votes_twice)
    return observer, nodes, time.monotonic() + RUN_S


def live(service, client):
    """A client for each node: lets it take part, again when it has crashed."""
    _, nodes, until = service
    peers = {name: node for name, node in nodes.items() if name != client}
    while (left_s := until - time.monotonic()) > 0:
        try:
            ray.get(nodes[client].run.remote(peers, left_s))
        except RayError:
            time.sleep(HEARTBEAT_S)  # until it has started anew


def one_leader_a_term(service):
    leaders = ray.get(service[0].report.remote())
    print(f"leaders of the terms: {leaders}")
    assert leaders, "nobody was ever elected"
    several = {term: names for term, names in leaders.items() if len(names) > 1}
    assert not several, f"terms with several leaders: {several}"

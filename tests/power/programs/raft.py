"""Raft: a replicated log with elections (Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm").

Nodes are plain actors that only send messages and never wait for one another; what would be the answer to a request
is a message of its own. Each has a disk, an actor too, which outlives the node's process: term, vote and log are
written there before anybody hears of them, and a node that restarts reads them back. A node that can't write to its
disk ends itself. The driver is the clock: it ticks the nodes now and then, and offers commands to all, which a leader
takes.

Properties: a term has at most one leader; what is committed at an index is the same at all nodes and for ever. An
observer checks them on what nodes report at once.

Bugs to plant:
    duplicate_vote: counts answers, not voters. Needs a vote that comes twice: a request that is sent again because the
        answer is late, or a lost reply. Five nodes: of three, two make a majority anyway.
    stale_term: takes votes of an earlier term. Needs a vote that is late by more than an election timeout.
    forgotten_vote: the vote is not on the disk. Needs a crash between two requests for votes of the same
        term, of the voter or of the leader who has given itself a vote. The driver lets two nodes ask at once.
    figure_8: commits an entry of an earlier term as soon as most have it (figure 8 of the paper). Needs a leader that
        loses its office and regains it, while the one between them has an entry that nobody else has. The driver moves
        the office to and fro, and leaders send little: chance is enough.
"""

import os
import random
import time
import uuid
from typing import NamedTuple

import simactors as ray
from simactors.exceptions import RayError

TICK_S = 0.3
SETTLE_S = 3.0


class Entry(NamedTuple):
    """A command, and the term whose leader took it."""

    term: int
    command: str


class Ballot(NamedTuple):
    """What a candidate tells of itself."""

    term: int
    name: int
    last_term: int
    length: int


class Batch(NamedTuple):
    """What a leader sends: the entries that follow the first `length`, the last of which is of `last_term`."""

    term: int
    name: int
    length: int
    last_term: int
    entries: tuple
    committed: int


@ray.remote(max_task_retries=3)
class Disk:
    """Keeps the state of one node. Only the process that opened it last may write; writes are numbered."""

    def __init__(self):
        self.owners = []
        self.number = 0
        self.state = (0, None, ())

    def open(self, owner):
        if owner not in self.owners:
            self.owners.append(owner)
            self.number = 0
        return self.state

    def write(self, owner, number, state):
        """Whether it is written; writing it twice, or a late copy of it, does no harm."""
        if owner != self.owners[-1]:
            return False
        if number > self.number:
            self.number, self.state = number, state
        return True


@ray.remote(max_restarts=3, max_task_retries=1, scheduling_strategy="SPREAD")
class Node:
    """One member of the cluster. The log's positions count from 0; `committed` is how many entries are."""

    def __init__(self, name, size, patience, bug, disk, observer):
        self.name, self.size, self.patience, self.bug = name, size, patience, bug
        self.disk, self.owner, self.writes = disk, uuid.uuid4().hex, 0
        self.observer = observer
        self.term, self.voted_for, self.log = ray.get(disk.open.remote(self.owner))
        self.me = ray.get_runtime_context().current_actor
        self.peers = {}
        self.role = "follower"
        self.committed = 0
        self._wait_for_others()

    # What the driver sends

    def tick(self, peers):
        """A moment has passed."""
        self.peers = peers
        self.ticks_left -= 1
        if self.role == "leader":
            for peer in peers:
                self.send_log(peer)
        elif self.ticks_left <= 0:
            self.campaign(peers)
        elif self.role == "candidate":
            self._ask_for_votes()

    def propose(self, command):
        if self.role == "leader":
            self.log += (Entry(self.term, command),)
            self._save()
            self._count_copies()

    # Elections

    def campaign(self, peers):
        """Ask for the votes of a new term: out of impatience, or because the driver moves the office."""
        self.peers = peers
        self.term += 1
        self.voted_for = self.name
        self.role = "candidate"
        self.votes = [self.name]
        self._save()
        self._wait_for_others()
        self._ask_for_votes()

    def _ask_for_votes(self):
        """Of everybody, at every tick: requests and answers may have been lost."""
        ballot = Ballot(self.term, self.name, self._last_term(len(self.log)), len(self.log))
        for peer in self.peers.values():
            peer.request_vote.remote(self.me, ballot)

    def request_vote(self, candidate, ballot):
        self._see(ballot.term)
        up_to_date = (ballot.last_term, ballot.length) >= (self._last_term(len(self.log)), len(self.log))
        granted = ballot.term == self.term and self.voted_for in (None, ballot.name) and up_to_date
        if granted and self.voted_for is None:
            self.voted_for = ballot.name
            self._save()
            self._wait_for_others()
        candidate.vote.remote(self.term if granted else max(self.term, ballot.term), self.name, granted)

    def vote(self, term, voter, granted):
        self._see(term)
        is_awaited = self.role == "candidate" and term == self.term
        if self.bug == "stale_term":
            is_awaited = self.role != "leader"
        if not granted or not is_awaited:
            return
        if voter not in self.votes or self.bug == "duplicate_vote":
            self.votes.append(voter)
        if len(self.votes) > self.size // 2:
            self._lead()

    def _lead(self):
        """From the next tick on, the others hear of it."""
        self.role = "leader"
        self.observer.leads.remote(self.name, self.term)
        self.copied = dict.fromkeys(self.peers, 0)  # how much of the log each is known to have
        self.next = dict.fromkeys(self.peers, len(self.log))  # from where on each is sent it

    # The log

    def send_log(self, name):
        """To one follower: what it has not got, as far as is known."""
        if self.role == "leader":
            start = self.next[name]
            batch = Batch(
                self.term, self.name, start, self._last_term(start), self.log[start:], self.committed
            )
            self.peers[name].append.remote(self.me, batch)

    def append(self, leader, batch):
        self._see(batch.term)
        if batch.term < self.term:
            leader.appended.remote(self.term, self.name, 0, False)
            return
        self.role = "follower"
        self._wait_for_others()
        end = batch.length + len(batch.entries)
        if len(self.log) < batch.length or self._last_term(batch.length) != batch.last_term:
            leader.appended.remote(self.term, self.name, min(len(self.log), batch.length - 1), False)
            return
        if self.log[batch.length : end] != batch.entries:  # a late batch must not cut off what came since
            self.log = self.log[: batch.length] + batch.entries
            self._save()
        self._commit(min(batch.committed, end))
        leader.appended.remote(self.term, self.name, end, True)

    def appended(self, term, name, length, fits):
        """A follower has the first `length` entries; or what it has fits no longer than that."""
        self._see(term)
        if self.role != "leader" or term != self.term:
            return
        if fits:
            self.copied[name] = max(self.copied[name], length)
            self.next[name] = max(self.next[name], length)
            self._count_copies()
        else:
            self.next[name] = max(self.copied[name], min(self.next[name], length))
            self.send_log(name)

    def _count_copies(self):
        """Commit what most have; entries of earlier terms only together with one of this term."""
        copied = sorted([len(self.log), *self.copied.values()], reverse=True)
        by_most = copied[self.size // 2]
        if self._last_term(by_most) == self.term or self.bug == "figure_8":
            self._commit(by_most)

    def _commit(self, length):
        if length > self.committed:
            self.committed = length
            self.observer.commits.remote(self.name, self.log[:length])

    # State

    def _see(self, term):
        """Whoever hears of a later term follows in it."""
        if term > self.term:
            self.term, self.voted_for, self.role = term, None, "follower"
            self._save()

    def _wait_for_others(self):
        self.ticks_left = random.randint(*self.patience)

    def _last_term(self, length):
        return self.log[length - 1].term if length else 0

    def _save(self):
        """Returns when it is on the disk; a node that does not know that must not go on."""
        self.writes += 1
        vote = None if self.bug == "forgotten_vote" else self.voted_for
        state = (self.term, vote, self.log)
        try:
            written = ray.get(self.disk.write.remote(self.owner, self.writes, state))
        except RayError:
            written = False
        if not written:
            os._exit(1)


@ray.remote
class Observer:
    """Holds what nodes report against the properties; `findings` is what it saw go wrong."""

    def __init__(self):
        self.leaders = {}
        self.log = ()
        self.findings = []

    def leads(self, name, term):
        other = self.leaders.setdefault(term, name)
        if other != name:
            self.findings.append(f"term {term} has two leaders: {other} and {name}")

    def commits(self, name, log):
        shared = min(len(log), len(self.log))
        if log[:shared] != self.log[:shared]:
            self.findings.append(f"committed was {self.log}, and is {log} at {name}")
        self.log = max(self.log, log, key=len)

    def report(self):
        return self.findings, self.leaders, self.log


class Cluster:
    """The nodes and who observes them."""

    def __init__(self, size, bug, patience=(1, 1)):
        self.observer = Observer.remote()
        names = range(1, size + 1)
        self.nodes = {n: Node.remote(n, size, patience, bug, Disk.remote(), self.observer) for n in names}

    def peers(self, name):
        return {other: node for other, node in self.nodes.items() if other != name}

    def check(self):
        time.sleep(SETTLE_S)
        try:
            findings, leaders, log = ray.get(self.observer.report.options(max_task_retries=3).remote())
        except RayError:
            return  # the observer is lost, with all that it saw
        print(f"leaders of the terms: {leaders}; committed: {len(log)}")
        assert not findings, "; ".join(findings)


def elect(size, bug=None, *, rounds, patience):
    """Tick all nodes so many times, and offer a command every other time."""
    cluster = Cluster(size, bug, patience)
    for number in range(rounds):
        for name, node in cluster.nodes.items():
            node.tick.remote(cluster.peers(name))
            if number % 2:
                node.propose.remote(f"command {number}")
        time.sleep(TICK_S)
    cluster.check()


def duel(bug=None, *, rounds):
    """Two of three nodes lose their patience at once, again and again; the one that loses asks once more."""
    cluster = Cluster(3, bug, patience=(3, 3))
    for _ in range(rounds):
        rivals = random.sample(sorted(cluster.nodes), 2)
        for name in rivals:
            cluster.nodes[name].campaign.remote(cluster.peers(name))
        time.sleep(TICK_S)
        for name in rivals:
            cluster.nodes[name].tick.remote(cluster.peers(name))
        time.sleep(TICK_S)
    cluster.check()


def move(bug=None, *, rounds):
    """Move the office between two of three nodes, as maintenance does; a leader finds time for few messages."""
    cluster = Cluster(3, bug)
    for number in range(rounds):
        name = 1 + number % 2
        leader = cluster.nodes[name]
        leader.campaign.remote(cluster.peers(name))
        time.sleep(TICK_S)
        if number % 4 < 2:
            leader.propose.remote(f"command {number}")
        if random.random() < 0.5:
            leader.send_log.remote(random.choice(sorted(cluster.peers(name))))
        time.sleep(TICK_S)
    cluster.check()


def duplicate_vote():
    elect(5, "duplicate_vote", rounds=8, patience=(2, 3))


def stale_term():
    elect(3, "stale_term", rounds=10, patience=(1, 2))


def forgotten_vote():
    duel("forgotten_vote", rounds=4)


def figure_8():
    move("figure_8", rounds=12)


def correct():
    elect(3, rounds=12, patience=(1, 2))


def correct_5():
    elect(5, rounds=8, patience=(2, 3))


def correct_duel():
    duel(rounds=4)


def correct_move():
    move(rounds=12)

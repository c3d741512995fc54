"""A leader with a lease, on machines whose clocks do not agree; and storage that does, or does not, look at its token.

Whoever holds the lease is the leader, and may write until the lease ends by its own clock. A clock that is behind lets
a leader go on after another one has been chosen. Storage that is fenced refuses what is older than what it has seen.

    simactors run scenarios/leader_lease
"""

import itertools
import time

import simactors as ray
from simactors.exceptions import RayError

LEASE_S = 0.3


class NotLeaderError(Exception):
    """Ask again later: somebody else is, or nobody yet."""


@ray.remote
class Leases:
    """Gives the lease to one candidate after the other, by the clock of its own machine."""

    def __init__(self):
        self.holder = None
        self.token = 0
        self.until = 0.0

    def acquire(self, name):
        """(token, until) if `name` has the lease now, else None."""
        now = time.time()
        if self.holder != name and now < self.until:
            return None
        if self.holder != name or now >= self.until:
            self.token += 1
        self.holder, self.until = name, now + LEASE_S
        return self.token, self.until


@ray.remote
class Storage:
    """One value.

    Args:
        fenced: writes with an older token than the newest are refused.
    """

    def __init__(self, fenced):
        self.fenced = fenced
        self.tokens = []

    def write(self, token):
        if self.fenced and self.tokens and token < max(self.tokens):
            raise NotLeaderError(f"token {token} is older than {max(self.tokens)}")
        self.tokens.append(token)

    def history(self):
        return self.tokens


@ray.remote(max_restarts=-1)
class Candidate:
    """Leads while its lease lasts, as its own clock has it."""

    def __init__(self, name, leases, storage):
        self.name = name
        self.leases = leases
        self.storage = storage
        self.lease = (0, 0.0)

    def write(self):
        if time.time() >= self.lease[1]:
            self.lease = ray.get(self.leases.acquire.remote(self.name)) or (0, 0.0)
        if time.time() >= self.lease[1]:
            raise NotLeaderError(f"{self.name} has no lease")
        ray.get(self.storage.write.remote(self.lease[0]))
        return self.lease[0]


def elect(fenced):
    """A candidate on each machine, the lease service and the storage on the head."""
    ray.init()
    leases, storage = Leases.remote(), Storage.remote(fenced)
    place = {"num_cpus": 0, "resources": {"candidate": 1}} if "candidate" in ray.cluster_resources() else {}
    names = ("first", "second", "third")
    return storage, [Candidate.options(**place).remote(name, leases, storage) for name in names]


def write(service, rng):
    """A request: users do not know who leads, and try one after the other."""
    _, candidates = service
    for candidate in rng.sample(candidates, len(candidates)):
        try:
            return ray.get(candidate.write.remote())
        except (NotLeaderError, RayError):
            pass
    raise NotLeaderError("nobody leads")


def leaders_follow_one_another(service):
    """No write of an earlier leader after one of a later one."""
    tokens = ray.get(service[0].history.remote())
    late = [(before, after) for before, after in itertools.pairwise(tokens) if after < before]
    print(f"{len(tokens)} writes of {len(set(tokens))} leaders")
    assert not late, f"an earlier leader wrote after a later one (later, earlier): {late}"

"""A lock that expires, and a storage that trusts whoever says that it holds it.

A lock service gives leases for 0.3 s. A client that has one looks at its clock, reads from the storage, and writes.
Property: no write is taken under an older lease once a newer one has written. To break it, a client must be late
between its look at the clock and its write: a message in between is delayed, or the client stands still, until its
lease is over and another one has the next lease and has written. The twin's storage compares fencing tokens.
"""

import contextlib
import time

import simactors as ray
from simactors.exceptions import RayError

LEASE_S = 0.3
ASK_EVERY_S = 0.1
TRIES = 20


@ray.remote
class LockService:
    def __init__(self):
        self.token = 0
        self.expires_at = 0.0

    def acquire(self):
        """A token and the time until which it holds, or None."""
        now = time.time()
        if now < self.expires_at:
            return None
        self.token += 1
        self.expires_at = now + LEASE_S
        return self.token, self.expires_at


@ray.remote
class Storage:
    """Takes writes; the one that is `fenced` takes none that is older than what it has seen."""

    def __init__(self, fenced):
        self.fenced = fenced
        self.highest = 0
        self.tokens = []
        self.text = ""

    def read(self):
        return self.text

    def write(self, token, text):
        if self.fenced and token < self.highest:
            return
        self.highest = max(self.highest, token)
        self.tokens.append(token)
        self.text = text

    def history(self):
        return self.tokens


@ray.remote(scheduling_strategy="SPREAD")
def client(locks, storage):
    for _ in range(TRIES):
        lease = ray.get(locks.acquire.remote())
        if lease is not None and time.time() < lease[1]:
            text = ray.get(storage.read.remote())
            ray.get(storage.write.remote(lease[0], text + "more"))
            return
        time.sleep(ASK_EVERY_S)


def run(clients, *, fenced):
    locks, storage = LockService.remote(), Storage.remote(fenced)
    for ref in [client.remote(locks, storage) for _ in range(clients)]:
        with contextlib.suppress(
            RayError
        ):  # a client is lost; what the others write must be in order all the same
            ray.get(ref)
    try:
        tokens = ray.get(storage.history.options(max_task_retries=3).remote())
    except RayError:
        return  # the storage itself is lost
    assert tokens == sorted(tokens), f"an older lease wrote after a newer one: {tokens}"


def unfenced():
    run(2, fenced=False)


def unfenced_3():
    run(3, fenced=False)


def fenced():
    run(2, fenced=True)


def fenced_3():
    run(3, fenced=True)

"""A threaded actor that counts without a lock.

Property: n calls count n. To break it, a call must be interrupted within `self.count += 1`, which a hunt does by
default (`--preempt stores`); no order of messages and no fault does it.
"""

import threading

import simactors as ray

CALLS = 4


@ray.remote(max_concurrency=4)
class Counter:
    def __init__(self, locked):
        self.count = 0
        self.lock = threading.Lock() if locked else None

    def add(self):
        if self.lock is None:
            self.count += 1
            return
        with self.lock:
            self.count += 1

    def get(self):
        return self.count


def run(*, locked):
    counter = Counter.remote(locked)
    ray.get([counter.add.remote() for _ in range(CALLS)])
    count = ray.get(counter.get.remote())
    assert count == CALLS, f"{CALLS} calls added 1 each, and {count} is there"


def unlocked():
    run(locked=False)


def locked():
    run(locked=True)

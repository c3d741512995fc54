"""A barrier that counts arrivals, and one that is made again.

Each worker puts its part on a table, arrives at the barrier, waits until that is open, and reads the table. Property:
it finds all parts. To break it, an arrival must be counted twice, as when its reply is lost and Ray makes the call
again (`max_task_retries`), while another worker is not there yet. The twin counts names.
"""

import time

import simactors as ray
from simactors.exceptions import RayError

WORKERS = 3
LOOKS = 30
LOOK_EVERY_S = 0.05


@ray.remote(max_task_retries=3)
class Barrier:
    def __init__(self, parties, by_name):
        self.parties = parties
        self.by_name = by_name
        self.arrived = []

    def arrive(self, name):
        if not self.by_name or name not in self.arrived:
            self.arrived.append(name)

    def is_open(self):
        return len(self.arrived) >= self.parties


@ray.remote(max_task_retries=3)
class Table:
    def __init__(self):
        self.parts = set()

    def put(self, name):
        self.parts.add(name)

    def read(self):
        return self.parts


@ray.remote(scheduling_strategy="SPREAD")
def worker(name, barrier, table):
    """How many parts it found; None if the barrier did not open in time."""
    time.sleep(name * LOOK_EVERY_S * 2)
    ray.get(table.put.remote(name))
    ray.get(barrier.arrive.remote(name))
    for _ in range(LOOKS):
        if ray.get(barrier.is_open.remote()):
            return len(ray.get(table.read.remote()))
        time.sleep(LOOK_EVERY_S)
    return None


def run(*, by_name):
    barrier, table = Barrier.remote(WORKERS, by_name), Table.remote()
    for ref in [worker.remote(name, barrier, table) for name in range(WORKERS)]:
        try:
            found = ray.get(ref)
        except RayError:
            continue  # a worker, the barrier or the table is lost for good
        assert found in (None, WORKERS), f"the barrier opened when {found} of {WORKERS} parts were there"


def counted():
    run(by_name=False)


def named():
    run(by_name=True)

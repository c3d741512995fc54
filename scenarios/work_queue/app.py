"""A work queue with consumers that may crash at any moment, and two ways to get it wrong.

The queue leases each item: what is not acknowledged in time goes to somebody else. So every item is processed at least
once, sometimes twice, and the ledger, which knows items by key, lets each take effect once.

    simactors run scenarios/work_queue/app.py:good --faults scenarios/work_queue/faults.toml
"""

import time
from collections import Counter, deque
from typing import NamedTuple

import simactors as ray
from simactors.exceptions import RayActorError

PRODUCERS = 2
ITEMS = 20  # of each producer
CONSUMERS = 3
WORK_S = 0.005
LEASE_S = 0.5
POLL_S = 0.05
TRIES = 10


class Item(NamedTuple):
    """Work to do; the key is its identity, wherever it turns up again."""

    key: str
    amount: int


@ray.remote
class Queue:
    """Hands out leases. An item is forgotten when it is acknowledged, and not before."""

    def __init__(self):
        self.waiting = deque()
        self.leased = {}  # key -> (until, item)
        self.closed = False

    def put(self, item):
        self.waiting.append(item)

    def close(self):
        self.closed = True

    def lease(self):
        """An item, or None if there is nothing to do just now."""
        now = time.monotonic()
        for key, (until, item) in list(self.leased.items()):
            if until <= now:
                del self.leased[key]
                self.waiting.append(item)
        if not self.waiting:
            return None
        item = self.waiting.popleft()
        self.leased[item.key] = (now + LEASE_S, item)
        return item

    def acknowledge(self, key):
        self.leased.pop(key, None)

    def is_done(self):
        return self.closed and not self.waiting and not self.leased


@ray.remote
class Ledger:
    """What the work brings about.

    Args:
        by_key: an item that was applied once is not applied again.
    """

    def __init__(self, by_key):
        self.by_key = by_key
        self.applied = []

    def apply(self, item):
        if not (self.by_key and any(item.key == other.key for other in self.applied)):
            self.applied.append(item)

    def entries(self):
        return self.applied


@ray.remote(max_restarts=-1, max_task_retries=-1)
class Consumer:
    """Takes one item after the other until there are no more; a restarted one just goes on.

    Args:
        acknowledge_first: before the work is done, instead of afterwards.
    """

    def __init__(self, queue, ledger, acknowledge_first):
        self.queue = queue
        self.ledger = ledger
        self.acknowledge_first = acknowledge_first

    def run(self):
        while True:
            try:
                item = ray.get(self.queue.lease.remote())
                if item is not None:
                    self.process(item)
                elif ray.get(self.queue.is_done.remote()):
                    return
                else:
                    time.sleep(POLL_S)
            except RayActorError:
                pass  # no answer: if that was a lease, it runs out, and the item comes again

    def process(self, item):
        if self.acknowledge_first:
            ray.get(self.queue.acknowledge.remote(item.key))
        time.sleep(WORK_S)
        ray.get(self.ledger.apply.remote(item))
        if not self.acknowledge_first:
            ray.get(self.queue.acknowledge.remote(item.key))


@ray.remote
def produce(producer, queue):
    """Puts items, each at least once; gives them."""
    items = [Item(f"{producer}-{number}", number + 1) for number in range(ITEMS)]
    for item in items:
        surely(queue.put, item)
    return items


def surely(method, *args):
    """Call an actor until it answers; what went wrong may have been done or not, so it is done at least once."""
    for _ in range(TRIES):
        try:
            return ray.get(method.remote(*args))
        except RayActorError:
            pass  # once more
    raise AssertionError(f"no answer in {TRIES} tries")


def run_queue(acknowledge_first=False, by_key=True):
    """All items go through the queue while consumers crash; the ledger must have each of them once."""
    ray.init()
    queue, ledger = Queue.remote(), Ledger.remote(by_key)
    consumers = [Consumer.remote(queue, ledger, acknowledge_first) for _ in range(CONSUMERS)]
    running = [consumer.run.remote() for consumer in consumers]
    produced = ray.get([produce.remote(number, queue) for number in range(PRODUCERS)])
    items = [item for part in produced for item in part]
    surely(queue.close)
    ray.get(running)

    check_ledger(items, surely(ledger.entries))


def check_ledger(items, entries):
    """Each item must be there, once."""
    print(f"{len(items)} items, {len(entries)} entries in the ledger")
    times = Counter(entry.key for entry in entries)
    lost = [item.key for item in items if not times[item.key]]
    assert not lost, f"items were never processed: {lost}"
    double = {key: count for key, count in times.items() if count > 1}
    assert not double, f"items took effect more than once: {double}"


def good():
    """Acknowledges what is done, and does nothing twice."""
    run_queue()


def bad_acknowledges_first():
    """Forgets the item before it is processed: a crash in between loses it."""
    run_queue(acknowledge_first=True)


def bad_without_key():
    """Applies whatever comes: an item that is delivered again takes effect again."""
    run_queue(by_key=False)


# What scenario.toml names


def open_queue(acknowledge_first, by_key):
    ray.init()
    queue, ledger = Queue.remote(), Ledger.remote(by_key)
    consumers = [Consumer.remote(queue, ledger, acknowledge_first) for _ in range(CONSUMERS)]
    return queue, ledger, [consumer.run.remote() for consumer in consumers]


def put(service, n):
    """A request: put an item, at least once."""
    item = Item(str(n), n + 1)
    surely(service[0].put, item)
    return item


def every_item_once(service, results):
    """Wait until all is done, and look at what it has brought about."""
    queue, ledger, running = service
    surely(queue.close)
    ray.get(running)
    items = [result.value for result in results if result.status == "answered"]
    check_ledger(items, surely(ledger.entries))

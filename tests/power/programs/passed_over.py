"""A poller that takes for granted that others get their turn.

One client polls a counter n times, one call after the other; another one sends its single message at the same time.
Property: when the poller has asked n times, the message has come. To break it, that one message (or the start of its
sender) must be late for as long as 2n other messages take. No fault is needed.
"""

import simactors as ray


@ray.remote
class Counter:
    def __init__(self):
        self.polls = 0
        self.has_arrived = False

    def arrive(self):
        self.has_arrived = True

    def poll(self):
        if not self.has_arrived:
            self.polls += 1
        return self.polls


@ray.remote
def arriving(counter):
    ray.get(counter.arrive.remote())


@ray.remote
def poller(counter, times, after=None):
    """`after` only makes it wait: a task starts when its arguments are there."""
    for _ in range(times):
        in_vain = ray.get(counter.poll.remote())
        assert in_vain < times, f"polled {times} times, and nobody has come"


def run(times, *, wait):
    counter = Counter.remote()
    other = arriving.remote(counter)
    ray.get([poller.remote(counter, times, other if wait else None), other])


def passed_over_5():
    run(5, wait=False)


def passed_over_10():
    run(10, wait=False)


def passed_over_20():
    run(20, wait=False)


def awaited_5():
    run(5, wait=True)


def awaited_10():
    run(10, wait=True)


def awaited_20():
    run(20, wait=True)

"""A consumer that takes a job off the queue before it has done it.

Property: every job is done at least once. Jobs that were handed out and not acknowledged are handed out again when a
consumer is lost. To break it, the consumer's process must crash between the acknowledgement and the result, or the
call in between must be lost. The twin stores the result first; it may do so twice, which the sink knows by the job's
name.
"""

import simactors as ray
from simactors.exceptions import RayError

JOBS = 4
TRIES = 4 * JOBS


@ray.remote(max_task_retries=3)
class Broker:
    def __init__(self, jobs):
        self.waiting = list(jobs)
        self.handed_out = []

    def take(self):
        if not self.waiting:
            return None
        job = self.waiting.pop(0)
        self.handed_out.append(job)
        return job

    def acknowledge(self, job):
        if job in self.handed_out:
            self.handed_out.remove(job)

    def hand_out_again(self):
        self.waiting += self.handed_out
        self.handed_out = []

    def is_done(self):
        return not self.waiting and not self.handed_out


@ray.remote(max_task_retries=3)
class Sink:
    def __init__(self):
        self.done = set()

    def store(self, job):
        self.done.add(job)

    def all(self):
        return sorted(self.done)


@ray.remote(max_restarts=2, scheduling_strategy="SPREAD")
class Consumer:
    def __init__(self, broker, sink):
        self.broker = broker
        self.sink = sink

    def one(self, early):
        """Take a job and do it."""
        job = ray.get(self.broker.take.remote())
        if job is None:
            return
        if early:
            ray.get(self.broker.acknowledge.remote(job))
            ray.get(self.sink.store.remote(job))
        else:
            ray.get(self.sink.store.remote(job))
            ray.get(self.broker.acknowledge.remote(job))


def run(*, early):
    broker, sink = Broker.remote(range(JOBS)), Sink.remote()
    consumer = Consumer.remote(broker, sink)
    try:
        for _ in range(TRIES):
            try:
                ray.get(consumer.one.remote(early))
            except RayError:
                ray.get(broker.hand_out_again.remote())
            if ray.get(broker.is_done.remote()):
                break
        else:
            return  # out of tries, with jobs left: nothing is lost yet
        done = ray.get(sink.all.remote())
    except RayError:
        return  # the broker or the sink is lost for good: so are its jobs, whatever the consumer does
    assert done == list(range(JOBS)), f"the queue is empty, and of {JOBS} jobs only {done} were done"


def early():
    run(early=True)


def late():
    run(early=False)

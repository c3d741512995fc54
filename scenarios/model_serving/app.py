"""Model replicas on parts of GPUs serve requests that arrive at random, while nodes crash.

The router sends each request to the replica with the least to do, to another one if no answer comes in time, and to
no replica that did not answer until that is back. Every request must be answered once, nearly all of them quickly.

    simactors run scenarios/model_serving/app.py:good --cluster scenarios/model_serving/cluster.toml
"""

import asyncio
import random
import time

import simactors as ray
from simactors.exceptions import RayActorError, RayTaskError

REQUESTS = 200
RATE_PER_S = 60.0
ARRIVALS_SEED = 1
REPLICAS = 6
OBJECTIVE_S = 0.8  # 99 of 100 requests take no longer
IN_FLIGHT = 2  # requests at one replica; the others wait at the router
PATIENCE_S = 0.4  # for one answer of a replica
GROW_AT = 2  # requests that wait at the router


@ray.remote(num_cpus=0, num_gpus=0.25, max_restarts=-1)
class Model:
    """A quarter of a GPU. How long it takes to load and to predict is said in the cluster file."""

    def predict(self, request):
        return request * request

    @ray.method(max_task_retries=-1)
    def check_health(self):
        """Answers when the model is loaded, if need be after a restart."""
        return True


@ray.remote
class Router:
    """Shares requests among replicas.

    Args:
        tries: how many replicas may fail a request until it is given up.
        most: starts more replicas where requests wait, up to so many.
    """

    def __init__(self, models, tries, most=0):
        self.most = most
        self.waiting = 0
        self.models = models
        self.tries = tries
        self.load = [0] * len(models)
        self.healthy = [True] * len(models)
        self.changed = asyncio.Condition()
        self.checks = set()

    async def ask(self, request):
        for _ in range(self.tries):
            number = await self._reserve()
            try:
                answer = self.models[number].predict.remote(request)
                return await asyncio.wait_for(answer, PATIENCE_S)
            except (TimeoutError, RayActorError):
                self._avoid(number)
            finally:
                await self._release(number)
        raise RuntimeError(f"request {request}: no answer from {self.tries} replicas")

    async def _reserve(self):
        async with self.changed:
            self.waiting += 1
            if self.waiting > GROW_AT and len(self.models) < self.most:
                self._grow()
            await self.changed.wait_for(self._free)
            self.waiting -= 1
            number = min(self._free(), key=lambda number: self.load[number])
            self.load[number] += 1
            return number

    async def _release(self, number):
        async with self.changed:
            self.load[number] -= 1
            self.changed.notify_all()

    def _free(self):
        return [n for n, load in enumerate(self.load) if self.healthy[n] and load < IN_FLIGHT]

    def _avoid(self, number):
        if self.healthy[number]:
            self.healthy[number] = False
            self._check(number)

    def _grow(self):
        """One more replica, which takes a while to load."""
        self.models.append(Model.remote())
        self.load.append(0)
        self.healthy.append(False)
        self._check(len(self.models) - 1)

    def _check(self, number):
        check = asyncio.create_task(self._until_healthy(number))
        self.checks.add(check)  # or the loop might forget it
        check.add_done_callback(self.checks.discard)

    async def _until_healthy(self, number):
        self.healthy[number] = await self.models[number].check_health.remote()
        async with self.changed:
            self.changed.notify_all()


@ray.remote
class Users:
    """Send requests when their time has come, whether earlier ones are answered or not."""

    def __init__(self, router):
        self.router = router
        self.answers = {}  # request -> answers
        self.latencies_s = []

    async def send_all(self, arrivals_s):
        await asyncio.gather(*(self._send(request, at_s) for request, at_s in enumerate(arrivals_s)))
        return self.answers, self.latencies_s

    async def _send(self, request, at_s):
        await asyncio.sleep(at_s)
        start = time.monotonic()
        try:
            answer = await self.router.ask.remote(request)
        except (RayActorError, RayTaskError):
            return
        self.answers.setdefault(request, []).append(answer)
        self.latencies_s.append(time.monotonic() - start)


def arrivals(count, rate_per_s):
    """A Poisson process: the same in every run."""
    chance = random.Random(ARRIVALS_SEED)
    at_s, times_s = 0.0, []
    for _ in range(count):
        at_s += chance.expovariate(rate_per_s)
        times_s.append(at_s)
    return times_s


def run_pool(replicas=REPLICAS, tries=2 * REPLICAS):
    """Requests arrive for some seconds; every one must be answered once, and in time."""
    ray.init()
    models = [Model.remote() for _ in range(replicas)]
    ray.get([model.check_health.remote() for model in models])  # all are loaded
    users = Users.remote(Router.remote(models, tries))
    answers, latencies_s = ray.get(users.send_all.remote(arrivals(REQUESTS, RATE_PER_S)))

    unanswered = [request for request in range(REQUESTS) if request not in answers]
    p99_s = sorted(latencies_s)[int(0.99 * len(latencies_s))]
    print(f"{len(answers)} of {REQUESTS} requests answered, p99 {p99_s:.3f}s")
    assert not unanswered, f"requests without an answer: {unanswered}"
    wrong = {request: got for request, got in answers.items() if got != [request * request]}
    assert not wrong, f"not one right answer each: {wrong}"
    assert p99_s <= OBJECTIVE_S, f"p99 is {p99_s:.3f}s, the objective {OBJECTIVE_S}s"


def good():
    """Enough replicas, and requests of a dead one go to another."""
    run_pool()


def bad():
    """Gives a request up when its replica does not answer."""
    run_pool(tries=1)


def too_few():
    """Two replicas can't do what arrives: the queue grows, with or without faults."""
    run_pool(replicas=2)


# What scenario.toml names


async def serve(replicas, most):
    """A router with so many models, which are loaded; it starts up to `most`."""
    models = [Model.remote() for _ in range(replicas)]
    await asyncio.gather(*(model.check_health.remote() for model in models))
    return Router.remote(models, 2 * REPLICAS, most)


def predict(router, n):
    return router.ask.remote(n)


def every_answer_is_right(results):
    wrong = [r.number for r in results if r.status == "answered" and r.value != r.number * r.number]
    assert not wrong, f"wrong answers to {wrong}"

"""Fits a line with a parameter server: tasks compute gradients, an actor applies them, `wait` takes what is ready.

The gradients of one round are added up by worker, not by arrival, so that the result is the same to the last
digit in whatever order they come: on the simulator under any seed, and on real processes.

    simactors run scenarios/parameter_server/app.py --backend sim
    simactors run scenarios/parameter_server/app.py --backend local
"""

import numpy as np

import simactors as ray

WORKERS = 4
ROUNDS = 20
RATE = 0.9


@ray.remote
class ParameterServer:
    """Holds the weights; a round's gradients are applied together."""

    def __init__(self, size):
        self.weights = np.zeros(size)

    def weights_now(self):
        return self.weights

    def apply(self, gradients):
        self.weights = self.weights - RATE * np.sum(gradients, axis=0) / len(gradients)
        return self.weights


@ray.remote
def shard(worker):
    """A worker's part of the data: points on the line 2 + 3 x."""
    x = np.linspace(-1, 1, 8) + worker / 10
    return x, 2 + 3 * x


@ray.remote
def gradient(worker, weights, data):
    x, y = data
    error = weights[0] + weights[1] * x - y
    return worker, np.array([error.mean(), (error * x).mean()])


def train(server, shards):
    weights = server.weights_now.remote()
    for _ in range(ROUNDS):
        pending = [gradient.remote(worker, weights, shards[worker]) for worker in range(WORKERS)]
        arrived = {}
        while pending:
            ready, pending = ray.wait(pending)
            worker, value = ray.get(ready[0])
            arrived[worker] = value
        weights = server.apply.remote([arrived[worker] for worker in range(WORKERS)])
    return ray.get(weights)


def main():
    ray.init()
    shards = [shard.remote(worker) for worker in range(WORKERS)]
    bias, slope = train(ParameterServer.remote(2), shards)
    print(f"y = {bias:.12f} + {slope:.12f} x")
    ray.shutdown()


# What scenario.toml names: workers that are actors, some of them slow


@ray.remote
class Worker:
    """Keeps its part of the data."""

    def __init__(self, number):
        x = np.linspace(-1, 1, 8) + number / 10
        self.x, self.y = x, 2 + 3 * x

    def gradient(self, weights):
        error = weights[0] + weights[1] * self.x - self.y
        return np.array([error.mean(), (error * self.x).mean()])


def train_with_stragglers(wait_for):
    """Each round takes the first `wait_for` gradients; who is late works on, and gets no new work until then."""
    ray.init()
    place = {"num_cpus": 0, "resources": {"worker": 1}} if "worker" in ray.cluster_resources() else {}
    workers = [Worker.options(**place).remote(number) for number in range(WORKERS)]
    server = ParameterServer.remote(2)
    weights = ray.get(server.weights_now.remote())
    busy = {}
    for _ in range(2 * ROUNDS):
        for number in sorted(set(range(WORKERS)) - set(busy.values())):
            busy[workers[number].gradient.remote(weights)] = number
        ready, _ = ray.wait(list(busy), num_returns=wait_for)
        arrived = sorted((busy.pop(ref), ref) for ref in ready)
        weights = ray.get(server.apply.remote(ray.get([ref for _, ref in arrived])))
    return weights


def the_line_is_found(weights):
    assert np.allclose(weights, [2, 3], atol=0.05), f"y = {weights[0]:.3f} + {weights[1]:.3f} x"


if __name__ == "__main__":
    main()

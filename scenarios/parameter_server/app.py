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


if __name__ == "__main__":
    main()

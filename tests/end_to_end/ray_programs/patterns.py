"""Patterns of Ray's users: Monte Carlo, map and reduce, a parameter server, generators, a pool, a queue. For Ray, as it is."""

import ray, random, time
from ray.util import ActorPool
from ray.util.queue import Queue, Empty

ray.init(num_cpus=4)


@ray.remote
def sample(n, seed):
    r = random.Random(seed)
    return sum(r.random() ** 2 + r.random() ** 2 <= 1 for _ in range(n))


print("pi", 4 * sum(ray.get([sample.remote(1000, s) for s in range(4)])) / 4000)


@ray.remote(num_returns=2)
def mapper(words):
    return {w: words.count(w) for w in words if w < "m"}, {w: words.count(w) for w in words if w >= "m"}


@ray.remote
def reducer(*parts):
    out = {}
    for p in parts:
        for k, v in p.items():
            out[k] = out.get(k, 0) + v
    return sorted(out.items())


parts = [mapper.remote(t.split()) for t in ["a b z", "b z z", "q a"]]
print(ray.get([reducer.remote(*[p[i] for p in parts]) for i in range(2)]))


@ray.remote
class PS:
    def __init__(self):
        self.w = 0

    def push(self, g):
        self.w += g
        return self.w

    def pull(self):
        return self.w


@ray.remote
def work(ps, n):
    for _ in range(n):
        ray.get(ps.push.remote(1))


ps = PS.remote()
ray.get([work.remote(ps, 5) for _ in range(3)])
print("w", ray.get(ps.pull.remote()))
inflight, done = [], 0
for i in range(10):
    if len(inflight) >= 3:
        ready, inflight = ray.wait(inflight, num_returns=1)
        done += len(ray.get(ready))
    inflight.append(sample.remote(10, i))
print(done + len(ray.get(inflight)))


@ray.remote(num_returns="dynamic")
def split(n):
    for i in range(n):
        yield i * i


print([ray.get(r) for r in ray.get(split.remote(4))])


@ray.remote
def stream(n):
    for i in range(n):
        yield i


print([ray.get(r) for r in stream.remote(3)])


@ray.remote
class Doubler:
    def double(self, v):
        return 2 * v


pool = ActorPool([Doubler.remote() for _ in range(2)])
print(list(pool.map(lambda a, v: a.double.remote(v), range(5))))
q = Queue(maxsize=10)


@ray.remote
def consume(q):
    out = []
    try:
        while True:
            out.append(q.get(timeout=1))
    except Empty:
        return out


for i in range(4):
    q.put(i)
print(sorted(sum(ray.get([consume.remote(q) for _ in range(2)]), [])))

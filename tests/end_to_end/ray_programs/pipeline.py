"""Streams with backpressure, async generators, a queue between producers and consumers. For Ray, as it is."""

import asyncio
import time

import ray
from ray.util.queue import Empty, Full, Queue

ray.init(num_cpus=4)


@ray.remote
class Gauge:
    def __init__(self):
        self.made = 0

    def tick(self):
        self.made += 1

    def read(self):
        return self.made


gauge = Gauge.remote()


@ray.remote(_generator_backpressure_num_objects=2)
def source(gauge, n):
    for i in range(n):
        ray.get(gauge.tick.remote())
        yield i


numbers = source.remote(gauge, 6)
time.sleep(1)
print("made before anything is taken:", ray.get(gauge.read.remote()))
print([ray.get(ref) for ref in numbers], ray.get(gauge.read.remote()))


@ray.remote
class Stage:
    def squares(self, n):
        for i in range(n):
            if i == 3:
                raise ValueError("no three")
            yield i * i

    async def letters(self, text):
        for letter in text:
            await asyncio.sleep(0.01)
            yield letter


@ray.remote
class Tokens:
    async def words(self, text):
        for word in text.split():
            await asyncio.sleep(0.01)
            yield word


stage = ray.remote(type("Squares", (), {"squares": Stage.__ray_metadata__.modified_class.squares})).remote()
taken = []
try:
    for ref in stage.squares.remote(5):
        taken.append(ray.get(ref))
except ValueError as error:
    print(taken, "then", type(error).__name__, error.cause)


async def read(tokens):
    return [await ref async for ref in tokens.words.remote("streams of words")]


async def both(tokens):
    return await asyncio.gather(read(tokens), read(tokens))


tokens = Tokens.remote()
print(asyncio.run(both(tokens)))
stream = tokens.words.remote("a b")
ready, rest = ray.wait([stream], timeout=20)
print(ready == [stream], rest, ray.get(next(stream)), ray.get(next(stream)), next(stream, "the end"))

queue = Queue(maxsize=3)


@ray.remote
def produce(queue, start):
    for i in range(start, start + 4):
        queue.put(i)
    return start


@ray.remote
def consume(queue, count):
    return [queue.get(timeout=20) for _ in range(count)]


consumers = [consume.remote(queue, 4) for _ in range(2)]
print(ray.get([produce.remote(queue, 0), produce.remote(queue, 10)]))
print(sorted(sum(ray.get(consumers), [])), queue.empty())
queue.put_nowait_batch(["x", "y", "z"])
try:
    queue.put_nowait("too much")
except Full:
    print("full", queue.size(), queue.get_nowait_batch(2))
queue.get()
try:
    queue.get(block=False)
except Empty:
    print("empty", queue.qsize())


async def pass_on(queue):
    await queue.put_async("hello")
    return await queue.get_async()


print(asyncio.run(pass_on(queue)))
queue.shutdown()

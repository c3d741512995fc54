"""A pool in place of multiprocessing's, nested tasks, deadlines and cancelling. For Ray, as it is."""

import time

import ray
from ray.exceptions import GetTimeoutError, TaskCancelledError
from ray.util.multiprocessing import Pool, TimeoutError

ray.init(num_cpus=4)
BASE = 100


def set_base(base):
    global BASE
    BASE = base


def square(x):
    return BASE + x * x


def difference(a, b=0):
    return a - b


def slow(x):
    time.sleep(30)
    return x


with Pool(2, initializer=set_base, initargs=(1000,)) as pool:
    print(pool.map(square, range(4)), BASE)
    print(pool.apply(difference, (5,), {"b": 2}), pool.starmap(difference, [(1,), (2, 1)]))
    print(list(pool.imap(square, [3, 2, 1])), sorted(pool.imap_unordered(square, [3, 2, 1], chunksize=2)))
    told = []
    pool.map_async(difference, [1, 2], callback=lambda results: told.extend(sorted(results))).wait()
    pending = pool.apply_async(slow, (1,))
    try:
        pending.get(timeout=0.3)
    except TimeoutError:
        print("pending:", pending.ready())
    pool.terminate()
for _ in range(100):
    if told:
        break
    time.sleep(0.05)
print(told)


@ray.remote
def merge_sort(numbers):
    if len(numbers) < 3:
        return sorted(numbers)
    half = len(numbers) // 2
    left, right = ray.get([merge_sort.remote(numbers[:half]), merge_sort.remote(numbers[half:])])
    merged = []
    while left and right:
        merged.append(left.pop(0) if left[0] <= right[0] else right.pop(0))
    return merged + left + right


print(ray.get(merge_sort.remote([5, 3, 8, 1, 9, 2, 7])))


@ray.remote(num_returns=2)
def divided(a, b):
    return divmod(a, b)


@ray.remote
def added(*numbers):
    return sum(numbers)


quotient, remainder = divided.remote(17, 5)
print(ray.get([quotient, remainder, added.remote(quotient, remainder, added.remote(1, quotient))]))
bad = divided.remote(1, 0)
for ref in (bad[0], added.remote(1, bad[1])):
    try:
        ray.get(ref)
    except ZeroDivisionError as error:
        print(type(error).__name__, error.cause)


@ray.remote
def patient(seconds):
    for _ in range(int(seconds * 100)):
        time.sleep(0.01)
    return seconds


long, short = patient.remote(60), patient.remote(0.1)
ready, rest = ray.wait([long, short], num_returns=2, timeout=3)
print(ready == [short], rest == [long])
try:
    ray.get(long, timeout=0.1)
except GetTimeoutError:
    print("too slow")
ray.cancel(long)
try:
    ray.get(long)
except TaskCancelledError:
    print("cancelled")

"""Pools of processes, joblib, parallel iterators. For Ray, as it is."""

from ray.util.multiprocessing import Pool
from collections import Counter
import joblib, ray
from ray.util.joblib import register_ray


def f(x):
    return x * x


def g(a, b):
    return a + b


def bad(x):
    raise RuntimeError(x)


ray.init(num_cpus=4)
with Pool(processes=3) as pool:
    print(pool.map(f, range(10)))
    print(pool.starmap(g, [(1, 2), (3, 4)]))
    print(list(pool.imap(f, range(4), chunksize=2)))
    print(sorted(pool.imap_unordered(f, range(4))))
    r = pool.apply_async(g, (1,), {"b": 5})
    print(r.get(timeout=30), r.successful())
    try:
        pool.map(bad, [1])
    except RuntimeError as e:
        print("raised", e)
register_ray()
with joblib.parallel_backend("ray"):
    print(joblib.Parallel(n_jobs=3)(joblib.delayed(f)(i) for i in range(6)))
it = ray.util.iter.from_items(list(range(6)), num_shards=2).for_each(lambda x: x + 1).batch(2)
print(sorted(map(sorted, it.gather_async())))

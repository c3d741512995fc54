"""An async actor that limits itself with a semaphore, driven by an async driver; a pool of actors. For Ray, as it is."""

import asyncio

import ray
from ray.util import ActorPool

ray.init(num_cpus=4)

LINKS = {"a": ["b", "c"], "b": ["c", "d"], "c": ["a"], "d": ["e"], "e": []}


@ray.remote
class Site:
    """Serves pages, two at a time."""

    def __init__(self, limit):
        self.doors = asyncio.Semaphore(limit)
        self.inside = self.most = 0

    async def page(self, name):
        async with self.doors:
            self.inside += 1
            self.most = max(self.most, self.inside)
            await asyncio.sleep(0.05)
            self.inside -= 1
        if name not in LINKS:
            raise LookupError(name)
        return LINKS[name]

    async def statistics(self):
        return {"inside": self.inside, "most": self.most}


async def crawl(site, start):
    seen, level = {start}, [start]
    while level:
        pages = await asyncio.gather(*(site.page.remote(name) for name in level))
        level = sorted({link for page in pages for link in page} - seen)
        seen.update(level)
        print("found", level)
    return sorted(seen)


site = Site.remote(2)
print(asyncio.run(crawl(site, "a")))
print(ray.get(site.statistics.remote()))


async def several():
    results = await asyncio.gather(*(site.page.remote(name) for name in "aexbcy"), return_exceptions=True)
    return [type(r).__name__ if isinstance(r, Exception) else r for r in results]


print(asyncio.run(several()), ray.get(site.statistics.remote())["most"])


async def patient(seconds):
    try:
        return await asyncio.wait_for(site.page.remote("a"), timeout=seconds)
    except asyncio.TimeoutError:
        return "too slow"


print(asyncio.run(patient(0.001)), asyncio.run(patient(20)))


@ray.remote
class Counter:
    def __init__(self):
        self.calls = 0

    def words(self, text):
        self.calls += 1
        return len(text.split())

    def how_often(self):
        return self.calls


counters = [Counter.remote() for _ in range(3)]
pool = ActorPool(counters)
texts = ["one", "two words", "three of them", "", "a b c d"]
print(list(pool.map(lambda actor, text: actor.words.remote(text), texts)))
print(sorted(pool.map_unordered(lambda actor, text: actor.words.remote(text), texts)))
print(sum(ray.get([counter.how_often.remote() for counter in counters])), pool.has_next(), pool.has_free())
pool.submit(lambda actor, text: actor.words.remote(text), "last words")
print(pool.get_next(), pool.pop_idle() in counters)

"""A cache that is filled with what was true a moment ago.

A reader that misses reads the database and fills the cache; a writer writes the database and then empties the cache.
Property: when all are done, the cache holds nothing or what the database holds. To break it, the reader must read
before the write and fill after the cache was emptied. No fault is needed. The twin's cache compares versions.
"""

import simactors as ray


@ray.remote
class Database:
    def __init__(self):
        self.row = (0, 10)  # its version and its value

    def read(self):
        return self.row

    def write(self, value):
        self.row = (self.row[0] + 1, value)
        return self.row[0]


@ray.remote
class Cache:
    def __init__(self, versioned):
        self.versioned = versioned
        self.least = 0
        self.row = None

    def look(self):
        return self.row

    def fill(self, row):
        if self.versioned and row[0] < self.least:
            return
        self.row = row

    def invalidate(self, version):
        self.least = max(self.least, version)
        self.row = None


@ray.remote
def reader(database, cache):
    row = ray.get(cache.look.remote())
    if row is None:
        row = ray.get(database.read.remote())
        ray.get(cache.fill.remote(row))


@ray.remote
def writer(database, cache):
    _, value = ray.get(database.read.remote())
    version = ray.get(database.write.remote(value + 1))
    ray.get(cache.invalidate.remote(version))


def run(*, versioned):
    database, cache = Database.remote(), Cache.remote(versioned)
    ray.get([reader.remote(database, cache), writer.remote(database, cache)])
    cached, stored = ray.get([cache.look.remote(), database.read.remote()])
    assert cached in (None, stored), f"the cache says {cached}, the database {stored}"


def unversioned():
    run(versioned=False)


def versioned():
    run(versioned=True)

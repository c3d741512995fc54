"""Reads that go to a follower, which may not have what its reader just wrote.

The leader acknowledges a write at once and copies it to the follower. Property: a client that wrote version n reads n
or later. To break it, the copy must be later than the client's read. No fault is needed. The twin asks the follower
for a version, and the leader if the follower has not got that.
"""

import simactors as ray


@ray.remote
class Follower:
    def __init__(self):
        self.version = 0

    def copy(self, version):
        self.version = max(self.version, version)

    def read(self):
        return self.version


@ray.remote
class Leader:
    def __init__(self, follower):
        self.follower = follower
        self.version = 0

    def write(self):
        self.version += 1
        self.follower.copy.remote(self.version)
        return self.version

    def read(self):
        return self.version


def read_anything(leader, follower, least):
    return ray.get(follower.read.remote())


def read_at_least(leader, follower, least):
    version = ray.get(follower.read.remote())
    return version if version >= least else ray.get(leader.read.remote())


@ray.remote
def client(leader, follower, read, writes):
    for _ in range(writes):
        written = ray.get(leader.write.remote())
        found = read(leader, follower, written)
        assert found >= written, f"wrote version {written}, and read {found}"


def run(read, writes=3):
    follower = Follower.remote()
    ray.get(client.remote(Leader.remote(follower), follower, read, writes))


def stale():
    run(read_anything)


def own_writes():
    run(read_at_least)

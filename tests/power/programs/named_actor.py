"""Check, then act, on a name: clients look for an actor, and if it is not there they ask for its settings and make it.

Property: every client counts itself in the one registry. To break it, both must look before either has made it; then
the second one finds the name taken. No fault is needed, nor anything between the look and the making.
"""

import simactors as ray


@ray.remote
class Registry:
    def __init__(self, room):
        self.room = room
        self.members = []

    def join(self, member):
        assert len(self.members) < self.room, "no room left"
        self.members.append(member)

    def count(self):
        return len(self.members)


@ray.remote
class Settings:
    def room(self):
        return 10


def check_then_make(settings):
    try:
        return ray.get_actor("registry")
    except ValueError:
        room = ray.get(settings.room.remote())
        return Registry.options(name="registry", lifetime="detached").remote(room)


def get_or_make(settings):
    room = ray.get(settings.room.remote())
    return Registry.options(name="registry", lifetime="detached", get_if_exists=True).remote(room)


def check_then_make_at_once(settings):
    try:
        return ray.get_actor("registry")
    except ValueError:
        return Registry.options(name="registry", lifetime="detached").remote(10)


def list_then_make_at_once(settings):
    if "registry" in ray.util.list_named_actors():
        return ray.get_actor("registry")
    return Registry.options(name="registry", lifetime="detached").remote(10)


def get_or_make_at_once(settings):
    return Registry.options(name="registry", lifetime="detached", get_if_exists=True).remote(10)


@ray.remote
def client(find, settings, member):
    ray.get(find(settings).join.remote(member))


def run(find, clients):
    ray.init()
    settings = Settings.remote()
    ray.get([client.remote(find, settings, number) for number in range(clients)])
    count = ray.get(ray.get_actor("registry").count.remote())
    assert count == clients, f"{clients} clients joined, {count} are registered"


def raced():
    run(check_then_make, 2)


def atomic():
    run(get_or_make, 2)


def raced_at_once():
    run(check_then_make_at_once, 2)


def listed_at_once():
    run(list_then_make_at_once, 2)


def atomic_at_once():
    run(get_or_make_at_once, 2)

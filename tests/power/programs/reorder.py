"""Two messages for what should be one: somebody sees the state in between.

Each of n setters sends `a = 1` and then `b = -1` to one actor, without waiting in between; a checker asks once.
Property: it sees both or neither. To break it, its question must come after the first `a` and before every `b`: the
more setters there are, the less often that happens by itself, though it takes no more than that one setter's second
message, and all other setters, are late. No fault is needed.
"""

import simactors as ray


@ray.remote
class Shared:
    def __init__(self):
        self.a = 0
        self.b = 0

    def set_a(self, value):
        self.a = value

    def set_b(self, value):
        self.b = value

    def set_both(self, a, b):
        self.a, self.b = a, b

    def read(self):
        return self.a, self.b


@ray.remote(num_cpus=0)
def set_apart(shared):
    ray.get([shared.set_a.remote(1), shared.set_b.remote(-1)])


@ray.remote(num_cpus=0)
def set_together(shared):
    ray.get(shared.set_both.remote(1, -1))


@ray.remote(num_cpus=0)
def check(shared):
    return ray.get(shared.read.remote())


def run(setter, setters):
    shared = Shared.remote()
    setting = [setter.remote(shared) for _ in range(setters)]
    seen = ray.get(check.remote(shared))
    ray.get(setting)
    assert seen in ((0, 0), (1, -1)), f"a and b belong together, and {seen} was seen"


def reorder_3():
    run(set_apart, 3)


def reorder_10():
    run(set_apart, 10)


def reorder_20():
    run(set_apart, 20)


def reorder_50():
    run(set_apart, 50)


def reorder_100():
    run(set_apart, 100)


def together_3():
    run(set_together, 3)


def together_10():
    run(set_together, 10)


def together_20():
    run(set_together, 20)


def together_50():
    run(set_together, 50)


def together_100():
    run(set_together, 100)

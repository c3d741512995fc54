"""What actors meet: groups, restarts, names, signals, resources, errors, cancellation, trees. For Ray, as it is."""

import ray, os, asyncio, time
from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy
from ray.exceptions import RayActorError, RayTaskError, GetTimeoutError, TaskCancelledError

ray.init(num_cpus=4, resources={"special": 2}, namespace="x")
pg = placement_group([{"CPU": 1}, {"CPU": 1}], strategy="PACK")
ray.get(pg.ready())


@ray.remote(num_cpus=1)
def where():
    return ray.util.get_current_placement_group() is not None


print(
    ray.get(where.options(scheduling_strategy=PlacementGroupSchedulingStrategy(placement_group=pg)).remote()),
    pg.bundle_specs,
)
remove_placement_group(pg)


@ray.remote(max_restarts=1, max_task_retries=-1)
class Flaky:
    def __init__(self):
        self.n = 0

    def inc(self):
        self.n += 1
        return self.n

    def die(self):
        os._exit(1)

    def pid(self):
        return os.getpid()


f = Flaky.remote()
print(ray.get(f.inc.remote()))
p = ray.get(f.pid.remote())
ray.kill(f, no_restart=False)
time.sleep(1)
print(ray.get(f.inc.remote()), p != ray.get(f.pid.remote()))
try:
    ray.get(f.die.remote())
except RayActorError as e:
    print(type(e).__name__)
c = Flaky.options(name="c", lifetime="detached", max_restarts=0).remote()
ray.get(c.inc.remote())


@ray.remote
def use():
    return ray.get(ray.get_actor("c").inc.remote())


print(ray.get(use.remote()), ray.util.list_named_actors())
ray.kill(c)


@ray.remote
class Signal:
    def __init__(self):
        self.e = asyncio.Event()

    async def wait(self):
        await self.e.wait()
        return "go"

    def send(self):
        self.e.set()


s = Signal.remote()
w = [s.wait.remote() for _ in range(3)]
print(len(ray.wait(w, timeout=0.3)[0]))
ray.get(s.send.remote())
print(ray.get(w))


@ray.remote
def fib(n):
    return n if n < 2 else sum(ray.get([fib.remote(n - 1), fib.remote(n - 2)]))


print(ray.get(fib.remote(5)))


@ray.remote(resources={"special": 1})
def special():
    return ray.get_runtime_context().get_assigned_resources()


print(sorted(ray.get(special.remote()).items()))


@ray.remote(runtime_env={"env_vars": {"A": "1"}})
def env():
    return os.environ["A"]


print(ray.get(env.remote()))


@ray.remote
def bad():
    raise ValueError("no")


try:
    ray.get(bad.remote())
except ValueError as e:
    print(isinstance(e, RayTaskError), type(e).__name__, repr(e.cause))


@ray.remote
def slow():
    time.sleep(100)


r = slow.remote()
try:
    ray.get(r, timeout=0.2)
except GetTimeoutError:
    print("timeout")
ray.cancel(r, force=True)
try:
    ray.get(r)
except TaskCancelledError:
    print("cancelled")
except Exception as e:
    print(type(e))


@ray.remote(concurrency_groups={"io": 2})
class Groups:
    @ray.method(concurrency_group="io")
    def io(self):
        return "io"

    def other(self):
        return "other"


g = Groups.remote()
print(ray.get([g.io.remote(), g.other.remote()]), ray.get(g.__ray_ready__.remote()))


@ray.remote
class Parent:
    def __init__(self):
        self.kids = [Kid.remote(i) for i in range(2)]

    def ask(self):
        return ray.get([k.name.remote() for k in self.kids])


@ray.remote
class Kid:
    def __init__(self, i):
        self.i = i

    def name(self):
        return f"kid-{self.i}"


print(ray.get(Parent.remote().ask.remote()))
big = ray.put(list(range(1000)))


@ray.remote
def total(xs, refs):
    return sum(xs) + sum(ray.get(refs[0]))


print(
    ray.get(total.remote(big, [big])),
    ray.cluster_resources()["CPU"],
    ray.is_initialized(),
    big.hex() != ray.ObjectRef.nil().hex(),
)
print(isinstance(ray.get_runtime_context().node_id, ray.NodeID), isinstance(f, ray.actor.ActorHandle))
ray.shutdown()
print(ray.is_initialized())

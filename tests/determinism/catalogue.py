"""What generated programs are made of: statements by where they may stand, as text. Not how they are put together.

In a statement, `$name` stands for something that `programs.py` draws: a number, a time-out, a call, a body. Kept out,
as docs/semantics.md says that it differs by itself: the iteration order of sets, `id` and `hash`, addresses in texts,
`process_time`, names of temporary files, the driver's real pid and alarms, loops that only look at the clock, and
whatever ends the driver's real process; also `__del__` of objects in cycles, which runs whenever the garbage collector
comes by, in a later run of the same interpreter, say.
"""

from __future__ import annotations

CHANCE_AND_TIME = [
    "see(time.time(), time.monotonic(), time.perf_counter_ns(), time.time_ns())",
    "see(datetime.datetime.now(), datetime.date.today(), datetime.datetime.now(datetime.timezone.utc))",
    "see(monotonic(), time.strftime('%H:%M:%S'), time.localtime().tm_sec)",
    "see(random.random(), random.choice('abcdef'), random.sample(range(50), 3), random.gauss(0, 1))",
    "see(random.Random().random(), random.Random($i).random(), random.SystemRandom().randrange(10**9))",
    "random.seed($i); see(random.getrandbits(64))",
    "see(uuid.uuid4(), uuid.uuid1())",
    "see(secrets.token_hex(4), secrets.randbelow(1000), os.urandom(3))",
    "see(os.getpid(), os.getppid())",
    "see(threading.current_thread().name, threading.get_ident(), threading.active_count())",
    "see(DRAWN.random(), notes.DRAWN.random())",
    "see(numpy.random.random(), numpy.random.default_rng().integers(1000), random.betavariate(1, 2))",
    "items$n = list(range(8)); random.shuffle(items$n); see(items$n, uuid.uuid5(uuid.NAMESPACE_DNS, 'x'))",
    "see(datetime.datetime.fromtimestamp(time.time()), time.ctime())",
]

STATE = [
    "os.environ['NOTE_$i'] = str($j); see(os.environ.get('NOTE_$j'))",
    "notes.COUNTS['k$i'] = notes.COUNTS.get('k$i', 0) + 1; see(notes.COUNTS)",
    "see(notes.bump($i), notes.Point.made, notes.cached($i))",
    "GLOBAL.append($i); see(len(GLOBAL))",
    "Config.level += 1; Config.seen.append($i); see(Config.level, Config.seen)",
    "see(counter(), remember($i), notes.counter())",
    "see(Payload($i), notes.Point($i, $j), Colour.RED, Colour($one_or_two))",
    "see(sorted({'p$i', 'q$j', 'r'}), hashlib.sha256(b'$i').hexdigest()[:8])",
    "import later; see(later.use($i))",
    "box.value = box.value + 1; see(box.value)",
    "before$n = box.value; time.sleep($s); box.value = before$n + 1; see(box.value)",
    "notes.VARIABLE.set(notes.VARIABLE.get() + $i); see(notes.VARIABLE.get())",
    "see(contextvars.copy_context().run(lambda: (notes.VARIABLE.set(9).old_value, random.random(), time.time())))",
    "logging.getLogger('app').warning('number %s', $i)",
    "weakref.finalize(Payload($i), see, 'finalized'); see(len(gc.get_objects()) > 0)",
    "class Local$n:\n    made = []\n    def __init__(self): self.made.append($i)\n"
    "Local$n(); kept.append(ray.put(Local$n()))",
    "local$n = ray.remote(lambda number: (number, counter(), os.getpid()))\n"
    "see(ray.get(local$n.remote($i), timeout=$t))",
    "box.log.append($i); box.seen['k$i'] = len(box.log); see(box.log, box.seen)",
]

CALLS = [
    "see(ray.get($call, timeout=$t))",
    "see(ray.get($call, timeout=$t))",
    "see(ray.get([$call, $call], timeout=$t))",
    "kept.append($call)",
    "kept.append($call)",
    "see(ray.get(kept[-2:], timeout=$t))",
    "refs$n = [$call for _ in range($few)]; ready$n, rest$n = ray.wait(refs$n, timeout=$t)\n"
    "see(len(ready$n)); kept.extend(rest$n)",
    "ready$n, _ = ray.wait(kept, num_returns=max(1, len(kept) // 2), timeout=$t)\n"
    "see([kept.index(r) for r in ready$n])",
    "ref$n = $call; time.sleep($s); ray.cancel(ref$n, force=$bool, recursive=$bool); see(ray.get(ref$n, timeout=$t))",
    "see(ray.get(ray.put($value), timeout=$t))",
    "ref$n = ray.put($value); kept.append(ref$n); see(ray.get($call_with_ref, timeout=$t))",
    "stream$n = random.choice(peers).items.options(num_returns='streaming').remote($few)\n"
    "ready$n, _ = ray.wait([stream$n], timeout=$t)\n"
    "if ready$n:\n"
    "    see(ray.get(next(stream$n), timeout=$t))",
    "for item$n in stream_task.remote($few, $value):\n    see(ray.get(item$n, timeout=$t))",
    "see(ray.get(stream_task.options(num_returns=2).remote($few), timeout=$t))",
    "see(ray.get(random.choice(peers).quick.remote(), timeout=$t))",
    "actor$n = $actor_class.remote(); see(ray.get(actor$n.quick.remote(), timeout=$t)); peers.append(actor$n)",
    "actor$n = $actor_class.options(name='name-$i', get_if_exists=$bool).remote(); peers.append(actor$n)",
    "see(ray.get(ray.get_actor('name-$i').quick.remote(), timeout=$t))",
    "see(ray.get_runtime_context().get_task_id(), ray.get_runtime_context().get_node_id())",
    "see(ray.get(peers[-1].m0.options(num_returns=2).remote(peers, 0, $value), timeout=$t))",
    "see(ray.get(task1.options(num_returns=2).remote(peers, 0), timeout=$t))",
    "see(queue_of_all(peers).qsize())\n"
    "queue_of_all(peers).put($i, timeout=$t); see(queue_of_all(peers).get(timeout=$t))",
    "see(sum(1 for _ in as_completed([$call, $call], timeout=$t)))",
    "see(ray.util.list_named_actors(), len(ray.timeline()) > 0)",
    "see(ray.available_resources(), len(ray.nodes()))",
    "pool$n = ActorPool(peers[:2]); see(list(pool$n.map_unordered(lambda a, v: a.quick.remote(), range($few))))",
]

RARE = [
    "raise ValueError($i)",
    "raise Oops('$i')",
    "raise notes.Custom($i, 'why')",
    "raise ExceptionGroup('several', [ValueError(1), Oops('2')])",
    "see(ray.get(task0.remote(peers, 0, threading.Lock()), timeout=1))",
    "see(ray.get(random.choice(peers).missing.remote(), timeout=1))",
    "see(ray.get(task0.options(num_cpus=99).remote(peers, 0), timeout=$t))",
    "del peers[-1:]",
    "peers.clear(); gc.collect()",
    "ray.kill(random.choice(peers), no_restart=$bool)",
    "group$n = placement_group([{'CPU': 1}] * 2, strategy='$strategy'); see(group$n.wait(3))\n"
    "where$n = PlacementGroupSchedulingStrategy(placement_group=group$n)\n"
    "kept.append(task0.options(scheduling_strategy=where$n).remote(peers, 0))\n"
    "if $bool: remove_placement_group(group$n)",
    "os.kill(ray.get(random.choice(peers).pid.remote(), timeout=$t), signal.$signal)",
    "pid$n = ray.get(random.choice(peers).pid.remote(), timeout=$t)\n"
    "os.kill(pid$n, signal.SIGSTOP); time.sleep($s); os.kill(pid$n, signal.SIGCONT)",
]

ENDS_THE_PROCESS = [
    "os._exit($i)",
    "sys.exit($i)",
    "ray.exit_actor()",
    "os.kill(os.getpid(), signal.$signal)",
]

NOT_IN_DRIVERS = ("see(os.getpid", "itimer")  # its pid and its alarms are real

SIGNALS = [
    "signal.signal(signal.SIGUSR1, lambda *_: see('USR1', time.time())); os.kill(os.getpid(), signal.SIGUSR1)",
    "signal.signal(signal.SIGALRM, lambda *_: see('alarm', time.time())); signal.setitimer(signal.ITIMER_REAL, 0.0$i)\n"
    "time.sleep($s)",
    "def handler$n(*_):\n    raise Oops('signal')\n"
    "signal.signal(signal.SIGUSR2, handler$n); os.kill(os.getpid(), signal.SIGUSR2)",
]

THREADS = [
    "def work$n():\n$body\nthread$n = threading.Thread(target=work$n)\nthread$n.start()\nthread$n.join($t)\n"
    "see(thread$n.name, thread$n.is_alive())",
    "def work$n(number):\n$body\nthreads$n = [threading.Thread(target=work$n, args=(k,)) for k in range($few)]\n"
    "for thread in threads$n: thread.start()\nfor thread in threads$n: thread.join()",
    "def work$n(number=1):\n$body\n    return number\n"
    "with ThreadPoolExecutor($few) as pool:\n    see(list(pool.map(work$n, range(3))))",
    "def work$n(number=1):\n$body\n    return number\nwith ThreadPoolExecutor(2) as pool:\n"
    "    futures$n = [pool.submit(work$n, k) for k in range(3)]\n"
    "    see([f.result($t) for f in concurrent.futures.as_completed(futures$n)])",
    "timer$n = threading.Timer($s, see, args=('timer',)); timer$n.start(); time.sleep($s); timer$n.cancel()",
    "def work$n():\n    for _ in range($few):\n        box.value += 1\n        box.log[-1:] = [box.value]\n"
    "threads$n = [threading.Thread(target=work$n) for _ in range(2)]\n"
    "for thread in threads$n: thread.start()\nfor thread in threads$n: thread.join()\nsee(box.value, box.log)",
]

LOCKS = [
    "with box.$lock:\n$body",
    "got$n = box.$lock.acquire(timeout=$t); see(got$n)\nif got$n: box.$lock.release()",
    "box.event.set()",
    "see(box.event.wait($t)); box.event.clear()",
    "with box.condition: see(box.condition.wait($t))",
    "with box.condition: box.condition.notify_all()",
    "if box.semaphore.acquire(timeout=$t):\n    time.sleep($s)\n    box.semaphore.release()",
    "see(box.barrier.wait($t))",
    "box.queue.put($i); box.simple.put($i)",
    "see(box.queue.get(timeout=$t))",
    "see(box.simple.get(timeout=$t), box.simple.qsize())",
    "box.heap.put((random.random(), $i)); see(box.heap.get(timeout=$t))",
    "box.local.count = getattr(box.local, 'count', 0) + 1; see(box.local.count)",
    "with notes.LOCK: notes.COUNTS['locked'] = notes.COUNTS.get('locked', 0) + 1; time.sleep($s)",
]

AWAITS = [
    "await asyncio.sleep($s)",
    "await asyncio.sleep(0)",
    "see(await $call)",
    "see(await asyncio.wait_for($call, $t))",
    "see(await asyncio.wait_for($call, $t))",
    "see(await asyncio.gather($call, $call, return_exceptions=True))",
    "async def part$n(number):\n$body\n    return number\n"
    "see(await asyncio.gather(*[part$n(k) for k in range($few)], return_exceptions=True))",
    "async def part$n(number=0):\n$body\n    return number\n"
    "async with asyncio.TaskGroup() as tasks:\n    for k in range($few): tasks.create_task(part$n(k))",
    "async def part$n(number=0):\n$body\n    return number\n"
    "tasks$n = [asyncio.create_task(part$n(k)) for k in range($few)]\n"
    "done, pending = await asyncio.wait(tasks$n, timeout=$t, return_when=asyncio.FIRST_COMPLETED)\n"
    "see(len(done), len(pending))\nfor task in pending: task.cancel()",
    "async def part$n():\n$body\nkept_tasks.add(asyncio.create_task(part$n()))",
    "async with asyncio.timeout($t):\n$awaiting_body",
    "see(await asyncio.to_thread(blocking, $s, $i))",
    "see(await asyncio.get_running_loop().run_in_executor(None, blocking, $s, $i))",
    "see(asyncio.current_task().get_name(), asyncio.get_running_loop().time(), len(asyncio.all_tasks()))",
    "queue$n = asyncio.Queue(); asyncio.get_running_loop().call_later($s, queue$n.put_nowait, $i)\n"
    "see(await asyncio.wait_for(queue$n.get(), $t))",
    "lock$n = asyncio.Lock()\nasync with lock$n:\n$awaiting_body",
    "async for item in stream_task.remote($few):\n    see(await item)",
    "see(await asyncio.shield(asyncio.ensure_future(asyncio.sleep($s, $i))))",
    "ref$n = $call; await asyncio.sleep($s); ray.cancel(ref$n); see(await asyncio.wait_for(ref$n, $t))",
    "see([f.result($t) for f in [$call.future()]])",
]

NESTS = [
    "for round$n in range($few):\n$body",
    "if random.random() < 0.5:\n$body\nelse:\n$body",
    "try:\n$body\nfinally:\n    see('finally')",
]

HEAD = '''\
"""A generated program: seed $seed."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import datetime
import enum
import functools
import gc
import hashlib
import logging
import os
import random
import secrets
import signal
import sys
import threading
import time
import uuid
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic, sleep

import notes
import numpy
import simactors as ray
from notes import Box, Seen
import simactors.util
from simactors.util import ActorPool, as_completed
from simactors.util.placement_group import placement_group, remove_placement_group
from simactors.util.queue import Queue
from simactors.util.scheduling_strategies import PlacementGroupSchedulingStrategy

GLOBAL = []
DRAWN = random.Random($i)
kept_tasks = set()


class Config:
    level = 0
    seen = []


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Oops(Exception):
    pass


@dataclass
class Payload:
    number: int


def make_counter():
    count = 0

    def counter():
        nonlocal count
        count += 1
        return count

    return counter


counter = make_counter()


def queue_of_all(peers, queues=[]):
    if not queues:
        queues.append(Queue(5))
    return queues[0]


def remember(number, memory=[]):
    memory.append(number)
    return len(memory)


def blocking(seconds, number):
    sleep(seconds)
    return number, threading.current_thread().name, random.random()
'''

NOTES = '''\
"""The second module of a generated program: state that each process has for itself."""

import contextvars
import functools
import hashlib
import queue
import random
import re
import threading

VARIABLE = contextvars.ContextVar("VARIABLE", default=0)
COUNTS = {}
LOCK = threading.Lock()
DRAWN = random.Random(5)
ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


class Custom(Exception):
    def __init__(self, number, why):
        super().__init__(f"{number} because {why}")
        self.number, self.why = number, why

    def __reduce__(self):
        return Custom, (self.number, self.why)


class Point:
    made = 0

    def __init__(self, x, y):
        Point.made += 1
        self.x, self.y = x, y

    def __repr__(self):
        return f"Point({self.x}, {self.y})"


class Bag(set):
    def __repr__(self):
        return f"Bag({sorted(self)})"


class Box:
    """What the threads of one process share."""

    def __init__(self):
        self.value, self.log, self.seen = 0, [], {}
        self.lock, self.rlock, self.event = threading.Lock(), threading.RLock(), threading.Event()
        self.condition, self.semaphore = threading.Condition(), threading.Semaphore(2)
        self.barrier = threading.Barrier(2)
        self.queue, self.simple, self.heap = queue.Queue(2), queue.SimpleQueue(), queue.PriorityQueue()
        self.local = threading.local()


class Seen:
    """What one call has seen, in words."""

    def __init__(self, who):
        self.who, self.lines = who, []

    def __call__(self, *values):
        line = ", ".join(map(brief, values))
        self.lines.append(line)
        print(self.who, line)

    def error(self, error):
        self(type(error).__name__, ADDRESS.sub("0x", str(error)))


def bump(number):
    COUNTS["bumped"] = COUNTS.get("bumped", 0) + number
    return COUNTS["bumped"]


@functools.lru_cache
def cached(number):
    return number, random.random()


def make_counter():
    numbers = []
    return lambda: numbers.append(0) or len(numbers)


counter = make_counter()


def brief(value):
    if isinstance(value, set | frozenset):
        value = sorted(map(repr, value))
    text = ADDRESS.sub("0x", repr(value))
    if len(text) < 300:
        return text
    return f"{type(value).__name__} of {len(text)}: {hashlib.sha256(text.encode()).hexdigest()[:12]}"
'''

LATER = '''\
"""A module that only some calls import."""

import random
import time

BORN = time.time(), random.random()
USES = []


def use(number):
    USES.append(number)
    return BORN, len(USES)
'''

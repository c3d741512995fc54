"""A replicated key-value store that survives the crash of a node, and one that does not.

One replica on each storage node. The primary acknowledges a write when all backups have it; when a replica is lost,
the coordinator starts the next view with those that live.

    simactors run scenarios/kv_store/app.py:good --cluster scenarios/kv_store/cluster.toml
"""

from typing import NamedTuple

import simactors as ray
from simactors.checkers import Recording
from simactors.exceptions import ActorDiedError, ActorUnavailableError, RayActorError

REPLICAS = 3
CLIENTS = 4
WRITES = 20  # of each client
KEYS = 10  # of each client: nobody else writes them
TRIES = 20


class View(NamedTuple):
    """Who serves for now; the first replica is the primary."""

    number: int
    replicas: list


class TryAgainError(Exception):
    """The write could not be done in this view; ask the coordinator for the next one."""


@ray.remote(num_cpus=0)
class Replica:
    """Keeps (version, value) for each key; of two versions the higher one holds.

    Args:
        batch: the primary copies to the backups when it has so many writes to copy; with 1 it acknowledges no write
            that others have not.
    """

    def __init__(self, batch):
        self.batch = batch
        self.view = 0
        self.backups = []
        self.data = {}
        self.uncopied = {}

    def enter(self, number):
        """From now on older views are refused; gives what it has."""
        self.view = max(self.view, number)
        return self.data

    def start(self, view, data):
        """A view begins: who is in it, and what all of them together have."""
        self._check(view.number)
        self.backups = view.replicas[1:]
        merge(self.data, data)

    def copy(self, number, entries):
        """What the primary has got."""
        self._check(number)
        merge(self.data, entries)

    def put(self, number, key, version, value):
        self._check(number)
        merge(self.data, {key: (version, value)})
        merge(self.uncopied, {key: (version, value)})
        if len(self.uncopied) >= self.batch:
            try:
                ray.get([backup.copy.remote(number, self.uncopied) for backup in self.backups])
            except (RayActorError, TryAgainError) as error:
                raise TryAgainError("a backup did not take it") from error
            self.uncopied = {}

    def write(self, number, key, value):
        """The primary says which version it is."""
        self.put(number, key, self.data.get(key, (0, None))[0] + 1, value)

    def get(self, number, key):
        self._check(number)
        return self.data.get(key, (0, None))

    def _check(self, number):
        if number != self.view:
            raise TryAgainError(f"view {number} is over, {self.view} has begun")


@ray.remote
class Coordinator:
    """Says who serves. One view ends before the next one begins."""

    def __init__(self, replicas):
        self.view = self._begin(1, replicas)

    def current(self):
        return self.view

    def suspect(self, number):
        """Somebody could not do a request in view `number`: go on with the replicas that live."""
        if number == self.view.number:
            self.view = self._begin(number + 1, self.view.replicas)
        return self.view

    def _begin(self, number, replicas):
        data, alive = {}, []
        for replica in replicas:
            try:
                merge(data, patiently(replica.enter, number))
                alive.append(replica)
            except ActorDiedError:
                print(f"view {number} begins without a replica that is lost")
        assert alive, "all replicas are lost"
        view = View(number, alive)
        try:
            for replica in alive:
                patiently(replica.start, view, data)
        except ActorDiedError:  # one more is lost meanwhile
            return self._begin(number + 1, alive)
        return view


def patiently(method, *args):
    """Ask until there is an answer, or nobody to answer any more."""
    for _ in range(TRIES):
        try:
            return ray.get(method.remote(*args))
        except ActorUnavailableError:
            pass  # the connection broke: once more
    raise AssertionError(f"no answer in {TRIES} tries")


def merge(data, entries):
    for key, (version, value) in entries.items():
        if version > data.get(key, (0, None))[0]:
            data[key] = (version, value)


class Store:
    """What a client holds: asks the primary, and finds the next one when that does not answer."""

    def __init__(self, coordinator):
        self.coordinator = coordinator
        self.view = ray.get(coordinator.current.remote())

    def put(self, key, version, value):
        """Repeating it is harmless: a version is written once."""
        self._ask(lambda primary: primary.put.remote(self.view.number, key, version, value))

    def get(self, key):
        return self._ask(lambda primary: primary.get.remote(self.view.number, key))

    def _ask(self, send):
        for _ in range(TRIES):
            try:
                return ray.get(send(self.view.replicas[0]))
            except (RayActorError, TryAgainError):
                self.view = ray.get(self.coordinator.suspect.remote(self.view.number))
        raise AssertionError(f"no answer in {TRIES} views")


@ray.remote
def client(name, coordinator):
    """Writes, and reads back what it wrote; gives (key, acknowledged version, version read) of each write."""
    store = Store(coordinator)
    history = []
    for version in range(1, WRITES + 1):
        key = f"{name}/{version % KEYS}"
        store.put(key, version, f"value {version}")
        history.append((key, version, store.get(key)[0]))
    return history


def run_store(batch):
    """Clients write while nodes crash; what was acknowledged must be there afterwards."""
    ray.init()
    # With --cluster, one replica on each storage node; on a single machine all of them here.
    storage = {"num_cpus": 0, "resources": {"storage": 1}} if "storage" in ray.cluster_resources() else {}
    replicas = [Replica.options(**storage).remote(batch) for _ in range(REPLICAS)]
    coordinator = Coordinator.remote(replicas)
    histories = ray.get([client.remote(f"client-{number}", coordinator) for number in range(CLIENTS)])
    history = [entry for client_history in histories for entry in client_history]
    stale = [entry for entry in history if entry[2] < entry[1]]
    assert not stale, f"a read after the write gave an older version (key, written, read): {stale}"

    store = Store(coordinator)
    acknowledged = {key: version for key, version, _ in history}  # the last one of each key
    found = {key: store.get(key)[0] for key in acknowledged}
    lost = {key: (version, found[key]) for key, version in acknowledged.items() if found[key] < version}
    print(f"{len(history)} writes acknowledged, {len(store.view.replicas)} of {REPLICAS} replicas left")
    assert not lost, f"acknowledged writes are lost (key: acknowledged, found): {lost}"


def good():
    """Acknowledges a write when every backup has it."""
    run_store(batch=1)


def bad():
    """Acknowledges at once, and copies to the backups in batches of eight."""
    run_store(batch=8)


# What scenario.toml names

history = Recording(unknown=(TryAgainError,))  # some of the replicas may have it


class Client(Store):
    """Reads and writes keys that others write, too, and records what it was told.

    Args:
        read_from: "primary", or "any" replica.
    """

    def __init__(self, coordinator, read_from, rng):
        super().__init__(coordinator)
        self.read_from = read_from
        self.rng = rng

    @history.operation
    def get(self, key):
        replicas = self.view.replicas
        replica = self.rng.choice(replicas) if self.read_from == "any" else replicas[0]
        return ray.get(replica.get.remote(self.view.number, key))[1]

    @history.operation
    def put(self, key, value):
        """If there is no answer it may have taken effect, so it is not repeated."""
        ray.get(self.view.replicas[0].write.remote(self.view.number, key, value))

    def find_primary(self):
        """The one that was asked did not answer."""
        self.view = ray.get(self.coordinator.suspect.remote(self.view.number))


def open_store(batch):
    ray.init()
    storage = {"num_cpus": 0, "resources": {"storage": 1}} if "storage" in ray.cluster_resources() else {}
    coordinator = Coordinator.remote([Replica.options(**storage).remote(batch) for _ in range(REPLICAS)])
    ray.get(coordinator.current.remote())
    return coordinator, {}


def read_or_write(service, client, n, rng, keys, read_from):
    """A request: half of them read, half of them write something new."""
    coordinator, clients = service
    if client not in clients:
        clients[client] = Client(coordinator, read_from, rng)
    store, key = clients[client], f"key-{rng.randrange(keys)}"
    try:
        return store.get(key) if rng.random() < 0.5 else store.put(key, n)
    except (RayActorError, TryAgainError):
        store.find_primary()
        raise

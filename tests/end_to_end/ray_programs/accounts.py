"""Detached actors and names, errors of one's own, retries, restarts from a checkpoint. For Ray, as it is."""

import os
import time

import ray
from ray.exceptions import RayActorError, RayTaskError

ray.init(num_cpus=4, namespace="bank")


class Overdrawn(Exception):
    def __init__(self, owner, missing):
        super().__init__(owner, missing)
        self.owner, self.missing = owner, missing


@ray.remote
class Account:
    def __init__(self, owner, balance=0):
        self.owner, self.balance = owner, balance

    def add(self, amount):
        self.balance += amount
        return self.balance

    def take(self, amount):
        if amount > self.balance:
            raise Overdrawn(self.owner, amount - self.balance)
        self.balance -= amount
        return self.balance


def account(owner):
    return Account.options(name=owner, get_if_exists=True, lifetime="detached").remote(owner)


account("ada").add.remote(10)
print(ray.get(account("ada").add.remote(5)), ray.get(ray.get_actor("ada").take.remote(1)))
account("bob")
print(sorted(actor["name"] for actor in ray.util.list_named_actors(all_namespaces=True)))
try:
    Account.options(name="ada").remote("another")
except ValueError as error:
    print(type(error).__name__)


@ray.remote
def transfer(giver, taker, amount):
    left = ray.get(ray.get_actor(giver).take.remote(amount))
    return left, ray.get(ray.get_actor(taker).add.remote(amount))


print(ray.get(transfer.remote("ada", "bob", 4)))
try:
    ray.get(transfer.remote("bob", "ada", 100))
except Overdrawn as error:
    print(isinstance(error, RayTaskError), error.owner, error.missing, repr(error.cause))
try:
    ray.get(ray.get_actor("nobody").add.remote(1))
except ValueError:
    print("nobody is not there")


@ray.remote
class Attempts:
    def __init__(self):
        self.count = 0

    def next(self):
        self.count += 1
        return self.count


attempts = Attempts.remote()


@ray.remote(max_retries=2, retry_exceptions=[ConnectionError])
def flaky(attempts):
    count = ray.get(attempts.next.remote())
    if count < 3:
        raise ConnectionError(count)
    return count


print(ray.get(flaky.remote(attempts)))


@ray.remote(max_retries=1, retry_exceptions=[ConnectionError])
def wrong(attempts):
    ray.get(attempts.next.remote())
    return {}["key"]


try:
    ray.get(wrong.remote(attempts))
except KeyError as error:
    print("not retried:", error.cause, ray.get(attempts.next.remote()))


@ray.remote(max_restarts=2, max_task_retries=-1)
class Ledger:
    """Writes down how far it is, outside of itself."""

    def __init__(self, store):
        self.store = store
        self.lines = ray.get(store.load.remote())

    def write(self, line, crash=False):
        if line not in self.lines:
            self.lines.append(line)
            ray.get(self.store.save.remote(self.lines))
            if crash:
                os._exit(1)
        return len(self.lines), ray.get_runtime_context().was_current_actor_reconstructed


@ray.remote
class Store:
    def __init__(self):
        self.lines = []

    def load(self):
        return self.lines

    def save(self, lines):
        self.lines = lines


store = Store.remote()
ledger = Ledger.remote(store)
print(ray.get(ledger.write.remote("first")))
print(ray.get(ledger.write.remote("second", crash=True)))
print(ray.get(store.load.remote()))
for owner in ("ada", "bob"):
    ray.kill(ray.get_actor(owner))
for _ in range(100):
    if not ray.util.list_named_actors():
        break
    time.sleep(0.1)
print(ray.util.list_named_actors())
ada = Account.remote("ada", 3)
ray.kill(ada)
try:
    ray.get(ada.add.remote(1))
except RayActorError as error:
    print(type(error).__name__, error.actor_id == ada._actor_id.hex())

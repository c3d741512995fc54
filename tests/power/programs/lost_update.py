"""A lost update: clients read a balance in one call and write it back in another.

Property: n clients that add 1 each leave n. To break it, a client's read must come between another one's read and its
write; any order of messages that lets two clients overlap does. No fault is needed.
"""

import simactors as ray


@ray.remote
class Account:
    def __init__(self):
        self.balance = 0

    def read(self):
        return self.balance

    def write(self, balance):
        self.balance = balance

    def add(self, amount):
        self.balance += amount


@ray.remote
def add_by_read_and_write(account):
    balance = ray.get(account.read.remote())
    ray.get(account.write.remote(balance + 1))


@ray.remote
def add_by_message(account):
    ray.get(account.add.remote(1))


def run(client, clients):
    account = Account.remote()
    ray.get([client.remote(account) for _ in range(clients)])
    balance = ray.get(account.read.remote())
    assert balance == clients, f"{clients} clients added 1 each, and {balance} is there"


def lost():
    run(add_by_read_and_write, 2)


def lost_3():
    run(add_by_read_and_write, 3)


def counted():
    run(add_by_message, 2)


def counted_3():
    run(add_by_message, 3)

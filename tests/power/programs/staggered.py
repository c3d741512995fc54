"""A lost update between clients that are far apart: the second one has much to do before it comes.

The first client reads and writes at once; the second makes some calls of its own, one after the other, and then reads
and writes. Property: both additions count. To break it, the second client's read must come before the first one's
write: that write must be late by as long as all those calls take, and so must be no other message. The variants
`staggered_same` make their calls to the very account that both change.
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

    def nothing(self):
        """What takes a turn and changes nothing."""


def by_read_and_write(account):
    balance = ray.get(account.read.remote())
    ray.get(account.write.remote(balance + 1))


def by_message(account):
    ray.get(account.add.remote(1))


@ray.remote
def first(account, add):
    add(account)


@ray.remote
def second(account, add, busy_with, calls):
    for _ in range(calls):
        ray.get(busy_with.nothing.remote())
    add(account)


def run(add, calls, *, same=False):
    account = Account.remote()
    busy_with = account if same else Account.remote()
    ray.get([first.remote(account, add), second.remote(account, add, busy_with, calls)])
    balance = ray.get(account.read.remote())
    assert balance == 2, f"two clients added 1 each, and {balance} is there"


def staggered_5():
    run(by_read_and_write, 5)


def staggered_20():
    run(by_read_and_write, 20)


def staggered_50():
    run(by_read_and_write, 50)


def staggered_same_20():
    run(by_read_and_write, 20, same=True)


def together_5():
    run(by_message, 5)


def together_20():
    run(by_message, 20)


def together_50():
    run(by_message, 50)


def together_same_20():
    run(by_message, 20, same=True)

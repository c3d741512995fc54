"""A bank that loses money, and the same bank mended.

Accounts are actors. A transfer reads a balance in one call and writes it back in another; between the two,
another transfer may do the same.

    simactors hunt scenarios/bank/app.py:buggy --seeds 100
    simactors hunt scenarios/bank/app.py:fixed --seeds 100

The same transfers from many clients at once, as a scenario:

    simactors run scenarios/bank
"""

import simactors as ray

ACCOUNTS = 3
START = 100


@ray.remote
class Account:
    def __init__(self, balance):
        self.balance = balance

    def read(self):
        return self.balance

    def write(self, balance):
        self.balance = balance

    def change(self, amount):
        """Read and write in one call: an actor runs one call at a time."""
        self.balance += amount


@ray.remote
def transfer_buggy(source, target, amount):
    """Reads, then writes what it read: what others wrote in between is lost."""
    ray.get(source.write.remote(ray.get(source.read.remote()) - amount))
    ray.get(target.write.remote(ray.get(target.read.remote()) + amount))


@ray.remote
def transfer_fixed(source, target, amount):
    """Lets each account change itself."""
    ray.get([source.change.remote(-amount), target.change.remote(amount)])


def run_bank(transfer):
    """Two transfers into the same account at the same time; money may move, but it may not vanish."""
    first, second, third = (Account.remote(START) for _ in range(ACCOUNTS))
    ray.get([transfer.remote(first, third, 10), transfer.remote(second, third, 20)])
    balances = ray.get([account.read.remote() for account in (first, second, third)])
    print("balances:", *balances)
    assert sum(balances) == ACCOUNTS * START, f"{sum(balances)} left of {ACCOUNTS * START}: {balances}"


def buggy():
    run_bank(transfer_buggy)


def fixed():
    run_bank(transfer_fixed)


# What scenario.toml names


def open_accounts(accounts):
    return [Account.remote(START) for _ in range(accounts)]


def transfer(accounts, rng, safely):
    """A request: move some money from one account to another."""
    source, target = rng.sample(accounts, 2)
    return (transfer_fixed if safely else transfer_buggy).remote(source, target, rng.randint(1, 20))


def no_money_is_lost(accounts):
    balances = ray.get([account.read.remote() for account in accounts])
    expected = len(accounts) * START
    assert sum(balances) == expected, f"{sum(balances)} left of {expected}: {balances}"

"""An async actor that checks, waits, and then acts on what it has checked.

Property: a shop with one item sells one; a shop's balance is the sum of what was paid in. To break it, a second call
must come while the first one waits: `oversold` checks before it waits and takes afterwards, `overwritten` reads the
balance before an `await` within one statement (`self.balance += await ...`). No fault is needed.
"""

import simactors as ray


@ray.remote
class Bank:
    def pay(self):
        return 1


@ray.remote
class Shop:
    def __init__(self, bank):
        self.bank = bank
        self.items = 1
        self.sold = 0
        self.balance = 0

    async def sell_what_was_there(self):
        if self.items > 0:
            await self.bank.pay.remote()
            self.items -= 1
            self.sold += 1

    async def sell_what_is_taken(self):
        if self.items > 0:
            self.items -= 1
            await self.bank.pay.remote()
            self.sold += 1

    async def add_around_the_wait(self):
        self.balance += await self.bank.pay.remote()

    async def add_after_the_wait(self):
        paid = await self.bank.pay.remote()
        self.balance += paid

    async def report(self):
        return self.sold, self.balance


@ray.remote
def customer(shop, method):
    ray.get(getattr(shop, method).remote())


def run(method, expected):
    shop = Shop.remote(Bank.remote())
    ray.get([customer.remote(shop, method) for _ in range(2)])
    report = ray.get(shop.report.remote())
    assert report == expected, f"sold, and paid in: {report}, and not {expected}"


def oversold():
    run("sell_what_was_there", (1, 0))


def overwritten():
    run("add_around_the_wait", (0, 2))


def taken_first():
    run("sell_what_is_taken", (1, 0))


def added_after():
    run("add_after_the_wait", (0, 2))

"""A deadlock: actors that wait for one another inside their methods.

Property: all exchanges come to an end. Each plain actor runs one call at a time, so when all of them have begun an
exchange before the first one asks its neighbour, none ever answers. No fault is needed, only that order. In `abba_10`
each client makes ten calls before, so that the two are rarely at that point together.
"""

import simactors as ray


@ray.remote
class Shop:
    """Trades with its neighbour: one of each goes to the other."""

    def __init__(self):
        self.goods = 10

    def trade(self, neighbour):
        self.goods += ray.get(neighbour.hand_over.remote())

    def hand_over(self):
        self.goods -= 1
        return 1

    def stock(self):
        return self.goods


@ray.remote
class PoliteShop:
    """The same, but it serves others while it waits."""

    def __init__(self):
        self.goods = 10

    async def trade(self, neighbour):
        received = await neighbour.hand_over.remote()
        self.goods += received

    async def hand_over(self):
        self.goods -= 1
        return 1

    async def stock(self):
        return self.goods


@ray.remote
def client(shop, neighbour, calls):
    for _ in range(calls):
        ray.get(shop.stock.remote())
    ray.get(shop.trade.remote(neighbour))


def run(kind, shops, calls=0):
    """Everybody in a ring trades with the next one."""
    ring = [kind.remote() for _ in range(shops)]
    ray.get([client.remote(ring[i], ring[(i + 1) % shops], calls) for i in range(shops)])
    goods = ray.get([shop.stock.remote() for shop in ring])
    assert goods == [10] * shops, f"goods got lost: {goods}"


def run_in_order(shops, calls=0):
    """The fix without async: nobody asks one who comes before it, so no ring of those who wait closes."""
    ring = [Shop.remote() for _ in range(shops)]
    pairs = [sorted((i, (i + 1) % shops)) for i in range(shops)]
    ray.get([client.remote(ring[low], ring[high], calls) for low, high in pairs])
    goods = sum(ray.get([shop.stock.remote() for shop in ring]))
    assert goods == 10 * shops, f"goods got lost: {goods}"


def abba():
    run(Shop, 2)


def abba_10():
    run(Shop, 2, calls=10)


def ring_3():
    run(Shop, 3)


def in_order():
    run_in_order(2)


def in_order_10():
    run_in_order(2, calls=10)


def polite():
    run(PoliteShop, 2)


def polite_3():
    run(PoliteShop, 3)

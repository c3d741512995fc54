"""A payment that is made again after an error, and charged twice.

The ledger is an actor of its own and outlives what goes wrong with the till. Property: an order is charged once if
the client was told so, and never twice. To break it, the payment must be done and its reply lost: the till's process
crashes after the call, or inside it behind the charge, or the connection breaks under the reply (`FailCall`). Some
variants are made again by Ray (`max_task_retries`), others by a client that catches the error.
"""

import simactors as ray
from simactors.exceptions import RayError

PRICE = 40
TRIES = 3


@ray.remote
class Ledger:
    """Charges a key once; without a key, whatever it is told."""

    def __init__(self):
        self.charges = []
        self.keys = set()

    def charge(self, amount, key):
        if key is not None and key in self.keys:
            return
        self.keys.add(key)
        self.charges.append(amount)

    def all(self):
        return self.charges


@ray.remote(max_restarts=2)
class Till:
    def __init__(self, ledger):
        self.ledger = ledger

    def pay(self, amount, key=None):
        ray.get(self.ledger.charge.remote(amount, key))
        return "paid"


def by_ray(till, key):
    """Leaves it to Ray to make the call again."""
    return (
        ray.get(till.pay.options(max_task_retries=TRIES, retry_exceptions=True).remote(PRICE, key)) == "paid"
    )


def by_client(till, key):
    """Catches what can go wrong, and asks again."""
    for _ in range(TRIES):
        try:
            return ray.get(till.pay.remote(PRICE, key)) == "paid"
        except RayError:
            continue
    return False


def run(pay, key):
    ledger = Ledger.remote()
    till = Till.options(scheduling_strategy="SPREAD").remote(ledger)
    try:
        paid = pay(till, key)
    except RayError:
        paid = False
    try:
        charges = ray.get(ledger.all.options(max_task_retries=TRIES).remote())
    except RayError:
        return  # the books burnt: nobody can say what is wrong with them
    assert len(charges) <= 1, f"one order was charged {len(charges)} times: {charges}"
    assert charges or not paid, "the order is paid and nothing was charged"


def retried():
    run(by_ray, None)


def caught():
    run(by_client, None)


def retried_with_key():
    run(by_ray, "order-1")


def caught_with_key():
    run(by_client, "order-1")

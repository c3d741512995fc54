"""A client that takes no answer for a failure, and spends twice.

It waits for half a second for its payment; when there is no answer by then, it pays again. Property: it pays once. To
break it, the request or the answer must be late by as much: a slow message or a pause. The twin names its payment.
"""

import simactors as ray

PATIENCE_S = 0.5
TRIES = 2


@ray.remote
class Bank:
    def __init__(self):
        self.paid = []

    def pay(self, amount, key=None):
        if key is None or key not in self.paid:
            self.paid.append(key)
        return amount

    def payments(self):
        return len(self.paid)


@ray.remote
def client(bank, key):
    refs = []
    for _ in range(TRIES):
        refs.append(bank.pay.remote(10, key))
        ready, _ = ray.wait(refs, timeout=PATIENCE_S)
        if ready:
            break
    ray.get(refs)


def run(key):
    bank = Bank.remote()
    ray.get(client.remote(bank, key))
    payments = ray.get(bank.payments.remote())
    assert payments == 1, f"one bill was paid {payments} times"


def twice():
    run(None)


def once():
    run("bill-1")

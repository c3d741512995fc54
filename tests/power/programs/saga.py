"""A journey of two bookings, and nobody who cancels the first when the second fails.

Property: afterwards both the flight and the room are booked, or neither. To break it, the connection to the hotel
must break, or the agency's process crash between the two. The twin cancels both on any error: also the one that
failed, which may have been done, and before it comes if it is late.
"""

import time

import simactors as ray
from simactors.exceptions import RayError

TRIES = 6
SETTLE_S = 5.0


@ray.remote
class Seller:
    """Sells a journey once; one that was cancelled is never sold, in whatever order the two messages come."""

    def __init__(self):
        self.sold = set()
        self.cancelled = set()

    def book(self, journey):
        if journey not in self.cancelled:
            self.sold.add(journey)

    def cancel(self, journey):
        self.cancelled.add(journey)
        self.sold.discard(journey)

    def has_sold(self, journey):
        return journey in self.sold


@ray.remote(max_restarts=2, scheduling_strategy="SPREAD")
class Agency:
    def __init__(self, airline, hotel):
        self.sellers = (airline, hotel)

    def book(self, journey):
        for seller in self.sellers:
            ray.get(seller.book.remote(journey))

    def cancel(self, journey):
        ray.get([seller.cancel.options(max_task_retries=3).remote(journey) for seller in self.sellers])


def run(*, compensate):
    sellers = [Seller.remote(), Seller.remote()]
    agency = Agency.remote(*sellers)
    try:
        ray.get(agency.book.remote("journey"))
    except RayError:
        time.sleep(SETTLE_S)  # what is on its way may still do it
        if compensate and not cancelled(agency):
            return  # still trying
    try:
        sold = ray.get([seller.has_sold.options(max_task_retries=3).remote("journey") for seller in sellers])
    except RayError:
        return  # a seller is lost for good, with its books
    assert sold in ([True, True], [False, False]), f"the flight and the room are booked: {sold}"


def cancelled(agency):
    for _ in range(TRIES):
        try:
            ray.get(agency.cancel.remote("journey"))
            return True
        except RayError:
            continue
    return False


def uncompensated():
    run(compensate=False)


def compensated():
    run(compensate=True)

"""Stories for reports: a lost update with everything that can be said of a run, and others of any size."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import simactors as ray
from simactors import simulate
from simactors.core.events import Record
from simactors.exploration.runner import Ending
from simactors.exploration.story import Decisive, Story

NASTY = """<script>alert("x & 'y'")</script></svg>"""


@ray.remote
class Account:
    def __init__(self):
        self.balance = 0

    def read(self):
        return self.balance

    def write(self, value, note=""):
        self.balance = value


@ray.remote
def deposit(account, amount):
    ray.get(account.write.remote(ray.get(account.read.remote()) + amount, NASTY))


def lost_update_records() -> list[Record]:
    records: list[Record] = []
    with simulate(seed=0, watch=records.append):
        account = Account.remote()
        ray.get([deposit.remote(account, 5), deposit.remote(account, 7)])
        ray.get(account.read.remote())
    return records


@pytest.fixture(scope="session")
def lost_update() -> Story:
    records = lost_update_records()
    write = next(i for i, r in enumerate(records) if r.kind == "call" and r.what == "Account.write")
    return Story.of(
        records,
        ending=Ending("failed", "AssertionError", f"balance is 5 {NASTY}", f"Traceback {NASTY}"),
        decisive=Decisive(record=write, before=0.12, after=1.0),
        notes={write: f"delayed past {NASTY}"},
    )


@pytest.fixture(scope="session")
def rounds() -> Callable[..., Story]:
    """The driver asks each of some actors, round after round."""

    def rounds(actors: int, times: int, most: int = 150) -> Story:
        records = []
        for call in range(1, actors * times + 1):
            actor = f"actor-{(call - 1) % actors + 1}"
            for ms, kind, process in enumerate_hops(call, actor):
                records.append(Record(ms * 1_000_000, kind, call, process, "Worker.step"))
        return Story.of(records, ending=Ending("failed", "ValueError", "no\nmore"), most=most)

    return rounds


def enumerate_hops(call: int, actor: str) -> list[tuple[int, str, str]]:
    return [
        (4 * call, "call", "driver"),
        (4 * call + 1, "start", actor),
        (4 * call + 2, "return", actor),
        (4 * call + 3, "ready", "driver"),
    ]

"""What remains of a failing run: hardly more than what a person would find who knows the bug, and the same failure."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from simactors.core.fault_plan import CrashProcess, FaultPlan
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Campaign, Quest
from simactors.exploration.findings import Finding
from simactors.exploration.recipe import Recipe
from simactors.exploration.script import Script
from simactors.exploration.shrinking import Shrunk, shrink
from simactors.exploration.target import Program, Target
from tests.power.programs import FOLDER

DELAY, RPC = ("delay",), ("delay", "crash", "rpc")

# How many deviations and faults a person needs.
BY_HAND = {
    "lost_update.py:lost": (DELAY, 0, 0),
    "abba.py:abba": (DELAY, 0, 0),
    "named_actor.py:raced": (DELAY, 0, 0),
    "staggered.py:staggered_5": (DELAY, 1, 0),
    "staggered.py:staggered_20": (DELAY, 1, 0),
    "reorder.py:reorder_3": (DELAY, 1, 0),
    "passed_over.py:passed_over_5": (DELAY, 1, 0),
    "stale_cache.py:unversioned": (DELAY, 1, 0),
    "replica.py:stale": (DELAY, 1, 0),
    "retry.py:retried": (RPC, 0, 1),
    "saga.py:uncompensated": (RPC, 0, 1),
    "barrier.py:counted": (("rpc",), 0, 1),
}


@cache
def found(name: str, faults: tuple[str, ...] = DELAY, seed: int = 0) -> Finding:
    program = Program(target=Target.parse(str(FOLDER / name)), preemption="stores")
    quest = Quest(first_seed=seed, faults=faults, audit_every=None)
    tally = Campaign(program, quest).run(Budget(300))
    return next(iter(tally.findings.values()))


@cache
def shrunk(name: str, faults: tuple[str, ...] = DELAY, seed: int = 0) -> Shrunk:
    return shrink(found(name, faults, seed), Budget(runs=400))


@pytest.mark.parametrize(
    ("name", "seed"), [*((name, 0) for name in BY_HAND), ("staggered.py:staggered_20", 50)]
)
def test_hardly_more_remains_than_a_person_would_leave(name: str, seed: int) -> None:
    kinds, deviations, faults = BY_HAND[name]
    small = shrunk(name, kinds, seed)
    recipe = small.finding.recipe
    assert recipe.script is not None
    assert len(recipe.script.deviations) + len(recipe.faults.faults) <= 1.5 * (deviations + faults)
    assert len(recipe.faults.faults) <= faults
    assert small.is_smallest


@pytest.mark.parametrize("name", BY_HAND)
def test_it_fails_as_before_and_repeats(name: str) -> None:
    first, small = found(name, BY_HAND[name][0]), shrunk(name, BY_HAND[name][0]).finding
    assert small.group == first.group
    assert small.run == first.run
    again = small.recipe.run()
    assert (again.digest, again.ending) == (small.result.digest, small.result.ending)


def test_a_budget_ends_it_with_the_smallest_so_far() -> None:
    first = found("staggered.py:staggered_20", seed=50)
    for runs in (0, 1, 3):
        small = shrink(first, Budget(runs=runs))
        assert (small.runs, small.is_smallest) == (runs, False)
        assert small.finding.group == first.group
        assert len(small.finding.recipe.script or ()) <= len(first.recipe.script or ())


def test_what_does_not_repeat_is_given_back_as_it_is() -> None:
    first = found("lost_update.py:lost")
    twin = Program(
        target=Target.parse(str(FOLDER / "lost_update.py:counted")), slack=first.recipe.program.slack
    )
    mended = replace(first, recipe=replace(first.recipe, program=twin))
    small = shrink(mended, Budget(runs=50))
    assert (small.finding, small.runs, small.is_smallest) == (mended, 1, False)


class Impatient(Budget):
    """Ctrl-C is pressed before the fourth run."""

    def spend(self) -> None:
        super().spend()
        if self.spent_runs == 4:
            raise KeyboardInterrupt


def test_ctrl_c_ends_it_with_the_smallest_so_far() -> None:
    first = found("staggered.py:staggered_20", seed=50)
    small = shrink(first, Impatient())
    assert not small.is_smallest
    assert small.finding.group == first.group


SIZED = """
import simactors as ray

@ray.remote
class Account:
    def __init__(self):
        self.balance = 0
    def read(self):
        return self.balance
    def write(self, balance):
        self.balance = balance

@ray.remote
def client(account, calls):
    for _ in range(calls):
        balance = ray.get(account.read.remote())
        ray.get(account.write.remote(balance + 1))

def main(clients=4, share=0.5, *, calls=6, name="bank"):
    account = Account.remote()
    ray.get([client.remote(account, calls) for _ in range(clients)])
    assert ray.get(account.read.remote()) == clients * calls
"""


def test_a_target_that_says_how_much_it_does_does_less(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SIZED)
    program = Program(target=Target.parse(f"{tmp_path}/app.py:main"))
    (finding,) = Campaign(program, Quest()).run(Budget(50)).findings.values()
    small = shrink(finding, Budget(runs=200)).finding
    assert small.recipe.program.workload == (("calls", 1), ("clients", 2))
    assert Recipe.from_fields(small.recipe.to_fields()) == small.recipe
    assert small.recipe.run().digest == small.result.digest


def test_of_seeds_none_is_plainer(tmp_path: Path) -> None:
    (tmp_path / "dice.py").write_text(
        "import random\n"
        "import simactors as ray\n\n"
        "@ray.remote\n"
        "class Die:\n"
        "    def roll(self):\n"
        "        return random.randrange(20)\n\n"
        "def main():\n"
        "    die = Die.remote()\n"
        "    assert ray.get(die.roll.remote()) != 7\n"
    )
    program = Program(target=Target.parse(f"{tmp_path / 'dice.py'}:main"))
    tally = Campaign(program, Quest(audit_every=None)).run(Budget(300))
    small = shrink(next(iter(tally.findings.values())), Budget(runs=20))
    assert small.finding.recipe.script is not None
    assert [answer.label for answer in small.finding.recipe.script.answers] == ["random/actor-1"]
    assert small.is_smallest, "no smaller seed is looked for"


def test_a_crash_at_some_time_is_told_by_what_its_process_hears_then(tmp_path: Path) -> None:
    (tmp_path / "ledger.py").write_text(
        "import simactors as ray\n\n"
        "@ray.remote\n"
        "class Ledger:\n"
        "    def __init__(self):\n"
        "        self.sides = []\n"
        "    def book(self, side):\n"
        "        self.sides.append(side)\n"
        "    def booked(self):\n"
        "        return self.sides\n\n"
        "@ray.remote\n"
        "class Clerk:\n"
        "    def move(self, ledger):\n"
        "        for side in ('debit', 'credit'):\n"
        "            ray.get(ledger.book.remote(side))\n\n"
        "def main():\n"
        "    ledger, clerk = Ledger.remote(), Clerk.remote()\n"
        "    try:\n"
        "        ray.get(clerk.move.remote(ledger))\n"
        "    except ray.exceptions.ActorDiedError:\n"
        "        pass\n"
        "    assert len(ray.get(ledger.booked.remote())) == 2\n"
    )
    program = Quest().world_for(Program(target=Target.parse(f"{tmp_path / 'ledger.py'}:main")))
    crash = CrashProcess(process="Clerk#1", at_s=0.00025)
    recipe = Recipe(program=program, script=Script(), faults=FaultPlan((crash,)))
    small = shrink(Finding(run=1, recipe=recipe, result=recipe.run()), Budget(runs=50))
    assert small.finding.recipe.faults.faults == (
        CrashProcess(process="Clerk#1", call="Ledger.book", on_reply=1),
    )
    assert small.is_smallest

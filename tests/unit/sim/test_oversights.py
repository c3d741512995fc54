"""What a run fails for without any assertion, if it is asked to: a program for each kind, and twins that pass.

Each program is a function of `PROGRAMS`, run as `simactors run` would: what the driver's variables hold is gone when it
has ended.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import simactors as ray
from simactors import exceptions
from simactors.exploration.findings import Group
from simactors.exploration.recipe import Recipe
from simactors.exploration.repro import Repro
from simactors.exploration.runner import RunResult, run_simulated
from simactors.exploration.target import Program, Target
from simactors.sim.config import SimConfig, Slack
from simactors.sim.fail_on import FailOn

PROGRAMS = """\
import asyncio
import time
import simactors as ray
from simactors.exceptions import GetTimeoutError, RayError


@ray.remote
class Bank:
    def refuse(self, amount):
        raise ValueError(f"no {amount}")

    def keep(self, *what):
        self.kept = what

    def take_long(self):
        time.sleep(5)


@ray.remote
def consume(value):
    return value


@ray.remote
def refused(bank):
    ref = bank.refuse.remote(3)
    time.sleep(1)
    return "never looked"


def quietly(get):
    try:
        get()
    except RayError:
        pass


def unread():
    bank = Bank.remote()
    bank.refuse.remote(1)
    ray.get(bank.keep.remote(1))


def unread_by_a_task():
    ray.get(refused.remote(Bank.remote()))


def unread_but_waited_for():
    ray.wait([Bank.remote().refuse.remote(1)])


def unread_by_who_was_passed_it():
    ray.wait([consume.remote(Bank.remote().refuse.remote(1))])


def read():
    quietly(lambda: ray.get(Bank.remote().refuse.remote(1)))


def read_together():
    bank = Bank.remote()
    quietly(lambda: ray.get([bank.refuse.remote(n) for n in range(3)]))
    ray.get(bank.keep.remote(1))


def read_by_who_was_passed_it():
    quietly(lambda: ray.get(consume.remote(Bank.remote().refuse.remote(1))))


def read_by_awaiting():
    async def main():
        try:
            await Bank.remote().refuse.remote(1)
        except ValueError:
            pass
    asyncio.run(main())


@ray.remote
def produce():
    yield 1
    raise ValueError("no 2")


@ray.remote(num_returns=2)
def both():
    raise ValueError("no 3")


@ray.remote(max_retries=3, retry_exceptions=True)
def fails_at_first(bank):
    if ray.get(bank.count.remote()) == 1:
        raise ValueError("no 4")


def unread_item():
    items = produce.remote()
    time.sleep(1)


def read_item():
    for item in produce.remote():
        quietly(lambda: ray.get(item))


def read_one_of_both():
    first, second = both.remote()
    quietly(lambda: ray.get(second))


def retried():
    fails_at_first.remote(Counter.remote())
    time.sleep(1)


@ray.remote
class Counter:
    def __init__(self):
        self.counted = 0

    def count(self):
        self.counted += 1
        return self.counted


def cancelled():
    ref = Bank.remote().refuse.remote(consume.remote(1))
    ray.cancel(ref)
    time.sleep(1)


def killed():
    bank = Bank.remote()
    ref = bank.take_long.remote()
    ray.get(bank.keep.remote(1), timeout=20)
    bank.take_long.remote()
    ray.kill(bank)
    time.sleep(1)


def circle():
    one, other = Bank.remote(), Bank.remote()
    ray.get([one.keep.remote({"peers": [other]}), other.keep.remote(one)])


def circle_of_itself():
    bank = Bank.remote()
    ray.get(bank.keep.remote(bank))


def circle_below_another_one():
    top, one, other = Bank.remote(), Bank.remote(), Bank.remote()
    ray.get([top.keep.remote(one), one.keep.remote(other), other.keep.remote(one)])


def circle_with_a_tail():
    tail, one, other = Counter.remote(), Bank.remote(), Bank.remote()
    ray.get([one.keep.remote(other), other.keep.remote(one, tail)])


def detached():
    Bank.options(name="vault", lifetime="detached").remote()


def chain():
    one, other = Bank.remote(), Bank.remote()
    ray.get(one.keep.remote(other))


def circle_cut():
    one, other = Bank.remote(), Bank.remote()
    ray.get([one.keep.remote(other), other.keep.remote(one)])
    ray.get(one.keep.remote(None))


def circle_killed():
    one, other = Bank.remote(), Bank.remote()
    ray.get([one.keep.remote(other), other.keep.remote(one)])
    ray.kill(one)
    time.sleep(1)


def circle_that_the_driver_knows():
    global known
    known, other = Bank.remote(), Bank.remote()
    ray.get([known.keep.remote(other), other.keep.remote(known)])


def circle_at_work():
    one, other = Bank.remote(), Bank.remote()
    ray.get([one.keep.remote(other), other.keep.remote(one)])
    one.take_long.remote()


def detached_and_killed():
    bank = Bank.options(name="vault", lifetime="detached").remote()
    ray.kill(bank)
    time.sleep(1)


def timeout():
    ref = Bank.remote().take_long.remote()
    quietly(lambda: ray.get(ref, timeout=1))
    ray.get(ref)


def timeout_of_several():
    ref = Bank.remote().take_long.remote()
    quietly(lambda: ray.get([ref, ray.put(1)], timeout=1))
    ray.get(ref)


def in_time():
    bank = Bank.remote()
    ref = bank.take_long.remote()
    assert ray.wait([ref], timeout=1) == ([], [ref])
    ray.get([ref, ref], timeout=20)
    quietly(lambda: ray.get([bank.refuse.remote(1), bank.take_long.remote()], timeout=1))


@ray.remote
class Hall:
    def __init__(self):
        self.inside = 0

    async def enter(self, least):
        while self.inside < least:
            await asyncio.sleep(0.01)
        self.inside += 1


@ray.remote
def visitor(hall):
    for _ in range(20):
        ray.get(hall.enter.remote(0))


def starving():
    hall = Hall.remote()
    shy = hall.enter.remote(10)
    ray.get([visitor.remote(hall), shy])


def served():
    hall = Hall.remote()
    ray.get([visitor.remote(hall), visitor.remote(hall), hall.enter.remote(0)])


def slow_but_alone():
    ray.get([Bank.remote().take_long.remote() for _ in range(3)])


@ray.remote
class Player:
    def hit(self, other, me, times):
        if times:
            other.hit.remote(me, other, times - 1)

    async def wait(self):
        await asyncio.sleep(10)


def play(times):
    one, other, never = Player.remote(), Player.remote(), Player.remote()
    one.hit.remote(other, one, times)
    ray.get(never.wait.remote())


def livelock():
    play(10**6)


def short_play():
    play(20)


def busy_driver():
    one, other = Player.remote(), Player.remote()
    one.hit.remote(other, one, 500)
    for _ in range(100):
        ray.get(Bank.remote().keep.remote(1))


def sleeping_driver():
    one, other = Player.remote(), Player.remote()
    one.hit.remote(other, one, 500)
    time.sleep(10)
    ray.get(Bank.remote().keep.remote(1))
"""
ALL = ("unread-error", "leaked-actor", "get-timeout", "starvation=5", "livelock=300")
FAILING = {
    "unread": "UnreadError",
    "unread_by_a_task": "UnreadError",
    "unread_item": "UnreadError",
    "unread_but_waited_for": "UnreadError",
    "unread_by_who_was_passed_it": "UnreadError",
    "circle": "LeakedActorError",
    "circle_of_itself": "LeakedActorError",
    "circle_below_another_one": "LeakedActorError",
    "detached": "LeakedActorError",
    "timeout": "DriverTimeoutError",
    "timeout_of_several": "DriverTimeoutError",
    "starving": "StarvationError",
    "livelock": "LivelockError",
}
PASSING = [
    "read",
    "read_together",
    "read_item",
    "read_one_of_both",
    "retried",
    "cancelled",
    "read_by_who_was_passed_it",
    "read_by_awaiting",
    "killed",
    "chain",
    "circle_cut",
    "circle_killed",
    "circle_that_the_driver_knows",
    "circle_at_work",
    "detached_and_killed",
    "in_time",
    "served",
    "slow_but_alone",
    "short_play",
    "busy_driver",
    "sleeping_driver",
]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("programs") / "app.py"
    path.write_text(PROGRAMS)
    return path


def program(file: Path, name: str, fail_on: tuple[str, ...] = ALL) -> Program:
    return Program(target=Target(str(file), name), fail_on=fail_on, max_steps=5_000)


def run(file: Path, name: str, fail_on: tuple[str, ...] = ALL, seed: int = 0) -> RunResult:
    return run_simulated(program(file, name, fail_on), seed)


def line_of(text: str) -> str:
    """The place of a line of `PROGRAMS`, as reports write it."""
    before = PROGRAMS[: PROGRAMS.index(text)]
    return f"app.py:{before.count(chr(10)) + 1}"


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", FAILING)
def test_a_program_fails_for_what_it_overlooks_if_it_was_asked_to(file: Path, name: str, seed: int) -> None:
    ending = run(file, name, seed=seed).ending
    assert (ending.outcome, ending.kind) == ("failed", FAILING[name]), ending.traceback
    assert ending.place.startswith("app.py:")


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", PASSING)
def test_a_program_that_overlooks_nothing_passes(file: Path, name: str, seed: int) -> None:
    ending = run(file, name, seed=seed).ending
    assert ending.outcome == "passed", ending.traceback


@pytest.mark.parametrize("name", [name for name in FAILING if name != "livelock"])
def test_nothing_of_it_is_looked_for_unasked_and_looking_changes_no_run(file: Path, name: str) -> None:
    plain, looked_at = run(file, name, ()), run(file, name)
    assert not plain.failed
    if FAILING[name] != "StarvationError":  # which ends the run
        assert plain.digest == looked_at.digest


@pytest.mark.parametrize("name", ["unread", "circle", "timeout", "starving"])
def test_it_is_found_where_the_order_is_explored_and_a_token_keeps_it(file: Path, name: str) -> None:
    explored = Program(target=Target(str(file), name), fail_on=ALL, slack=Slack(messages_s=1.0))
    recipe = Recipe(program=explored)
    result = recipe.run()
    assert result.ending.kind == FAILING[name], result.ending.traceback
    again = Repro.read(Repro.of(recipe, result).token).recipe
    assert again == recipe
    assert again.run().ending == result.ending


def test_an_unread_error_is_told_with_its_call_its_text_and_the_line_that_raised(file: Path) -> None:
    ending = run(file, "unread").ending
    assert ending.message is not None
    assert ending.message.startswith("Bank.refuse #2 of driver raised at 0.00")
    assert ending.message.rstrip().endswith("ValueError: no 1")
    assert ending.place == f"{line_of('raise ValueError')} in refuse"


def test_a_leaked_actor_is_told_with_the_line_that_made_it(file: Path) -> None:
    ending = run(file, "circle").ending
    assert ending.message is not None
    assert "actor-1 (Bank) is alive when the program has ended" in ending.message
    assert "actor-2 (Bank) was made at" in ending.message
    assert ending.place == f"{line_of('one, other = Bank.remote(), Bank.remote()')} in circle"


def test_who_is_in_the_circle_is_told_before_who_is_only_kept_by_it(file: Path) -> None:
    message = run(file, "circle_with_a_tail").ending.message
    assert message is not None
    assert message.startswith("actor-2 (Bank) is alive")
    assert "actor-1 (Counter) was made at" in message


def test_a_time_out_is_told_with_what_did_not_come_and_the_line_that_waited(file: Path) -> None:
    ending = run(file, "timeout").ending
    assert ending.message is not None
    assert "timed out after 1s, at 1.00" in ending.message
    assert "Bank.take_long #2 did not come" in ending.message
    assert ending.place.startswith(line_of("quietly(lambda: ray.get(ref, timeout=1))"))


def test_a_starving_call_is_told_with_its_caller_and_by_its_method(file: Path) -> None:
    ending = run(file, "starving").ending
    assert ending.message is not None
    assert ending.message.startswith("Hall.enter #2 of driver starves: it arrived at actor-1 (Hall) at 0.00")
    assert "5 calls that came later were" in ending.message
    assert ending.place == f"{line_of('async def enter')} in enter"


def test_a_livelock_is_told_with_what_ran_lately_and_where_the_driver_waits(file: Path) -> None:
    ending = run(file, "livelock").ending
    assert ending.message is not None
    assert "What ran lately: Player.hit (" in ending.message
    assert ending.place == f"{line_of('ray.get(never.wait.remote())')} in play"


def test_starvation_may_be_told_in_virtual_seconds(file: Path) -> None:
    assert run(file, "starving", ("starvation=0.005s",)).ending.kind == "StarvationError"
    assert not run(file, "starving", ("starvation=60s",)).failed
    assert not run(file, "slow_but_alone", ("starvation=1s",)).failed
    assert not run(file, "starving", ("starvation=1000",)).failed


def test_failures_of_one_place_are_one_group(file: Path) -> None:
    groups = {Group.of(run(file, "starving", seed=seed).ending) for seed in range(3)}
    assert len(groups) == 1


def test_the_failure_of_the_program_itself_comes_first() -> None:
    def leaving_early() -> None:
        with ray.simulate(config=SimConfig(fail_on=FailOn(leaked_actor=True))):
            ray.remote(type("Plain", (), {})).options(lifetime="detached", name="x").remote()
            raise KeyError("first")

    with pytest.raises(KeyError, match="first"):
        leaving_early()


def test_a_with_block_raises_it_when_it_is_left() -> None:
    @ray.remote
    def boom() -> None:
        raise ValueError("x")

    def block(*, reading: bool) -> None:
        with ray.simulate(config=SimConfig(fail_on=FailOn(unread_error=True))):
            ref = boom.remote()
            ray.wait([ref])
            if reading:
                with pytest.raises(ValueError, match="x"):
                    ray.get(ref)

    block(reading=True)
    with pytest.raises(exceptions.UnreadError, match="nobody ever asked"):
        block(reading=False)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("unread-eror", "did you mean 'unread-error'"),
        ("x", "use some of unread-error, leaked-actor, starvation, livelock, get-timeout"),
        ("unread-error=3", "has no bound"),
        ("starvation=0", "starvation=5s"),
        ("starvation=-1s", "starvation=5s"),
        ("starvation=", "starvation=5s"),
        ("livelock=many", "livelock=100"),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_one(word: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        FailOn.parse([word])


def test_words_mean_what_they_say() -> None:
    assert FailOn.parse([]) == FailOn()
    assert not FailOn()
    assert FailOn.parse(["unread-error", "starvation=7", "livelock=9"]) == FailOn(
        unread_error=True, starvation_calls=7, livelock_steps=9
    )
    assert FailOn.parse(["starvation=0.5s"]) == FailOn(starvation_s=0.5)
    assert FailOn.parse(["starvation"]).starvation_calls == 100

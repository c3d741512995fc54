"""Systematic search finds what is there, proves what it says, and leaves out no outcome.

The last is tested on small programs that are drawn at random: whatever comes out of one when every step is picked at
random, or by brute force, must have come out of the search, too.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count

import pytest

import simactors as ray
from simactors.core.choices import NEXT, Choices, SeededChoices
from simactors.core.fault_plan import FaultPlan
from simactors.exploration.strategies.strategy import Path
from simactors.exploration.strategies.systematic import Systematic, timeless
from simactors.exploration.strategies.uniform import Uniform
from simactors.sim.config import NodeConfig, SimConfig

Program = Callable[[], object]


def run(
    program: Program, choices: Choices, faults: FaultPlan | None = None, config: SimConfig | None = None
) -> str:
    """What comes of a program, in words."""
    try:
        with ray.simulate(config=timeless(config or SimConfig()), choices=choices, faults=faults):
            return repr(program())
    except ray.exceptions.InternalError:
        raise
    except Exception as error:
        return type(error).__name__


def search(
    program: Program,
    *,
    most: int = 5_000,
    config: SimConfig | None = None,
    max_faults: int = 0,
    calls: tuple[str, ...] | None = None,
) -> tuple[Systematic, dict[str, int]]:
    """The search when it is over, and in how many runs each outcome was met."""
    strategy = Systematic(max_faults=max_faults, calls=calls)
    outcomes: dict[str, int] = {}
    while not strategy.is_done and strategy.runs < most:
        attempt = strategy.begin(0)
        outcome = run(program, attempt.choices, attempt.faults, config)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        assert attempt.faults is not None
        strategy.learn(Path((), attempt.faults, outcome.endswith("Error")))
    return strategy, outcomes


class BruteForce:
    """Every order of all steps, without any reduction."""

    def __init__(self) -> None:
        self._path: list[list[int]] = []  # what was answered, and how many answers there were
        self._depth = 0
        self.is_done = False

    def number(self, label: str, bound: int) -> int:
        if bound == 1 or label.startswith("random/"):
            return 0
        if self._depth == len(self._path):
            self._path.append([0, bound])
        self._depth += 1
        return self._path[self._depth - 1][0]

    def sampler(self, label: str, bound: int) -> Callable[[], int]:
        return partial(self.number, label, bound)

    def pick(self, label: str, options: Sequence[object]) -> int:
        if label == NEXT:
            for index, offer in enumerate(options):
                if offer.is_bookkeeping:  # type: ignore[attr-defined]
                    return index
        return self.number(label, len(options))

    def go_on(self) -> None:
        self._depth = 0
        while self._path and self._path[-1][0] + 1 == self._path[-1][1]:
            self._path.pop()
        if self._path:
            self._path[-1][0] += 1
        self.is_done = not self._path


# What is there


@ray.remote
class Account:
    def __init__(self) -> None:
        self.balance = 0

    def read(self) -> int:
        return self.balance

    def write(self, balance: int) -> None:
        self.balance = balance

    def add(self, amount: int) -> int:
        self.balance += amount
        return self.balance

    def nothing(self) -> None:
        pass


@ray.remote
def by_read_and_write(account, busy_with, calls):
    for _ in range(calls):
        ray.get(busy_with.nothing.remote())
    balance = ray.get(account.read.remote())
    ray.get(account.write.remote(balance + 1))


@ray.remote
def by_message(account, busy_with, calls):
    for _ in range(calls):
        ray.get(busy_with.nothing.remote())
    ray.get(account.add.remote(1))


def counts(client, *calls: int) -> int:
    account, other = Account.remote(), Account.remote()
    ray.get([client.remote(account, other, number) for number in calls])
    return ray.get(account.read.remote())


@ray.remote
class Shop:
    def trade(self, neighbour):
        return ray.get(neighbour.hand_over.remote())

    def hand_over(self):
        return 1


@ray.remote
class PoliteShop:
    async def trade(self, neighbour):
        return await neighbour.hand_over.remote()

    async def hand_over(self):
        return 1


@ray.remote
def trade(shop, neighbour):
    return ray.get(shop.trade.remote(neighbour))


def ring(kind, *pairs: tuple[int, int]):
    shops = [kind.remote() for _ in pairs]
    return ray.get([trade.remote(shops[a], shops[b]) for a, b in pairs])


@ray.remote(num_cpus=0)
def set_apart(shared):
    ray.get([shared.add.remote(1), shared.add.remote(-1)])


@ray.remote(num_cpus=0)
def check(shared):
    return ray.get(shared.read.remote())


def seen(setters: int) -> int:
    shared = Account.remote()
    setting = [set_apart.remote(shared) for _ in range(setters)]
    found = ray.get(check.remote(shared))
    ray.get(setting)
    return found


# Where messages of one connection are possible at one instant, a few orders are run that differ in nothing.
REDUNDANT = 1.5


def test_every_order_of_two_pairs_of_calls_is_run() -> None:
    strategy, outcomes = search(lambda: counts(by_read_and_write, 0, 0))
    assert outcomes["1"] >= 4
    assert outcomes["2"] >= 2
    assert strategy.is_proof
    assert strategy.runs <= 6 * REDUNDANT


def test_every_order_of_three_pairs_of_calls_is_run() -> None:
    strategy, outcomes = search(lambda: counts(by_read_and_write, 0, 0, 0))
    assert strategy.is_proof
    assert 90 <= sum(outcomes.values()) <= 90 * REDUNDANT  # 6! / 2!^3
    assert outcomes["3"] >= 6


@pytest.mark.parametrize("calls", [5, 20])
def test_calls_to_another_actor_add_no_orders(calls: int) -> None:
    strategy, outcomes = search(lambda: counts(by_read_and_write, 0, calls))
    assert (strategy.runs, outcomes) == (6, {"1": 4, "2": 2})
    strategy, outcomes = search(lambda: counts(by_message, 0, calls))
    assert (strategy.verdict, outcomes) == (
        "all delivery orders without faults were tried: 2",
        {"2": 2},
    )


def test_a_correct_counter_is_proved() -> None:
    strategy, outcomes = search(lambda: counts(by_message, 0, 0, 0))
    assert strategy.is_proof
    assert set(outcomes) == {"3"}
    assert 6 <= outcomes["3"] <= 6 * REDUNDANT


@pytest.mark.parametrize("pairs", [[(0, 1), (1, 0)], [(0, 1), (1, 2), (2, 0)]])
def test_a_deadlock_of_a_ring_is_found(pairs: list[tuple[int, int]]) -> None:
    strategy, outcomes = search(lambda: ring(Shop, *pairs), most=50)
    assert strategy.is_done
    assert outcomes["DeadlockError"] >= 1
    assert strategy.failed == 1
    assert strategy.verdict.endswith("1 of them failed")


def test_no_deadlock_where_all_ask_in_the_same_order() -> None:
    strategy, outcomes = search(lambda: ring(Shop, (0, 1), (0, 1)), most=50)
    assert strategy.is_proof
    assert outcomes == {"[1, 1]": 2}


@pytest.mark.campaign
def test_no_deadlock_among_those_who_serve_while_they_wait() -> None:
    strategy, outcomes = search(lambda: ring(PoliteShop, (0, 1), (1, 0)))
    assert strategy.is_proof
    assert list(outcomes) == ["[1, 1]"]


@pytest.mark.parametrize(
    ("count", "orders"),
    [(2, 30), pytest.param(3, 630, marks=pytest.mark.campaign)],  # 5! / 2!^2, 7! / 2!^3
)
def test_somebody_sees_what_is_between_two_messages(count: int, orders: int) -> None:
    strategy, outcomes = search(lambda: seen(count))
    assert strategy.is_done
    assert strategy.orders == orders
    assert sorted(outcomes) == [str(number) for number in range(count + 1)]


# What the driver leaves behind


def test_what_is_still_on_its_way_at_the_end_could_have_come_before() -> None:
    def program() -> int:
        account = Account.remote()
        by_message.remote(account, account, 0)
        return ray.get(account.read.remote())

    strategy, outcomes = search(program)
    assert strategy.is_proof
    assert sorted(outcomes) == ["0", "1"]


def test_a_message_may_come_later_than_any_timer() -> None:
    def program() -> int:
        account = Account.remote()
        account.add.remote(1)
        other = by_message.remote(account, account, 0)
        time.sleep(100)
        done, _ = ray.wait([other], timeout=0)
        return len(done)

    strategy, outcomes = search(program)
    assert strategy.is_proof
    assert sorted(outcomes) == ["0", "1"]


def test_what_is_ready_first_matters_to_who_waits_for_one_of_several() -> None:
    def program() -> list[int]:
        accounts = [Account.remote(), Account.remote()]
        refs = [account.read.remote() for account in accounts]
        done, _ = ray.wait(refs)
        return [refs.index(ref) for ref in done]

    _, outcomes = search(program)
    assert sorted(outcomes) == ["[0]", "[1]"]


def test_who_gets_scarce_resources_first_matters() -> None:
    @ray.remote(num_cpus=0)
    def middle(log, name):
        ray.get(last.remote(log, name))

    @ray.remote(num_cpus=1)
    def last(log, name):
        ray.get(log.note.remote(name))

    def program() -> list[str]:
        log = Log.options(num_cpus=0).remote()
        ray.get([middle.remote(log, name) for name in ("a", "b")])
        return ray.get(log.note.remote("z"))

    strategy, outcomes = search(program, config=SimConfig(nodes=(NodeConfig(num_cpus=1),)))
    assert strategy.is_done
    assert sorted(outcomes) == ["['a', 'b', 'z']", "['b', 'a', 'z']"]


# Faults


def test_crashes_are_tried_around_every_call() -> None:
    def program() -> str:
        account = Account.remote()
        try:
            return str(ray.get(account.add.remote(1)))
        except ray.exceptions.ActorDiedError:
            return "died"

    strategy, outcomes = search(program, max_faults=1)
    assert strategy.verdict == (
        "all delivery orders with at most 1 crash, each just before or after a call or at its answer, were tried: 4"
    )
    assert outcomes == {"'1'": 2, "'died'": 2}, "the driver, who hears the answer, is spared"


def test_crashes_are_tried_around_those_calls_that_are_meant() -> None:
    def program() -> str:
        account = Account.remote()
        try:
            return str(ray.get([account.add.remote(1), account.read.remote()]))
        except ray.exceptions.ActorDiedError:
            return "died"

    everywhere, _ = search(program, max_faults=1)
    strategy, outcomes = search(program, max_faults=1, calls=("*.read", "*.write"))
    assert strategy.verdict == (
        "all delivery orders with at most 1 crash, each just before or after a call that fits *.read or *.write, or at "
        f"its answer, were tried: {strategy.orders}"
    )
    assert strategy.orders < everywhere.orders
    assert set(outcomes) == {"'[1, 1]'", "'died'"}


def test_no_plan_waits_until_all_orders_under_another_one_were_tried() -> None:
    """Without any fault there are thousands of orders here; each crash is tried long before."""

    def program() -> str:
        counter = Account.remote()
        counting = [by_read_and_write.remote(counter, counter, 0) for _ in range(4)]
        log = Log.options(max_restarts=1, max_task_retries=1).remote()
        ray.get(log.note.remote("a"))
        noted = ray.get(log.note.remote("b"))
        ray.get(counting)
        return "".join(noted)

    strategy, outcomes = search(program, most=20, max_faults=1, calls=("Log.note",))
    assert not strategy.is_done
    assert outcomes["'b'"] >= 1, "what was noted before the crash is lost"
    assert outcomes["'ab'"] >= 10, "every other run is without a crash"


def test_faults_that_are_not_tried_are_named() -> None:
    strategy = Systematic(max_faults=1, kinds=("crash", "node", "partition"))
    while not strategy.is_done:
        attempt = strategy.begin(0)
        run(lambda: counts(by_message, 0), attempt.choices, attempt.faults)
        strategy.learn(Path((), FaultPlan(), False))
    assert not strategy.is_proof
    assert "not a proof" in strategy.verdict
    assert "node, partition were not tried" in strategy.verdict


def test_random_numbers_are_named() -> None:
    def program() -> None:
        import random

        random.random()
        ray.get(Account.remote().read.remote())

    strategy, _ = search(program)
    assert strategy.is_done
    assert not strategy.is_proof
    assert strategy.verdict.endswith("random numbers of the program were not varied")


def test_a_search_that_was_stopped_says_how_far_it_came() -> None:
    strategy, _ = search(lambda: counts(by_read_and_write, 0, 0, 0), most=10)
    assert re.match(r"\d+ orders of at least \d+ ", strategy.verdict)
    assert "not a proof" in strategy.verdict


# Nothing is left out


@ray.remote
class Log:
    def __init__(self) -> None:
        self.log: list[str] = []

    def note(self, what: str) -> list[str]:
        self.log.append(what)
        return list(self.log)

    def ask(self, other, what: str) -> list[str]:
        self.log.append(what)
        found = ray.get(other.note.remote(f"{what}'"))
        self.log.append("".join(found))
        return list(self.log)


@ray.remote
class AsyncLog:
    def __init__(self) -> None:
        self.log: list[str] = []

    async def note(self, what: str) -> list[str]:
        self.log.append(what)
        await asyncio.sleep(0)
        self.log.append(what.upper())
        return list(self.log)

    async def ask(self, other, what: str) -> list[str]:
        self.log.append(what)
        found = await other.note.remote(f"{what}'")
        self.log.append("".join(found))
        return list(self.log)


@ray.remote(num_cpus=0)
def client(name: str, logs, calls):
    found = []
    for number, (kind, a) in enumerate(calls):
        what = f"{name}{number}"
        if kind == "note":
            found.append(ray.get(logs[a].note.remote(what)))
        elif kind == "ask":
            found.append(ray.get(logs[0].ask.remote(logs[-1], what)))
        elif kind == "tell":
            logs[a].note.remote(what)
        elif kind == "first":
            refs = [log.note.remote(what) for log in logs]
            found.append([refs.index(ref) for ref in ray.wait(refs)[0]])
        elif kind == "all":
            found.append(ray.get([log.note.remote(what) for log in logs]))
        elif kind == "sleep":
            time.sleep(1)
    return found


def drawn(seed: int, kinds: Sequence[str], most_clients: int = 2, most_calls: int = 2) -> Program:
    """A small program."""
    draw = SeededChoices(seed).number
    log = (Log, Log, AsyncLog)[draw("class", 3)] if "async" in kinds else Log
    actors = 1 + draw("actors", 2)
    clients = [
        [
            (kinds[draw("kind", len(kinds))], draw("actor", actors))
            for _ in range(1 + draw("calls", most_calls))
        ]
        for _ in range(1 + draw("clients", most_clients))
    ]
    clients = [[(kind, a) for kind, a in calls if kind != "async"] for calls in clients]
    if actors == 1:
        clients = [[(kind, a) for kind, a in calls if kind != "ask"] for calls in clients]

    def program() -> object:
        logs = [log.remote() for _ in range(actors)]
        found = ray.get([client.remote("abc"[i], logs, calls) for i, calls in enumerate(clients)])
        return found, ray.get([log.note.remote("z") for log in logs])

    return program


KINDS = [
    ("note", "tell", "all", "ask"),
    ("note", "first", "tell"),
    ("note", "sleep", "all"),
    ("note", "ask", "async"),
]


@pytest.mark.parametrize("kinds", KINDS, ids=" ".join)
@pytest.mark.parametrize("seed", range(4))
def test_random_walks_meet_no_outcome_that_the_search_has_not_met(seed: int, kinds: Sequence[str]) -> None:
    program = drawn(seed, kinds)
    strategy, outcomes = search(program, most=2_000)
    assert strategy.is_done
    for walk in range(60):
        assert run(program, Uniform().begin(walk).choices) in outcomes


@pytest.mark.campaign
def test_who_is_woken_in_a_loop_may_come_after_who_begins_meanwhile() -> None:
    """Found by the test above with other seeds: what makes a future ready was taken for part of the reply."""
    program = drawn(128, ("note", "ask", "async"), most_clients=3)
    strategy, outcomes = search(program)
    assert strategy.is_proof
    assert run(program, Uniform().begin(12).choices) in outcomes


def test_a_timer_can_come_before_what_has_led_to_code_that_goes_on_at_once() -> None:
    """Found by the test above with other seeds: no timer comes between a reply and who waits for it."""
    program = drawn(100, ("note", "tell", "all", "ask", "first", "sleep", "async"), most_clients=3)
    strategy, outcomes = search(program)
    assert strategy.is_proof
    assert len(outcomes) == 2


def small_programs() -> Iterator[Program]:
    def told_in_passing(log) -> object:
        logs = [log.remote(), log.remote()]
        logs[1].ask.remote(logs[0], "a")
        return ray.get(logs[0].note.remote("z"))

    def two_at_once(log) -> object:
        logs = [log.remote(), log.remote()]
        return ray.get([logs[0].ask.remote(logs[1], "a"), logs[1].note.remote("b")])

    def first_of_two(log) -> object:
        logs = [log.remote(), log.remote()]
        refs = [logs[0].note.remote("a"), logs[1].note.remote("b")]
        return [refs.index(ref) for ref in ray.wait(refs)[0]], ray.get(logs[0].note.remote("c"))

    yield partial(told_in_passing, Log)
    yield partial(two_at_once, Log)
    yield partial(first_of_two, Log)


@pytest.mark.parametrize(
    "number", [pytest.param(0, marks=pytest.mark.campaign), 1, pytest.param(2, marks=pytest.mark.campaign)]
)
def test_brute_force_meets_the_same_outcomes_in_more_runs(number: int) -> None:
    program = list(small_programs())[number]
    strategy, outcomes = search(program)
    assert strategy.is_proof
    brute, found, runs = BruteForce(), set(), 0
    for runs in count(1):  # used below
        found.add(run(program, brute))
        brute.go_on()
        if brute.is_done or runs == 20_000:
            break
    assert brute.is_done
    assert found == set(outcomes)
    assert strategy.runs * 2 < runs


def test_names_are_unique() -> None:
    """Every step is called by its name."""

    class Watching(BruteForce):
        def pick(self, label: str, options: Sequence[object]) -> int:
            if label == NEXT:
                names = [offer.name for offer in options]  # type: ignore[attr-defined]
                assert len(set(names)) == len(names)
            return super().pick(label, options)

    run(lambda: counts(by_read_and_write, 0, 0, 0), Watching())

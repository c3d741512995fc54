"""Properties that a program states about itself: what is raised, what is noted, and how long is waited."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator

import pytest

import simactors
from simactors.checkers.properties import always, eventually, reachable, sometimes, unreachable
from simactors.core import sightings
from simactors.core.sightings import Property, Sighting, Sightings, collecting
from simactors.exceptions import DeadlockError, ViolationError


@pytest.fixture
def seen() -> Iterator[Sightings]:
    with collecting(Sightings()) as collected:
        yield collected


def told(seen: Sightings) -> list[tuple[str, str, int, int]]:
    return [(one.property.kind, one.property.name, one.met, one.held) for one in seen]


def line() -> int:
    return sys._getframe(1).f_lineno


@simactors.remote
class Account:
    """States properties where it runs."""

    def __init__(self) -> None:
        self.balance = 0

    def add(self, amount: int) -> int:
        self.balance += amount
        sometimes(self.balance > 5, "the account is rich")
        always(self.balance >= 0, "no account is overdrawn", balance=self.balance, amount=amount)
        return self.balance

    def wait_for(self, within_s: float) -> float:
        start = time.monotonic()
        eventually(lambda: time.monotonic() - start > 3, within_s)
        return time.monotonic() - start


def test_what_always_holds_is_only_noted(seen: Sightings):
    always(True, "one is one")
    always([0], "a list with something in it is something")
    assert [(one.met, one.held) for one in seen] == [(1, 1), (1, 1)]


def test_what_does_not_always_hold_is_raised_where_it_stands_with_its_details(seen: Sightings):
    with pytest.raises(
        ViolationError, match=r"^not always: no account is overdrawn with balance=-3, who='a'$"
    ):
        always(-3 >= 0, "no account is overdrawn", balance=-3, who="a")
    assert told(seen) == [("always", "no account is overdrawn", 1, 0)]


def test_what_holds_sometimes_is_counted_at_its_own_place(seen: Sightings):
    for number in range(3):
        sometimes(number == 1, "it is one")
    sometimes(False, "it is one"); place = line()  # fmt: skip  # noqa: E702
    assert told(seen) == [("sometimes", "it is one", 3, 1), ("sometimes", "it is one", 1, 0)]
    assert list(seen)[1] == Sighting(Property(__file__, place, "sometimes", "it is one"), 1, 0)


def test_what_should_be_reached_holds_when_it_is(seen: Sightings):
    reachable("the end of this test")
    assert told(seen) == [("reachable", "the end of this test", 1, 1)]


def test_what_must_not_be_reached_is_raised(seen: Sightings):
    with pytest.raises(ViolationError, match=r"^reached: two leaders with term=4$"):
        unreachable("two leaders", term=4)
    assert told(seen) == [("unreachable", "two leaders", 1, 0)]


def test_without_a_run_sightings_go_to_the_process():
    before = len(sightings.current())
    reachable("a test of the sightings of a process")
    assert len(sightings.current()) == before + 1


def test_actors_note_in_what_is_installed_around_their_run_and_raise_to_their_callers(seen: Sightings):
    with simactors.simulate(seed=1):
        account = Account.remote()
        assert simactors.get(account.add.remote(3)) == 3
        assert simactors.get(account.add.remote(3)) == 6
        with pytest.raises(ViolationError, match="overdrawn with balance=-4, amount=-10"):
            simactors.get(account.add.remote(-10))
    assert told(seen) == [
        ("sometimes", "the account is rich", 3, 1),
        ("always", "no account is overdrawn", 3, 2),
    ]


def test_what_holds_at_once_takes_no_time(seen: Sightings):
    with simactors.simulate(seed=1) as sim:
        before = sim.now_s
        eventually(lambda: True, within_s=0)
        assert sim.now_s == before
    assert [(one.met, one.held) for one in seen] == [(1, 1)]


def test_an_actor_and_a_driver_wait_in_virtual_time():
    with simactors.simulate(seed=1) as sim:
        assert 3 < simactors.get(Account.remote().wait_for.remote(10)) < 3.3
        start = sim.now_s
        eventually(lambda: sim.now_s - start >= 100, within_s=200, every_s=7)
        assert sim.now_s - start == pytest.approx(105)


def test_what_does_not_hold_in_time_is_raised_with_the_time(seen: Sightings):
    with simactors.simulate(seed=1) as sim:
        start = sim.now_s
        with pytest.raises(ViolationError, match=r"^not within 2 s: all is quiet: waited 2 s$"):
            eventually(lambda: False, 2, every_s=0.3, name="all is quiet")
        assert sim.now_s - start == pytest.approx(2)
    assert told(seen) == [("eventually", "all is quiet", 1, 0)]


def test_the_last_question_is_asked_at_the_very_end():
    with simactors.simulate(seed=1) as sim:
        start = sim.now_s
        eventually(lambda: sim.now_s - start >= 2, within_s=2, every_s=0.7)


def test_time_counts_from_when_the_last_fault_is_over():
    with simactors.simulate(seed=1) as sim:
        start = sim.now_s
        with collecting(Sightings(calm_in_s=lambda: max(0.0, start + 30 - sim.now_s))):
            eventually(lambda: sim.now_s - start > 33, within_s=5)
            with pytest.raises(ViolationError, match=r"waited 5 s$"):
                eventually(lambda: False, within_s=5)
        start = sim.now_s
        with (
            collecting(Sightings(calm_in_s=lambda: max(0.0, start + 30 - sim.now_s))),
            pytest.raises(ViolationError, match=r"waited 35 s, 30 s of it before faults were over"),
        ):
            eventually(lambda: False, within_s=5)


def test_a_moment_of_calm_that_moves_is_followed():
    with simactors.simulate(seed=1) as sim:
        start = sim.now_s

        def calm_in_s() -> float:
            """A second fault comes up only at 8 s."""
            passed_s = sim.now_s - start
            return max(0.0, (5 if passed_s < 8 else 20) - passed_s)

        with collecting(Sightings(calm_in_s)), pytest.raises(ViolationError, match="waited 24"):
            eventually(lambda: False, within_s=4)


def test_a_test_may_say_itself_when_time_begins_to_count():
    with (
        simactors.simulate(seed=1),
        collecting(Sightings(calm_in_s=lambda: 1000.0)),
        pytest.raises(ViolationError, match=r"waited 7 s, 4 s of it"),
    ):
        eventually(lambda: False, within_s=3, after_s=4)


def test_while_a_condition_raises_it_does_not_hold_and_the_last_error_is_told():
    with simactors.simulate(seed=1) as sim:
        start = sim.now_s

        def is_up() -> bool:
            if sim.now_s - start < 1:
                raise ConnectionError("down")
            return True

        eventually(is_up, within_s=2)

        def is_never_up() -> bool:
            raise ConnectionError("down")

        with pytest.raises(
            ViolationError, match=r"is_never_up.*the last time, it raised ConnectionError\('down'\)$"
        ):
            eventually(is_never_up, within_s=2)


def test_a_finding_in_a_condition_is_not_waited_for():
    def deadlocked() -> bool:
        raise DeadlockError("for ever")

    with pytest.raises(DeadlockError):
        eventually(deadlocked, within_s=1000)


@pytest.mark.parametrize(("within_s", "every_s"), [(-1, 1), (1, 0), (1, -1), (float("nan"), 1)])
def test_times_that_are_none_are_refused(within_s: float, every_s: float):
    with pytest.raises(ValueError, match="needs within_s"):
        eventually(lambda: True, within_s, every_s)


async def _later() -> bool:
    return False


def test_what_is_no_answer_does_not_pass_for_one() -> None:
    class Asked:
        def __await__(self):
            yield

    for condition in (lambda: False, _later(), Asked()):
        with pytest.raises(TypeError, match="whether it holds is not told by"):
            always(condition, "it is so")
    with pytest.raises(TypeError, match="whether it holds is not told by"):
        sometimes(Asked(), "it is so")
    for asked in (_later, Asked, lambda: always):
        with pytest.raises(TypeError, match="whether it holds is not told by"):
            eventually(asked, within_s=1)


def test_async_code_is_told_that_its_loop_stood_still() -> None:
    done: list[int] = []

    async def later() -> None:
        await asyncio.sleep(1)
        done.append(1)

    async def blocking() -> None:
        task = asyncio.ensure_future(later())
        try:
            eventually(lambda: done, within_s=5)
        finally:
            task.cancel()

    async def waiting() -> None:
        task = asyncio.ensure_future(later())
        await asyncio.to_thread(eventually, lambda: done, 5)
        await task

    with simactors.simulate(), pytest.raises(ViolationError, match="stood still meanwhile"):
        asyncio.run(blocking())
    with simactors.simulate():
        asyncio.run(waiting())

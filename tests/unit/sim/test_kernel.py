"""The kernel by itself: time, order, waiting, limits and its end."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from simactors import exceptions
from simactors.sim.config import NS
from simactors.sim.fiber import SimulationEnded
from simactors.sim.kernel import Kernel
from simactors.sim.trace import Trace
from simactors.sim.waiting import Waiter


class Last:
    """Choices that always pick the last, and remember what they were asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def number(self, label: str, bound: int) -> int:
        self.asked.append((label, bound))
        return bound - 1

    def pick(self, label: str, options: Sequence[object]) -> int:
        return self.number(label, len(options))


class Dullest(Last):
    def number(self, label: str, bound: int) -> int:
        super().number(label, bound)
        return 0


class Process:
    def __init__(self) -> None:
        self.label = "driver"
        self.dead = self.halted = False

    def end(self) -> None:
        self.dead = self.halted = True

    def park(self, step: object) -> None:
        assert self.dead


def make(choices: Last | None = None, **limits: float) -> Kernel:
    bounds = {"max_steps": 10**6, "max_virtual_time_s": 10**6, **limits}
    return Kernel(choices or Dullest(), Trace(10), **bounds)  # type: ignore[arg-type]


def test_sleeping_moves_only_the_virtual_clock() -> None:
    kernel = make()
    kernel.sleep(Process(), 5 * NS)
    kernel.sleep(Process(), 1)
    assert kernel.now_ns == 5 * NS + 1
    kernel.close()


@pytest.mark.parametrize(("choices", "order"), [(Dullest(), ["a", "b", "c"]), (Last(), ["c", "b", "a"])])
def test_what_is_due_at_one_instant_is_ordered_by_the_choices(choices: Last, order: list[str]) -> None:
    kernel = make(choices)
    seen: list[str] = []
    for name in "abc":
        kernel.timer(10, lambda name=name: seen.append(name))  # type: ignore[misc]
    kernel.sleep(Process(), 11)
    assert seen == order
    assert choices.asked == [("next", 3), ("next", 2)]
    kernel.close()


def test_a_single_step_is_no_choice() -> None:
    choices = Last()
    kernel = make(choices)
    kernel.sleep(Process(), 1)
    assert choices.asked == []
    kernel.close()


def test_a_cancelled_timer_neither_runs_nor_moves_the_clock() -> None:
    kernel = make()
    timer = kernel.timer(1000, lambda: pytest.fail("it ran"))
    kernel.cancel(timer)
    kernel.cancel(timer)
    with pytest.raises(exceptions.DeadlockError):
        kernel.block(Waiter(Process(), "nobody"))
    assert kernel.now_ns == 0
    kernel.close()


def test_a_timer_cancelled_at_the_instant_at_which_it_is_due_is_not_offered() -> None:
    choices = Dullest()
    kernel = make(choices)
    timers = []
    kernel.timer(10, lambda: kernel.cancel(timers[0]))
    timers.append(kernel.timer(10, lambda: pytest.fail("it ran")))
    kernel.sleep(Process(), 20)
    assert choices.asked == [("next", 2)]
    kernel.close()


def test_a_standstill_is_a_deadlock_with_the_backends_explanation() -> None:
    kernel = make()
    kernel.explain_standstill = lambda: "  driver waits for Godot"
    with pytest.raises(exceptions.DeadlockError, match="driver waits for Godot"):
        kernel.block(Waiter(Process(), "Godot"))
    kernel.close()


def test_the_driver_goes_on_after_a_deadlock() -> None:
    kernel = make()
    with pytest.raises(exceptions.DeadlockError):
        kernel.block(Waiter(Process(), "Godot"))
    kernel.sleep(Process(), 7)
    assert kernel.now_ns == 7
    kernel.close()


def test_the_limits_are_named_when_they_are_reached() -> None:
    kernel = make(max_virtual_time_s=1)
    with pytest.raises(exceptions.LimitError, match="limit of 1s of virtual time"):
        kernel.sleep(Process(), 2 * NS)
    kernel.close()
    kernel = make(max_steps=1000)

    def tick() -> None:
        kernel.timer(1, tick)

    tick()
    with pytest.raises(exceptions.LimitError, match="limit of 1000 steps"):
        kernel.sleep(Process(), 2000)
    kernel.close()


def test_an_error_in_a_step_is_ours_and_raised_in_the_driver() -> None:
    def fail() -> None:
        raise ZeroDivisionError("a fault of ours")

    kernel = make()
    kernel.timer(1, fail)
    with pytest.raises(exceptions.InternalError, match="ZeroDivisionError: a fault of ours") as raised:
        kernel.sleep(Process(), 2)
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    kernel.close()


def test_closing_runs_the_finally_blocks_of_suspended_code_longest_blocked_first() -> None:
    kernel = make()
    ended: list[str] = []

    def wait_for_ever(name: str) -> None:
        try:
            kernel.block(Waiter(Process(), "nobody"))
        except SimulationEnded:
            ended.append(name)
            with pytest.raises(SimulationEnded):  # whoever waits again is told again
                kernel.sleep(Process(), 1)
            raise

    for name in "abc":
        kernel.timer(1, lambda name=name: wait_for_ever(name))  # type: ignore[misc]
    kernel.sleep(Process(), 2)
    kernel.close()
    assert ended == ["a", "b", "c"]


def test_code_of_a_dead_process_is_never_woken() -> None:
    kernel = make()
    process = Process()
    waiter = Waiter(process, "something")
    kernel.timer(1, lambda: (kernel.block(waiter), pytest.fail("it went on")))  # type: ignore[func-returns-value]
    kernel.timer(2, process.end)
    kernel.timer(3, lambda: kernel.ready.append(waiter))
    kernel.sleep(Process(), 4)
    kernel.close()


def test_a_long_chain_of_blocked_code_does_not_exhaust_the_stack() -> None:
    kernel = make()
    depth = 5000
    reached: list[int] = []

    def descend(level: int) -> None:
        if level == depth:
            reached.append(level)
            return
        waiter = Waiter(Process(), "the level below")
        kernel.timer(1, lambda: (descend(level + 1), kernel.ready.append(waiter)))  # type: ignore[func-returns-value]
        kernel.block(waiter)

    kernel.timer(1, lambda: descend(0))
    kernel.sleep(Process(), depth + 10)
    assert reached == [depth]
    kernel.close()

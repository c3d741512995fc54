"""Code that spins is found by the clock on the wall; code that waits, however long, is left alone."""

from __future__ import annotations

import itertools
import threading
import time
from contextlib import suppress

import pytest

import simactors
from simactors.exceptions import LimitError, SpinningError
from simactors.exploration import watchdog
from tests.pressed import pressed_at


@simactors.remote
class Spinner:
    def __init__(self) -> None:
        self.is_done = False

    def spin(self) -> None:
        while not self.is_done:
            _ = 1 + 1

    def wait(self) -> str:
        for _ in range(100):
            time.sleep(10)  # so that a fast machine does not get to the end of virtual time
        return "waited"


def test_an_actor_that_spins_ends_the_run_and_is_named() -> None:
    def program() -> None:
        with simactors.simulate() as sim, watchdog.watched(sim, 0.2):
            simactors.get(Spinner.remote().spin.remote())

    with pytest.raises(SpinningError, match=r"test_watchdog\.py:\d+ in Spinner\.spin") as info:
        program()
    assert isinstance(info.value, LimitError)


def test_so_does_the_driver() -> None:
    def program() -> None:
        with simactors.simulate() as sim, watchdog.watched(sim, 0.2):
            while True:
                pass

    with pytest.raises(SpinningError, match="test_so_does_the_driver"):
        program()


def test_who_waits_for_long_is_left_alone() -> None:
    def program() -> str:
        end = time.process_time() + 0.5  # real time, also here: longer than the watchdog's patience
        while time.process_time() < end:
            answer: str = simactors.get(Spinner.remote().wait.remote())
        return answer

    with simactors.simulate() as sim, watchdog.watched(sim, 0.1):
        assert program() == "waited"
    assert [t.name for t in threading.enumerate()].count("simactors watchdog") == 1


def test_ctrl_c_at_any_point_leaves_nobody_watched() -> None:
    """A simulation that was over was watched for ever, and every half minute something else was ended for it."""
    with simactors.simulate() as sim:
        for point in itertools.count(1):
            with (
                suppress(KeyboardInterrupt),
                pressed_at(point, "exploration/watchdog.py") as presses,
                watchdog.watched(sim),
            ):
                pass
            assert watchdog._Dog.watched is None, f"at point {point}"
            if not presses.has_pressed:
                break
    assert point > 2

"""Ctrl-C waits in some places, and nowhere else; what comes of it in runs and hunts is in `tests/unit/exploration`."""

from __future__ import annotations

import contextlib
import itertools
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

import pytest

import simactors
from simactors.sim.intercept import interrupts
from tests.pressed import pressed_at


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Ctrl-C is after each test what it was before."""
    hook = sys.unraisablehook
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert sys.unraisablehook is hook
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_ctrl_c_waits_for_the_end_of_the_outermost_block_or_for_a_part_that_hears_it():
    so_far = []

    def press() -> None:
        with interrupts.held():
            with interrupts.held():
                signal.raise_signal(signal.SIGINT)
                so_far.append("held")
            so_far.append("still held")
            with interrupts.heard():
                so_far.append("never")

    with pytest.raises(KeyboardInterrupt):
        press()
    assert so_far == ["held", "still held"]


def test_the_second_ctrl_c_does_not_wait():
    with interrupts.held():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_blocks_of_other_threads_hold_nothing():
    """Two blocks that overlapped left Ctrl-C held for good: each put back what it had found."""
    is_open, may_close = threading.Event(), threading.Event()

    def other() -> None:
        with interrupts.held():
            is_open.set()
            may_close.wait()

    thread = threading.Thread(target=other)
    thread.start()
    is_open.wait()
    with interrupts.held():
        may_close.set()
        thread.join()


def test_what_waits_is_not_raised_on_another_thread():
    raised = []

    def other() -> None:
        try:
            with interrupts.held(), interrupts.heard():
                pass
        except KeyboardInterrupt:
            raised.append("there")

    def press() -> None:
        with interrupts.held():
            signal.raise_signal(signal.SIGINT)
            thread.start()
            thread.join()

    thread = threading.Thread(target=other)
    with pytest.raises(KeyboardInterrupt):
        press()
    assert raised == []


def test_a_second_ctrl_c_in_the_last_moment_leaves_nothing_held():
    """It kept the block from closing, and all that came later was held."""

    def press_at_the_end(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is interrupts.held.__exit__.__code__:
            sys.setprofile(None)
            signal.raise_signal(signal.SIGINT)

    def press() -> None:
        with interrupts.held():
            signal.raise_signal(signal.SIGINT)
            sys.setprofile(press_at_the_end)

    with pytest.raises(KeyboardInterrupt):
        press()


def test_who_replaces_the_handler_meanwhile_leaves_no_hook_behind():
    """As notebooks do for each cell. The hook for finalizers stayed, and later asked itself without end."""
    hook = sys.unraisablehook
    for _ in range(2):
        with interrupts.held():
            signal.signal(signal.SIGINT, signal.default_int_handler)
        assert sys.unraisablehook is hook


@simactors.remote
class Sleeper:
    """Something to be ended."""

    def sleep(self) -> None:
        """For as long as the simulation lasts."""
        time.sleep(1e6)


@pytest.mark.parametrize("part", ["intercept/patches.py", "kernel.py", "machine.py"])
def test_ctrl_c_as_init_opens_a_simulation_and_shutdown_closes_it_leaves_nothing_behind(part):
    """The clock stayed that of half a simulation, and no other could be opened; in notebooks, for good."""

    def run() -> None:
        simactors.init(backend="sim")
        try:
            Sleeper.remote().sleep.remote()
        finally:
            simactors.shutdown()

    run()
    for point in itertools.count(1):
        began_s, is_over = time.time(), False
        with pressed_at(point, f"sim/{part}") as presses, contextlib.suppress(KeyboardInterrupt):
            run()
            is_over = True
        assert abs(time.time() - began_s) < 60, f"at point {point}"
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, f"at point {point}"
        assert not simactors.is_initialized()
        if not presses.has_pressed:
            break
        assert not is_over, f"at point {point}"
    assert point > 5

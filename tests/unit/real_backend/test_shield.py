"""Interrupts are put off inside changes, never lost."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from real_backend.client.shield import Shield


@pytest.fixture
def shield() -> Iterator[Shield]:
    made = Shield()
    made.install()
    yield made
    made.uninstall()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_outside_an_interrupt_comes_at_once(shield: Shield) -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_inside_it_comes_at_the_end_of_the_outermost_change(shield: Shield) -> None:
    steps = []
    with pytest.raises(KeyboardInterrupt), shield:  # noqa: PT012  # the end of the block is what raises
        with shield:
            signal.raise_signal(signal.SIGINT)
            steps.append("inner")
        steps.append("outer")
    assert steps == ["inner", "outer"]


def test_one_that_was_put_off_comes_before_a_wait(shield: Shield) -> None:
    """Otherwise it would come after the wait, which may never end."""
    with shield:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            shield.open()
        shield.waiting = False


def test_one_comes_at_once_while_waiting(shield: Shield) -> None:
    with shield:
        shield.open()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        shield.waiting = False


def test_a_handler_of_the_user_stays() -> None:
    def handler(*_: object) -> None: ...

    before = signal.signal(signal.SIGINT, handler)
    try:
        shield = Shield()
        shield.install()
        assert signal.getsignal(signal.SIGINT) is handler
        assert not shield.covers_this_thread()
        shield.uninstall()
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)

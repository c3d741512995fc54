"""Interrupts are put off inside changes, never lost."""

from __future__ import annotations

import os
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
        shield.close()


def test_one_comes_at_once_while_waiting(shield: Shield) -> None:
    with shield:
        shield.open()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        shield.close()


def test_a_handler_of_the_user_stays() -> None:
    called = []

    def handler(*_: object) -> None:
        called.append(1)

    before = signal.signal(signal.SIGINT, handler)
    try:
        shield = Shield()
        shield.install()
        assert signal.getsignal(signal.SIGINT) is handler
        with shield:
            signal.raise_signal(signal.SIGINT)
            assert not called
        assert called
        shield.uninstall()
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


class Alarm(Exception):
    """What the handlers of these tests raise."""


@pytest.fixture
def alarming() -> Iterator[Shield]:
    """A shield, and a handler for SIGUSR1 that raises, as timeouts do."""

    def handler(*_: object) -> None:
        raise Alarm

    before = signal.signal(signal.SIGUSR1, handler)
    shield = Shield()
    shield.install()
    yield shield
    shield.uninstall()
    assert signal.signal(signal.SIGUSR1, before) is handler


def send() -> None:
    """As from outside: any thread may receive it."""
    os.kill(os.getpid(), signal.SIGUSR1)


def test_a_handler_of_the_user_raises_at_the_end_of_the_outermost_change(alarming: Shield) -> None:
    steps = []
    with pytest.raises(Alarm), alarming:  # noqa: PT012  # the end of the block is what raises
        with alarming:
            send()
            steps.append("inner")
        steps.append("outer")
    assert steps == ["inner", "outer"]


def test_a_handler_of_the_user_raises_at_once_while_waiting(alarming: Shield) -> None:
    with pytest.raises(Alarm), alarming:  # noqa: PT012  # as above
        with pytest.raises(Alarm):  # noqa: PT012
            try:
                alarming.open()
                send()
            finally:
                alarming.close()
        send()  # after the wait, it is put off again
        with pytest.raises(Alarm):
            alarming.open()
        alarming.close()
        send()


def test_what_a_handler_changes_in_the_middle_of_a_wait_is_shielded_as_well(alarming: Shield) -> None:
    steps = []
    with alarming:
        alarming.open()
        with pytest.raises(Alarm), alarming:  # noqa: PT012  # as above
            send()
            steps.append("changed")
        assert alarming.waiting
        with pytest.raises(Alarm):
            send()
        alarming.close()
    assert steps == ["changed"]


def test_signals_of_several_kinds_are_all_put_off(alarming: Shield) -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGUSR2, lambda number, _: came.append(number))
    try:
        with pytest.raises(Alarm), alarming:  # noqa: PT012  # as above
            send()
            os.kill(os.getpid(), signal.SIGUSR2)
            assert not came
        assert came == [signal.SIGUSR2]
    finally:
        signal.signal(signal.SIGUSR2, before)

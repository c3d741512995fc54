"""What the driver shows of what workers print."""

from __future__ import annotations

import io
import sys
import threading

import pytest

from real_backend.client import console as consoles
from real_backend.client.console import Console
from real_backend.control import Printed

PATIENCE_S = 30.0


class Terminal(io.StringIO):
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.goes_on = threading.Event(), threading.Event()

    def write(self, text: str) -> int:
        self.begun.set()
        assert self.goes_on.wait(PATIENCE_S)
        return super().write(text)


def line(text: str) -> Printed:
    return Printed("Log", 7, False, text)


def test_what_a_terminal_that_stands_still_can_t_take_is_dropped_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consoles, "_MOST_WAITING", 10)
    terminal, errors, console = Terminal(), io.StringIO(), Console()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "stderr", errors)
    console.show(line("first"))
    assert terminal.begun.wait(PATIENCE_S)
    for text in ("second", "third", "fourth\nfifth", "sixth"):
        console.show(line(text))
    terminal.goes_on.set()
    console.close()
    assert terminal.getvalue() == "(Log pid=7) first\n(Log pid=7) second\n"
    assert "4 lines were dropped here" in errors.getvalue()


class Broken(io.StringIO):
    """The user's own; everything of it may fail."""

    def isatty(self) -> bool:
        raise KeyError("no such thing")


def test_an_output_of_the_user_s_that_fails_is_not_the_end_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    errors, console = io.StringIO(), Console()
    monkeypatch.setattr(sys, "stdout", Broken())
    monkeypatch.setattr(sys, "stderr", errors)
    console.show(line("lost"))
    console.show(Printed("Log", 7, True, "seen"))
    console.close()
    assert errors.getvalue() == "(Log pid=7) seen\n"

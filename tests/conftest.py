"""What every test relies on."""

from __future__ import annotations

import signal

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Let Ctrl-C interrupt, here and in the programs that tests start.

    A shell starts background jobs with SIGINT ignored, and children inherit that: a test that interrupts a program
    would wait for it in vain.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)

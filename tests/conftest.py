"""What every test relies on."""

from __future__ import annotations

import compileall
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure: no test of this suite is about how long an example takes.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

_ROOT = Path(__file__).parents[1]


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile the product once: tests start some thousand interpreters, here and in programs.

    Where PYTHONDONTWRITEBYTECODE is set, each of them would compile every module anew, and take twice as long to start.
    """
    if not hasattr(session.config, "workerinput"):
        for package in ("simactors", "real_backend"):
            compileall.compile_dir(_ROOT / package, quiet=2)


def pytest_configure(config: pytest.Config) -> None:
    """Let Ctrl-C interrupt, here and in the programs that tests start.

    A shell starts background jobs with SIGINT ignored, and children inherit that: a test that interrupts a program
    would wait for it in vain.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)

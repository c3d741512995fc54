"""How a call that raised is answered where interruptions come at odd moments."""

from __future__ import annotations

import signal
from typing import Any, cast

import pytest

from real_backend.client.client import Client
from real_backend.client.running import Running
from real_backend.client.shield import Shield
from real_backend.worker import execution
from real_backend.worker.execution import Execution
from simactors.core.outcome import Failure, task_failure
from simactors.exceptions import RayTaskError, TaskCancelledError


class OfAClient:
    """As much of one as executions need."""

    def __init__(self) -> None:
        self.shield = Shield()
        self.belonging = self
        self.shield.install()

    def check_packed(self, packed: object) -> None:
        """Nothing is carried here."""


def cause_of(failed: Any) -> BaseException:
    error = Failure(failed.packed, failed.text).error()
    assert isinstance(error, RayTaskError)
    return error.cause


@pytest.fixture
def fails() -> Any:
    client = OfAClient()
    yield Execution(cast("Client", client), "here", None).failed
    client.shield.uninstall()


def test_a_cancellation_while_an_error_is_described_leaves_no_module_half_imported(
    fails: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = []

    def importing(*args: Any, **options: Any) -> Failure:
        signal.raise_signal(signal.SIGINT)
        described.append(args)
        return task_failure(*args, **options)

    monkeypatch.setattr(execution, "task_failure", importing)
    failed = fails(Running(1, 1, "work", 1, None, is_task=True), ValueError("first"))
    assert len(described) == 1
    assert repr(cause_of(failed)) == "ValueError('first')"


def test_a_cancelled_task_is_cancelled_even_if_where_can_not_be_told(
    fails: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Failure:
        raise AttributeError("a module that is half there")

    monkeypatch.setattr(execution, "task_failure", broken)
    failed = fails(Running(1, 1, "work", 1, None, is_task=True), KeyboardInterrupt())
    assert isinstance(cause_of(failed), TaskCancelledError)
    assert "Where it was raised can't be told: that has raised builtins.AttributeError" in failed.text

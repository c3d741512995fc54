"""What the environment of a worker says of its resources."""

from __future__ import annotations

import os

import pytest

from real_backend.control import Grant
from real_backend.worker.variables import Hints
from simactors.core.resources import amounts_of


def grant(gpus: tuple[int, ...] = (), **quantities: float) -> Grant:
    return Grant(amounts_of(quantities), gpus)


def seen() -> tuple[str | None, str | None]:
    return os.environ.get("CUDA_VISIBLE_DEVICES"), os.environ.get("OMP_NUM_THREADS")


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)


def test_each_task_sees_its_own_resources_and_not_those_of_the_one_before() -> None:
    hints = Hints()
    hints.show(grant((0, 2), CPU=3))
    assert seen() == ("0,2", "3")
    hints.show(grant(CPU=0.5))
    assert seen() == (None, "1")
    hints.show(grant())
    assert seen() == (None, "1")


def test_what_the_process_was_started_with_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    monkeypatch.setenv("OMP_NUM_THREADS", "12")
    hints = Hints()
    hints.show(grant((1,), CPU=2))
    assert seen() == ("1", "12")
    hints.show(grant(CPU=2))
    assert seen() == ("7", "12")


def test_what_user_code_sets_stays() -> None:
    hints = Hints()
    hints.show(grant(CPU=2))
    os.environ["OMP_NUM_THREADS"] = "5"
    os.environ["CUDA_VISIBLE_DEVICES"] = "3"
    hints.show(grant(CPU=1))
    assert seen() == ("3", "5")

"""Which worker a task gets is nobody's promise, and every one that it could get really is one that a search tries."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import simactors as ray


@ray.remote
def pid() -> int:
    return os.getpid()


@ray.remote
def asks_for_pid() -> tuple[int, list[Any]]:
    return os.getpid(), [pid.remote()]


@ray.remote
class Ledger:
    def __init__(self) -> None:
        self.runs = 0

    def note(self) -> int:
        self.runs += 1
        return self.runs

    def read(self) -> int:
        return self.runs


@ray.remote
def crashes_at_first(ledger: Any, times: int) -> str:
    if ray.get(ledger.note.remote()) <= times:
        os._exit(1)
    return "done"


@ray.remote(max_retries=0)
def leaves(ledger: Any, times: int) -> list[Any]:
    return [crashes_at_first.remote(ledger, times)]


def outcomes(program: Callable[[], object]) -> set[object]:
    found = set()
    report = ray.explore(lambda: found.add(program()), budget=60, faults="none")
    assert not report.failed
    return found


def test_what_a_task_asks_for_runs_in_its_worker_or_in_another_one() -> None:
    def program() -> bool:
        own, refs = ray.get(asks_for_pid.remote())
        return bool(ray.get(refs[0]) == own)

    assert outcomes(program) == {True, False}


def test_tasks_one_after_the_other_share_a_worker() -> None:
    assert outcomes(lambda: ray.get(pid.remote()) == ray.get(pid.remote())) == {True}


def test_a_retry_can_end_the_owner_of_its_task_or_succeed() -> None:
    def program() -> str:
        ledger = Ledger.remote()
        refs = ray.get(leaves.remote(ledger, 2))
        try:
            return str(ray.get(refs[0]))
        except ray.exceptions.RayError as error:
            return type(error).__name__

    assert outcomes(program) == {"done", "OwnerDiedError"}

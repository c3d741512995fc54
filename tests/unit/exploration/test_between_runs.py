"""Between the runs of a hunt, replaced names of the standard library stay replaced: nobody may notice.

Method: whoever watches a hunt is called between two runs, and looks at the real world from there; and so does a thread.
"""

from __future__ import annotations

import datetime
import os
import random
import sys
import threading
import time
from pathlib import Path

import pytest

from simactors.exploration import hunting
from simactors.exploration.budget import Budget
from simactors.exploration.campaign import Quest, Tally
from simactors.exploration.target import Program, Target

PROGRAM = """
import time, random, os
import simactors as ray

@ray.remote
class Box:
    def look(self):
        time.sleep(100)
        return time.time(), random.random(), os.urandom(2)

def main():
    ray.get(Box.remote().look.remote())
"""
NAMES = ((time, "sleep"), (time, "time"), (random, "random"), (os, "urandom"), (datetime, "datetime"))


@pytest.fixture
def program(tmp_path: Path) -> Program:
    (tmp_path / "app.py").write_text(PROGRAM)
    return Program(target=Target(str(tmp_path / "app.py"), "main"))


def real() -> dict[str, object]:
    return {f"{module.__name__}.{name}": getattr(module, name) for module, name in NAMES}


def test_between_two_runs_time_is_real_and_after_the_hunt_all_is_as_before(program: Program) -> None:
    before, seen = real(), []

    def watch(tally: Tally) -> None:
        began = time.monotonic()
        time.sleep(0.001)
        seen.append((time.time() > 1.75e9, datetime.datetime.now().year > 2024, time.monotonic() > began))

    tally = hunting.search(program, Quest(faults=()), Budget(runs=4), watch)
    assert not tally.findings
    assert len(seen) == 5
    assert all(all(truths) for truths in seen)
    assert real() == before


def test_a_thread_of_somebody_else_sees_the_real_world_all_along(program: Program) -> None:
    years: list[float] = []
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(0.001):
            years.append(time.time())

    thread = threading.Thread(target=look)
    thread.start()
    hunting.search(program, Quest(faults=()), Budget(runs=5))
    is_over.set()
    thread.join()
    assert years
    assert min(years) > 1.75e9, "the epoch of a simulation is earlier"


def test_whatever_ends_a_hunt_between_two_runs_puts_all_back(program: Program) -> None:
    before = real()

    def search(error: BaseException) -> Tally:
        def watch(tally: Tally) -> None:
            if tally.runs == 2:
                raise error

        return hunting.search(program, Quest(faults=()), Budget(runs=4), watch)

    assert search(KeyboardInterrupt()).interrupted
    assert real() == before
    with pytest.raises(ZeroDivisionError):
        search(ZeroDivisionError())
    assert real() == before


def test_a_module_that_was_loaded_between_two_runs_keeps_the_real_names(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "loaded_late.py").write_text("from time import sleep, time\nfrom os import urandom\n")
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    before = real()

    def watch(tally: Tally) -> None:
        if tally.runs == 2:
            __import__("loaded_late")

    hunting.search(program, Quest(faults=()), Budget(runs=4), watch)
    late = sys.modules.pop("loaded_late")
    assert late.sleep is before["time.sleep"]
    assert late.time is before["time.time"]
    assert late.urandom is before["os.urandom"]

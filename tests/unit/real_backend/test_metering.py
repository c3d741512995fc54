"""`Meter`: what each call costs is written down, by the thread that has run it, and by nobody else."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from real_backend.client.metering import Meter
from real_backend.client.running import CallsHere, Running
from simactors.core import metering


def read(folder: Path) -> list[metering.Cost]:
    file = folder / f"{os.getpid()}{metering.SUFFIX}"
    return [metering.Cost(*json.loads(line)) for line in file.read_text().splitlines()]


def spin(work_s: float) -> None:
    until_s = time.thread_time() + work_s
    while time.thread_time() < until_s:
        pass


def run(here: CallsHere, number: int, code: Callable[[], object]) -> None:
    running = Running(1, number, f"call-{number}")
    here.begin_main(running)
    code()
    here.answered(running, returned=True)


def test_work_counts_and_waiting_does_not(tmp_path: Path) -> None:
    here = CallsHere()
    here.meter = Meter(str(tmp_path), lambda: 0)
    run(here, 1, lambda: spin(0.02))
    run(here, 2, lambda: time.sleep(0.05))
    computed, slept = read(tmp_path)
    assert (computed.label, slept.label) == ("call-1", "call-2")
    assert computed.work_s >= 0.02
    assert slept.work_s < 0.04


def test_what_the_code_has_made_meanwhile_is_counted(tmp_path: Path) -> None:
    made = [5]
    here = CallsHere()
    here.meter = Meter(str(tmp_path), lambda: made[0])
    run(here, 1, lambda: made.__setitem__(0, 8))
    run(here, 2, lambda: None)
    assert [cost.made for cost in read(tmp_path)] == [3, 0]


def test_a_constructor_goes_by_the_label_that_it_turns_out_to_have(tmp_path: Path) -> None:
    here = CallsHere()
    here.meter = Meter(str(tmp_path), lambda: 0)
    running = Running(1, 1, "actor.__init__")
    here.begin_main(running)
    running.label = "Account.__init__"
    here.constructed()
    assert here.main is None
    assert [cost.label for cost in read(tmp_path)] == ["Account.__init__"]
    assert (here.done, list(here.latest)) == (0, [])


def test_coroutines_and_calls_that_end_in_another_thread_are_left_out(tmp_path: Path) -> None:
    here = CallsHere()
    here.meter = Meter(str(tmp_path), lambda: 0)
    coroutine = Running(1, 1, "coroutine", stop=lambda: None)
    here.begin(coroutine)
    here.answered(coroutine, returned=True)
    moved = Running(1, 2, "moved")
    thread = threading.Thread(target=here.begin, args=(moved,))
    thread.start()
    thread.join()
    here.answered(moved, returned=True)
    run(here, 3, lambda: None)
    assert [cost.label for cost in read(tmp_path)] == ["call-3"]

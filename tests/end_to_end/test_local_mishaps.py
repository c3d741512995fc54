"""A `FaultPlan` on real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

import simactors as ray
from simactors.faults import CrashNode, CrashProcess, DelayCall, FaultPlan, Pause
from tests.end_to_end.noticing import comes_true

exceptions = ray.exceptions


@ray.remote
class Counter:
    def __init__(self) -> None:
        self.count = 0

    def add(self, by: int = 1) -> int:
        self.count += by
        return self.count

    def pid(self) -> int:
        return os.getpid()


@ray.remote(max_retries=1)
def work(path: str) -> int:
    with open(path, "a") as file:
        file.write(".")
    return os.getpid()


@ray.remote
def relay(counter: Any) -> int:
    time.sleep(0.05)
    return ray.get(counter.add.remote(100))  # type: ignore[no-any-return]


def with_faults(*faults: Any) -> None:
    ray.init(backend="local", num_cpus=4, faults=FaultPlan(faults))


@pytest.fixture(autouse=True)
def _closed() -> Any:
    yield
    ray.shutdown()


def asked(ref: Any) -> Any:
    try:
        return ray.get(ref, timeout=30)
    except exceptions.RayError as error:
        return type(error).__name__


def test_an_actor_crashes_before_its_second_call() -> None:
    with_faults(CrashProcess(process="Counter", before_call=2, call="Counter.add"))
    counter = Counter.remote()
    assert [asked(counter.add.remote()) for _ in range(3)] == [1, "ActorDiedError", "ActorDiedError"]


def test_after_a_call_means_that_it_was_done_and_not_answered() -> None:
    with_faults(CrashProcess(after_call=1, call="Counter.add"))
    counter = Counter.options(max_restarts=1, max_task_retries=1).remote()
    assert asked(counter.add.remote()) == 1  # made again by an actor that was born anew
    assert asked(counter.add.remote()) == 2


def test_a_task_crashes_and_is_made_again(tmp_path: Path) -> None:
    with_faults(CrashProcess(after_call=1, call="work"))
    path = str(tmp_path / "runs")
    assert isinstance(asked(work.remote(path)), int)
    assert Path(path).read_text() == ".."


def test_calls_are_counted_over_all_processes_that_fit() -> None:
    with_faults(CrashProcess(process="Counter", before_call=4, call="Counter.add"))
    counters = [Counter.remote() for _ in range(3)]
    answers = [asked(counter.add.remote()) for counter in counters for _ in range(2)]
    assert answers == [1, 2, 1, "ActorDiedError", 1, 2]


def test_one_of_a_class_is_named_by_its_rank_and_by_its_name() -> None:
    with_faults(
        CrashProcess(process="Counter#2", before_call=1, call="*"),
        CrashProcess(process="sam", before_call=1, call="*"),
    )
    first, second = Counter.remote(), Counter.remote()
    sam = Counter.options(name="sam").remote()
    assert [asked(c.add.remote()) for c in (first, second, sam)] == [1, "ActorDiedError", "ActorDiedError"]


def test_whoever_hears_an_answer_may_crash_at_it() -> None:
    with_faults(CrashProcess(process="relay", on_reply=1, call="Counter.add"))
    counter = Counter.remote()
    assert asked(relay.options(max_retries=0).remote(counter)) == "WorkerCrashedError"
    assert asked(counter.add.remote()) == 101


def test_a_process_crashes_at_a_time(capfd: pytest.CaptureFixture[str]) -> None:
    with_faults(CrashProcess(process="Counter", at_s=3))
    counter = Counter.options(max_restarts=1).remote()
    pid = ray.get(counter.pid.remote())

    def other() -> bool:
        return asked(counter.pid.remote()) not in (pid, "ActorUnavailableError")

    assert comes_true(other, 20)
    ray.shutdown()
    assert "fault: Counter#1 (pid " in capfd.readouterr().err


def test_a_process_stands_still_and_goes_on() -> None:
    with_faults(Pause(process="Counter", at_s=3, for_s=1))
    counter = Counter.remote()
    ray.get(counter.add.remote())
    slowest = 0.0
    deadline = time.monotonic() + 30
    while slowest < 0.7 and time.monotonic() < deadline:
        start = time.monotonic()
        ray.get(counter.add.remote())
        slowest = max(slowest, time.monotonic() - start)
    assert slowest >= 0.7


def test_a_late_call_holds_up_those_behind_it_and_nobody_else() -> None:
    with_faults(DelayCall(call="Counter.add", by_s=4, nth=2))
    counter = Counter.remote()
    start = time.monotonic()
    mine = [counter.add.remote() for _ in range(3)]
    assert ray.get(mine[0]) == 1  # there is no order between it and the call of somebody else
    assert ray.get(relay.remote(counter)) == 101
    assert ray.get(mine) == [1, 102, 103]
    assert time.monotonic() - start >= 4


def test_calls_are_late_by_chance_and_in_their_time() -> None:
    with_faults(DelayCall(call="*", by_s=60, probability=0.0), DelayCall(call="*", by_s=60, at_s=100))
    counter = Counter.remote()
    assert ray.get(counter.add.remote(), timeout=30) == 1


@pytest.mark.parametrize(
    "fault", [CrashNode(node="node-2", at_s=1), Pause(node="node-2", at_s=1, for_s=1)], ids=["crash", "pause"]
)
def test_what_can_not_happen_here_is_refused(fault: Any) -> None:
    with pytest.raises(ValueError, match="can't happen on backend='local'"):
        with_faults(fault)


def test_faults_belong_to_the_simulation_that_is_open() -> None:
    with ray.simulate(), pytest.raises(ValueError, match="inside an open simulation"):
        ray.init(faults=FaultPlan())


def test_the_simulator_takes_them_from_init_too() -> None:
    ray.init(backend="sim", faults=FaultPlan((CrashProcess(before_call=2, call="Counter.add"),)))
    counter = Counter.remote()
    assert [asked(counter.add.remote()) for _ in range(2)] == [1, "ActorDiedError"]


PROGRAM = """
    import simactors as ray

    @ray.remote
    class Store:
        def __init__(self):
            self.seen = []

        def put(self, item):
            self.seen.append(item)
            return len(self.seen)

    def main():
        store = Store.options(max_restarts=1, max_task_retries=1).remote()
        sizes = [ray.get(store.put.remote(i)) for i in range(5)]
        assert sizes == [1, 2, 3, 4, 5], sizes
"""


def test_what_a_hunt_has_found_is_confirmed_on_real_processes(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(textwrap.dedent(PROGRAM))

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "simactors", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )

    hunted = command("hunt", "app.py:main", "--faults", "crash", "--seeds", "300", "--out", "found")
    assert hunted.returncode == 1, hunted.stderr
    (repro,) = (tmp_path / "found").glob("app-AssertionError-*.json")
    replayed = command("replay", str(repro), "--backend", "local", "--times", "5")
    assert replayed.returncode == 1, replayed.stderr
    assert "confirmed: real processes fail in the same way" in replayed.stderr
    (tmp_path / "faults.toml").write_text(
        '[[faults]]\nkind = "crash_process"\nprocess = "Store"\nafter_call = 2\n'
    )
    ran = command("run", "app.py:main", "--backend", "local", "--faults", "faults.toml")
    assert ran.returncode == 1
    assert "AssertionError" in ran.stderr
    refused = command("replay", str(repro), "--times", "5")
    assert refused.returncode == 2
    assert "--times means something with --backend local" in refused.stderr

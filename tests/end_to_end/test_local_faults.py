"""Faults of the machine and of processes that the `local` backend survives.

Goal: whoever is hit gets a clear error, everyone else goes on, and nothing is left over. Method: real signals, real
limits, whole programs where the driver or the supervisor has to die. No test asserts a time, but for how long
leftovers may be there.
"""

from __future__ import annotations

import importlib
import os
import resource
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import simactors as ray
from simactors import exceptions
from tests.end_to_end.noticing import comes_true
from tests.shared_files import shared_files
from tests.started import supervisor

NOTICED_S = 10.0
GONE_S = 2.0
MIB = 1 << 20


@pytest.fixture
def session() -> Iterator[None]:
    ray.init(backend="local", num_cpus=4)
    yield
    ray.shutdown()


@ray.remote
class Worker:
    def __init__(self) -> None:
        self.total = 0

    def pid(self) -> int:
        return os.getpid()

    def add(self, data: Any) -> int:
        self.total += len(data)
        return self.total

    def allocate(self, size: int, limit: int) -> int:
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        return len(bytearray(size))

    def write_to_the_driver(self, data: bytes) -> None:
        """To every socket that there is, past the channel."""
        for name in os.listdir("/proc/self/fd"):
            try:
                end = socket.socket(fileno=os.dup(int(name)))
            except OSError:
                continue  # no socket
            with end:
                end.send(data)


@ray.remote
def double(x: int) -> int:
    return 2 * x


@pytest.fixture
def few_files(session: None) -> Iterator[Callable[[int], None]]:
    """Lowers the supervisor's limit of open files, to so many more than it has."""
    process = supervisor()
    before = process.rlimit(psutil.RLIMIT_NOFILE)

    def lower(more: int) -> None:
        used = {int(name) for name in os.listdir(f"/proc/{process.pid}/fd")}
        free = next(n for n in range(10_000) if n not in used)
        process.rlimit(psutil.RLIMIT_NOFILE, (free + more, before[1]))

    yield lower
    process.rlimit(psutil.RLIMIT_NOFILE, before)


# Limits


def test_the_limit_of_open_files_is_raised_as_far_as_it_may_be(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            """
            import resource
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
            import simactors as ray
            ray.init(backend="local")
            soft = lambda: resource.getrlimit(resource.RLIMIT_NOFILE)
            print(*soft(), *ray.get(ray.remote(soft).remote()))
            """
        )
    )
    run = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, check=True, timeout=60
    )
    assert len(set(run.stdout.split())) == 1


def test_a_supervisor_without_descriptors_fails_what_it_cannot_start(
    few_files: Callable[[int], None],
) -> None:
    old = Worker.remote()
    assert ray.get(old.add.remote("ab")) == 2
    few_files(0)
    new = Worker.remote()
    with pytest.raises(
        exceptions.ActorDiedError, match=r"(?s)could not be started: Too many open files.*ulimit"
    ):
        ray.get(new.add.remote("a"), timeout=NOTICED_S)
    with pytest.raises(
        exceptions.WorkerCrashedError, match=r"(?s)could be started: Too many open files.*ulimit"
    ):
        ray.get(double.remote(1), timeout=NOTICED_S)
    assert ray.get(old.add.remote("ab")) == 4
    few_files(40)
    assert ray.get(double.remote(4), timeout=NOTICED_S) == 8
    assert ray.get(Worker.remote().add.remote("abc"), timeout=NOTICED_S) == 3


def test_a_driver_without_descriptors_is_told_and_goes_on(session: None) -> None:
    old = Worker.remote()
    assert ray.get(old.add.remote("ab")) == 2
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        with pytest.raises(exceptions.ActorDiedError, match=r"(?s)could not be connected.*ulimit"):
            ray.get(Worker.remote().add.remote("a"), timeout=NOTICED_S)
        assert ray.get(old.add.remote("ab")) == 4
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert ray.get(Worker.remote().add.remote("a"), timeout=NOTICED_S) == 1


def test_a_lack_of_memory_is_an_error_of_the_call(session: None) -> None:
    worker = Worker.remote()
    used = psutil.Process(ray.get(worker.pid.remote())).memory_info().vms
    with pytest.raises(MemoryError) as caught:
        ray.get(worker.allocate.remote(4096 * MIB, used + 512 * MIB))
    assert isinstance(caught.value, exceptions.RayTaskError)
    assert ray.get(worker.add.remote("abc")) == 3
    assert ray.get(worker.add.remote(np.ones(4 * MIB, np.uint8))) == 3 + 4 * MIB


# Processes that stand still


def test_a_stopped_receiver_holds_up_nobody_and_loses_nothing(session: None) -> None:
    worker, other = Worker.remote(), Worker.remote()
    pid = ray.get(worker.pid.remote())
    ray.get(other.pid.remote())
    os.kill(pid, signal.SIGSTOP)
    try:
        before = psutil.Process().memory_info().rss
        refs = [worker.add.remote(bytes(MIB)) for _ in range(200)]
        with pytest.raises(exceptions.GetTimeoutError):
            ray.get(refs[0], timeout=0.2)
        assert ray.get(other.add.remote("abc")) == 3
        # What was posted is here, and not several times.
        assert psutil.Process().memory_info().rss - before < 3 * 200 * MIB
    finally:
        os.kill(pid, signal.SIGCONT)
    assert ray.get(refs) == [MIB * (n + 1) for n in range(200)]


def test_a_stopped_process_can_be_killed(session: None) -> None:
    worker, other = Worker.remote(), Worker.remote()
    pid = ray.get(worker.pid.remote())
    os.kill(pid, signal.SIGSTOP)
    ref = worker.add.remote(bytes(40 * MIB))
    large = worker.add.remote(np.ones(4 * MIB, np.uint8))
    ray.kill(worker)
    for waiting in (ref, large):
        with pytest.raises(exceptions.ActorDiedError, match="killed"):
            ray.get(waiting, timeout=NOTICED_S)
    assert ray.get(other.add.remote("abc")) == 3
    assert not psutil.pid_exists(pid)


# Deaths


def test_many_workers_killed_at_once_are_all_told(session: None) -> None:
    workers = [Worker.options(num_cpus=0).remote() for _ in range(24)]
    pids = ray.get([w.pid.remote() for w in workers])
    survivors = workers[::4]
    refs = []
    for index, pid in enumerate(pids):
        if index % 4:
            os.kill(pid, signal.SIGKILL)
            refs.append(workers[index].add.remote("a"))
    for ref in refs:
        with pytest.raises(exceptions.ActorDiedError, match="SIGKILL"):
            ray.get(ref, timeout=NOTICED_S)
    assert ray.get([s.add.remote("ab") for s in survivors]) == [2] * len(survivors)
    assert ray.get([double.remote(i) for i in range(8)]) == [2 * i for i in range(8)]


@pytest.mark.parametrize("force", [False, True])
def test_a_task_that_waits_for_its_retry_can_be_cancelled(tmp_path: Path, force: bool) -> None:
    @ray.remote(max_retries=1)
    def victim(pid: str) -> str:
        Path(pid).write_text(str(os.getpid()))
        time.sleep(NOTICED_S)  # it is killed or cancelled before that
        return "ran"

    @ray.remote(resources={"other": 1})
    def next_one(begun: str, end: str) -> None:
        Path(begun).touch()
        comes_true(Path(end).exists, 2 * NOTICED_S)

    pid, begun, end = (str(tmp_path / name) for name in ("pid", "begun", "end"))
    ray.init(backend="local", num_cpus=1, resources={"other": 1})
    try:
        lost = victim.remote(pid)
        assert comes_true(lambda: Path(pid).exists() and Path(pid).read_text(), NOTICED_S)
        blocking = next_one.remote(begun, end)  # gets the CPU that the crash sets free
        with pytest.raises(exceptions.GetTimeoutError):
            ray.get(blocking, timeout=0.1)
        os.kill(int(Path(pid).read_text()), signal.SIGKILL)
        assert comes_true(Path(begun).exists, NOTICED_S)
        ray.cancel(lost, force=force)
        with pytest.raises(exceptions.TaskCancelledError):
            ray.get(lost, timeout=NOTICED_S)
        Path(end).touch()
        ray.get(blocking, timeout=NOTICED_S)
    finally:
        ray.shutdown()


MODULE = """
import os, time
from pathlib import Path

class Value:
    pass

if "begun" in os.environ:
    raise ImportError("cannot load module more than once per process")
os.environ["begun"] = "yes"
Path(__file__).with_suffix(".begun").touch()
while not Path(__file__).with_suffix(".end").exists():
    time.sleep(0.001)
"""


@pytest.mark.parametrize("needed_by", ["the function", "its argument"])
def test_a_cancelled_task_leaves_no_half_of_a_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needed_by: str
) -> None:
    name = f"slow_{needed_by.split()[1]}"
    program = tmp_path / f"{name}.py"
    program.write_text(MODULE)
    begun, end = program.with_suffix(".begun"), program.with_suffix(".end")
    end.touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("begun", raising=False)
    value = importlib.import_module(name).Value
    monkeypatch.delenv("begun")
    end.unlink()
    begun.unlink()

    @ray.remote
    def needs(given: Any = None) -> str:
        return (value if given is None else type(given)).__name__

    ray.init(backend="local", num_cpus=1)
    try:
        arguments = () if needed_by == "the function" else (value(),)
        lost = needs.remote(*arguments)
        assert comes_true(begun.exists, NOTICED_S)
        ray.cancel(lost)
        with pytest.raises(exceptions.GetTimeoutError):
            ray.get(lost, timeout=0.2)
        end.touch()
        with pytest.raises(exceptions.TaskCancelledError):
            ray.get(lost, timeout=NOTICED_S)
        assert ray.get(needs.remote(*arguments), timeout=NOTICED_S) == "Value"
    finally:
        ray.shutdown()


PROGRAM = """
import os, sys, time
import numpy as np
import simactors as ray

@ray.remote
class Worker:
    def keep(self, value):
        self.value = value
        return os.getpid()

    def spin(self):
        while True:
            pass

ray.init(backend="local", num_cpus=4)
value = ray.put(np.ones(1 << 22, np.uint8))
workers = [Worker.options(num_cpus=0).remote() for _ in range(4)]
pids = ray.get([w.keep.remote(np.ones(1 << 22, np.uint8)) for w in workers])
workers[0].spin.remote()
print(*pids, flush=True)
try:
    ray.get(workers[0].spin.remote())
finally:
    print("ended", flush=True)
"""


def left_over(pids: list[int]) -> list[int]:
    return [pid for pid in pids if is_left_over(pid)]


def is_left_over(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("victim", ["driver", "supervisor"])
def test_whoever_is_killed_nothing_is_left(tmp_path: Path, victim: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    files = shared_files()
    driver = subprocess.Popen(
        [sys.executable, str(program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert driver.stdout is not None
    pids = list(map(int, driver.stdout.readline().split()))
    (overseer,) = psutil.Process(driver.pid).children()
    sockets = {
        c.laddr for p in (driver.pid, overseer.pid, *pids) for c in psutil.Process(p).net_connections("all")
    }
    os.kill(driver.pid if victim == "driver" else overseer.pid, signal.SIGKILL)
    assert comes_true(lambda: not left_over([overseer.pid, *pids]), GONE_S)
    _, errors = driver.communicate(timeout=NOTICED_S)
    assert shared_files() <= files
    assert sockets <= {"", None}  # without names, so there is nothing in the file system or on a port
    if victim == "supervisor":
        assert driver.returncode == 1
        assert "The supervisor process of backend='local' has ended" in errors


# Strangers


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"sima" + bytes(100), bytes(3)])
def test_garbage_ends_the_one_who_wrote_it_and_nobody_else(
    session: None, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    worker, other = Worker.remote(), Worker.remote()
    assert ray.get(other.add.remote("ab")) == 2
    with pytest.raises(exceptions.ActorDiedError, match="no message of this session"):
        ray.get(worker.write_to_the_driver.remote(data), timeout=NOTICED_S)
    with pytest.raises(exceptions.ActorDiedError):
        ray.get(worker.add.remote("a"), timeout=NOTICED_S)
    assert ray.get(other.add.remote("ab")) == 4
    assert ray.get(double.remote(2), timeout=NOTICED_S) == 4
    # The driver's own log; the supervisor's goes to its stderr.
    assert len([r for r in caplog.records if "is closed" in r.getMessage()]) <= 1

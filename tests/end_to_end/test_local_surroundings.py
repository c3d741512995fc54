"""What a session's processes meet of the system around them: descriptors, variables, children, signals.

Goal: what user code does with its own process never becomes somebody else's trouble, and is told by its name. Method:
sessions of the `local` backend in this process, and whole programs where the driver itself is odd.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import simactors as ray
from tests.end_to_end.noticing import comes_true

NOTICED_S = 30.0


@pytest.fixture
def session() -> Iterator[None]:
    ray.init(backend="local", num_cpus=2)
    yield
    ray.shutdown()


def program(code: str, *words: str, closed: tuple[int, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run `code` as a driver that was started without these descriptors."""
    closing = " ".join(f"{fd}>&-" for fd in closed)
    command = ["sh", "-c", f'exec "$@" {closing}', "sh", sys.executable, "-c", textwrap.dedent(code), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_a_session_opens_where_standard_descriptors_are_closed(
    tmp_path: Path, closed: tuple[int, ...]
) -> None:
    code = """
    import os, sys
    import simactors as ray

    ray.init(backend="local", num_cpus=1)

    @ray.remote
    class Noisy:
        def noise(self):
            print("out")
            os.write(2, b"err")
            return bytes(1_000_000)

    noisy = Noisy.remote()
    for fd in (1, 2):
        try:
            os.write(fd, b"as C code prints")
        except OSError:
            pass
    sizes = [len(x) for x in ray.get([noisy.noise.remote() for _ in range(3)])]
    ray.shutdown()
    open(sys.argv[1], "w").write(repr(sizes))
    """
    ran = program(code, str(tmp_path / "sizes"), closed=closed)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "sizes").read_text() == repr([1_000_000] * 3)


@ray.remote
class Reader:
    """Tells what it finds."""

    def names(self) -> tuple[str, str, list[str]]:
        return os.environ["TZ"], time.tzname[0], sys.path[:2]

    def imported(self) -> Any:
        import from_the_path_of_one_actor

        return from_the_path_of_one_actor.VALUE


@pytest.mark.parametrize("whose", ["the actor's", "the session's"])
def test_what_an_interpreter_reads_at_its_start_holds_in_a_forked_worker(tmp_path: Path, whose: str) -> None:
    there = tmp_path / "there"
    there.mkdir()
    (there / "from_the_path_of_one_actor.py").write_text("VALUE = 7")
    variables = {"PYTHONPATH": f"{there}:{tmp_path}", "TZ": "XYZ-3"}
    env = {"env_vars": variables}
    ray.init(backend="local", num_cpus=1, runtime_env=env if whose == "the session's" else None)
    try:
        reader = Reader.options(runtime_env=env if whose == "the actor's" else None).remote()
        assert ray.get(reader.names.remote()) == ("XYZ-3", "XYZ", [str(there), str(tmp_path)])
        assert ray.get(reader.imported.remote()) == 7
    finally:
        ray.shutdown()


@pytest.mark.usefixtures("session")
def test_what_comes_too_late_for_a_forked_worker_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    variables = {"LD_PRELOAD": "", "MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "1", "HOME": "/"}
    env = {"env_vars": variables | {"LD_LIBRARY_PATH": "/nowhere"}}
    for _ in range(2):
        Reader.options(runtime_env=env).remote()
    late = [record.args for record in caplog.records if "comes too late" in record.msg]
    assert sorted(late) == [("LD_LIBRARY_PATH",), ("LD_PRELOAD",), ("MALLOC_ARENA_MAX",)]


def _fork_and(how: str) -> Any:
    """Fork; the child ends as `how` says, the parent tells how the child has ended."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if how == "exit":
        sys.exit(5)
    if how == "raise":
        raise ValueError("in the child")
    if how == "call":
        ray.get(ray.put(1))
    return "the child's answer"


@ray.remote
def fork_in_a_task(how: str) -> Any:
    return _fork_and(how)


@ray.remote
class Forker:
    """Forks wherever its code runs."""

    def __init__(self, how: str = "") -> None:
        self.made = _fork_and(how) if how else None

    def fork(self, how: str) -> Any:
        return _fork_and(how)

    def generate(self, how: str) -> Iterator[Any]:
        yield _fork_and(how)

    def asked(self) -> tuple[int, Any]:
        return os.getpid(), self.made


@ray.remote
class AsyncForker:
    """The same on an event loop."""

    def __init__(self, how: str = "") -> None:
        self.made = _fork_and(how) if how else None

    async def fork(self, how: str) -> Any:
        return _fork_and(how)

    async def generate(self, how: str) -> Any:
        yield _fork_and(how)

    async def asked(self) -> tuple[int, Any]:
        return os.getpid(), self.made


@pytest.mark.usefixtures("session")
@pytest.mark.parametrize(("how", "code"), [("return", 0), ("exit", 5), ("raise", 1), ("call", 1)])
def test_a_child_that_comes_back_out_of_user_code_is_no_second_worker(how: str, code: int) -> None:
    plain = Forker.options(num_cpus=0)
    actors: list[Any] = [f.remote(how) for f in (plain, plain.options(max_concurrency=2), AsyncForker)]
    for actor in actors:
        pid, made = ray.get(actor.asked.remote(), timeout=30)
        assert made == code
        assert ray.get(actor.fork.remote(how), timeout=30) == code
        items = actor.generate.options(num_returns="streaming").remote(how)
        assert [ray.get(item, timeout=30) for item in items] == [code]
        assert ray.get([actor.asked.remote() for _ in range(5)], timeout=30) == [(pid, code)] * 5
    assert ray.get(fork_in_a_task.remote(how), timeout=30) == code


@ray.remote(max_retries=0)
def terminate_itself(*, catch: bool = False) -> None:
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    except SystemExit as error:
        if not catch or error.code != 1:
            raise
        sys.exit(1)


@ray.remote
class Terminated:
    def pid(self) -> int:
        return os.getpid()

    def stay(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)


@pytest.mark.usefixtures("session")
def test_who_was_ended_by_sigterm_is_said_to_be() -> None:
    with pytest.raises(ray.exceptions.WorkerCrashedError, match="SIGTERM"):
        ray.get(terminate_itself.remote(), timeout=30)
    with pytest.raises(ray.exceptions.WorkerCrashedError, match=r"sys.exit\(1\)"):
        ray.get(terminate_itself.remote(catch=True), timeout=30)
    with pytest.raises(ray.exceptions.ActorDiedError, match="SIGTERM"):
        ray.get(Terminated.remote().stay.remote(), timeout=30)
    idle = Terminated.remote()
    os.kill(ray.get(idle.pid.remote()), signal.SIGTERM)
    with pytest.raises(ray.exceptions.ActorDiedError, match="SIGTERM"):
        comes_true(lambda: not ray.get(idle.pid.remote()), NOTICED_S)


@ray.remote
def close_everything() -> None:
    os.closerange(3, 1000)


@pytest.mark.usefixtures("session")
def test_whoever_closes_descriptors_that_are_not_theirs_is_told_where_to_look() -> None:
    with pytest.raises(ray.exceptions.WorkerCrashedError, match=r"exit code 70: .*os.closerange.*stderr"):
        ray.get(close_everything.options(max_retries=0).remote(), timeout=30)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@ray.remote
class Starter:
    """Starts a program, and leaves it."""

    def __init__(self) -> None:
        self.child = subprocess.Popen(["sleep", "777"])

    def pids(self) -> tuple[int, int]:
        return os.getppid(), self.child.pid


@pytest.mark.parametrize("collected", [False, True], ids=["by us", "by the user"])
def test_what_actors_have_started_ends_with_a_supervisor_that_is_killed(
    session: None, collected: bool
) -> None:
    starters = [Starter.options(num_cpus=0).remote() for _ in range(3)]
    told = ray.get([starter.pids.remote() for starter in starters])
    supervisor = told[0][0]
    if collected:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        os.kill(supervisor, signal.SIGKILL)
        for _, child in told:
            assert comes_true(lambda pid=child: gone(pid), NOTICED_S)
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)

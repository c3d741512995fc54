"""What one sees of a session of backend="local": what its processes print, their titles, `simactors status`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
from click.testing import CliRunner

import simactors as ray
from simactors.cli import commands
from simactors.core.status import sessions
from tests.end_to_end.noticing import comes_true


@pytest.fixture
def session() -> Iterator[None]:
    ray.init(backend="local", num_cpus=4)
    yield
    ray.shutdown()


def printed(program: str, *, times: int = 1) -> tuple[list[str], list[str]]:
    """The lines of stdout and stderr of a program, with pids replaced."""
    ran = subprocess.run(
        [sys.executable, "-c", "import os, sys\nimport simactors as ray\n" + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return _lines(ran.stdout), _lines(ran.stderr)


def _lines(text: str) -> list[str]:
    return [
        " ".join("pid=N)" if w.startswith("pid=") else w for w in line.split(" "))
        for line in text.splitlines()
    ]


def test_prints_of_actors_and_tasks_say_who_has_printed_them() -> None:
    out, err = printed("""
        ray.init(backend="local")
        @ray.remote
        class Speaker:
            def speak(self):
                print("to", "stdout")
                print("two\\nlines")
                print("to stderr", file=sys.stderr)
        @ray.remote
        def whisper():
            print("from a task")
        @ray.remote
        class Named:
            def __repr__(self): return "Named(7)"
            def speak(self): print("I am")
        speaker = Speaker.remote()
        ray.get([speaker.speak.remote(), whisper.remote(), whisper.options(name="other").remote()])
        ray.get(Named.remote().speak.remote())
        # In one write: unbuffered, print writes the end of a line by itself, and a worker's may get between.
        sys.stdout.write("from the driver\\n")
    """)
    assert sorted(out) == sorted(
        [
            "(Speaker pid=N) to stdout",
            "(Speaker pid=N) two",
            "(Speaker pid=N) lines",
            "(whisper pid=N) from a task",
            "(other pid=N) from a task",
            "(Named(7) pid=N) I am",
            "from the driver",
        ]
    )
    assert err == ["(Speaker pid=N) to stderr"]


def test_whatever_writes_to_the_descriptors_is_shown_and_nothing_is_lost_at_the_end() -> None:
    out, _ = printed("""
        ray.init(backend="local")
        @ray.remote
        class Speaker:
            def run(self): os.system("echo from a child")
            def begin(self): sys.stdout.write("a line that was begun"); sys.stdout.flush()
            def much(self):
                for i in range(5000): print(i)
            def die(self):
                print("last words")
                os._exit(1)
        speaker = Speaker.remote()
        ray.get([speaker.run.remote(), speaker.much.remote(), speaker.begin.remote()])
        dying = Speaker.remote()
        ray.wait([dying.die.remote()])
    """)
    assert out[0] == "(Speaker pid=N) from a child"
    assert [line for line in out if line.endswith(" 4999")]
    assert len(out) == 5003
    assert "(Speaker pid=N) a line that was begun" in out
    assert "(Speaker pid=N) last words" in out


def test_the_driver_may_not_want_to_see_it() -> None:
    out, err = printed("""
        ray.init(backend="local", log_to_driver=False)
        @ray.remote
        def speak():
            print("nobody hears", 200_000 * "x")
            return 1
        print(ray.get(speak.remote()))
    """)
    assert (out, err) == (["1"], [])


def test_a_driver_with_a_stdout_of_its_own_gets_it_there() -> None:
    out, _ = printed("""
        import contextlib, io
        ray.init(backend="local")
        @ray.remote
        def speak(): print("into the cell")
        kept = io.StringIO()
        with contextlib.redirect_stdout(kept):
            ray.get(speak.remote())
            ray.shutdown()
        print(kept.getvalue().count("into the cell"))
    """)
    assert out == ["1"]


@pytest.mark.usefixtures("session")
def test_processes_have_titles() -> None:
    @ray.remote
    class Counter:
        def pid(self) -> int:
            return os.getpid()

    @ray.remote
    def square() -> int:
        return os.getpid()

    counter = Counter.remote()
    pids = ray.get([counter.pid.remote(), square.remote()])
    titles = [psutil.Process(pid).cmdline()[0] for pid in pids]
    assert titles == ["simactors::Counter", "simactors::square"]
    parent = psutil.Process(pids[0]).parent()
    assert parent.cmdline()[0] == f"simactors::supervisor driver={os.getpid()}"


@ray.remote
class Sleeper:
    def nap(self, seconds: float) -> int:
        time.sleep(seconds)
        return os.getpid()

    def die(self) -> None:
        os._exit(1)


def mine() -> Any:
    return next(s for s in sessions() if s.driver_pid == os.getpid())


def until(holds: Callable[[], bool]) -> None:
    assert comes_true(holds, 10), mine()


@pytest.mark.usefixtures("session")
def test_status_knows_actors_calls_and_restarts() -> None:
    sleeper = Sleeper.options(name="sam", max_restarts=2, num_cpus=1).remote()
    waiting = Sleeper.options(num_cpus=100).remote()
    pid = ray.get(sleeper.nap.remote(0))
    naps = [sleeper.nap.remote(30) for _ in range(3)]

    def row(name: str | None) -> Any:
        return next(p for p in mine().processes if p.kind == "actor" and p.actor_name == name)

    until(lambda: row("sam").pending == 3)
    found = row("sam")
    assert (found.pid, found.name, found.state, found.done) == (pid, "Sleeper", "ALIVE", 1)
    assert (found.restarts, found.max_restarts, found.resources) == (0, 2, {"CPU": 1.0})
    assert (row(None).state, row(None).pid) == ("PENDING_CREATION", None)
    assert mine().waiting == 1
    assert mine().available["CPU"] == 3.0
    assert mine().processes[0].pid == os.getpid()
    os.kill(pid, 9)
    until(lambda: row("sam").restarts == 1 and row("sam").state == "ALIVE")
    for nap in naps:
        with pytest.raises(ray.exceptions.ActorUnavailableError):
            ray.get(nap)
    del waiting


@pytest.mark.usefixtures("session")
def test_a_stopped_process_holds_nobody_up() -> None:
    sleeper = Sleeper.remote()
    pid = ray.get(sleeper.nap.remote(0))
    os.kill(pid, 19)
    assert [p.state for p in mine().processes if p.pid == pid] == ["SILENT"]
    os.kill(pid, 18)
    until(lambda: [p.state for p in mine().processes if p.pid == pid] == ["ALIVE"])


@pytest.mark.usefixtures("session")
def test_the_command_shows_it_as_a_table_and_as_json() -> None:
    sleeper = Sleeper.options(name="sam").remote()
    ray.get(sleeper.nap.remote(0))
    shown = CliRunner().invoke(commands, ["status"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert "Sleeper" in shown.output
    assert "sam" in shown.output
    lines = CliRunner().invoke(commands, ["status", "--json"]).output.splitlines()
    (told,) = [told for told in map(json.loads, lines) if told["driver_pid"] == os.getpid()]
    actor = next(p for p in told["processes"] if p["kind"] == "actor")
    assert actor["actor_name"] == "sam"
    assert told["memory"][str(actor["pid"])] > 1_000_000


def test_without_a_session_the_command_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simactors.cli.status.sessions", lambda: iter(()))
    shown = CliRunner().invoke(commands, ["status"])
    assert shown.output == "No session of backend='local' is open on this machine.\n"
    assert CliRunner().invoke(commands, ["status", "--json"]).output == ""


def test_ctrl_c_while_a_session_is_shut_down_leaves_nothing_of_it() -> None:
    out, _ = printed("""
        import signal, threading
        import psutil
        import real_backend.backend, real_backend.client.client
        real_backend.backend._END_S = 0.1  # how long an end is waited for that will not come
        real_backend.client.client._GOODBYE_S = 60
        before = psutil.Process().num_fds()
        ray.init(backend="local")
        (supervisor,) = psutil.Process().children()
        supervisor.suspend()
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            ray.shutdown()
        except KeyboardInterrupt:
            print("interrupted", supervisor.is_running(), psutil.Process().num_fds() - before)
        print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, ray.is_initialized())
    """)
    assert out == ["interrupted False 0", "True False"]
